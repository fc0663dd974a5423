// What an effect of DPF costs that does nothing.
#include "DistrhoPlugin.hpp"

#include <cstring>

START_NAMESPACE_DISTRHO

class PassThrough : public Plugin {
public:
  PassThrough() : Plugin(0, 0, 0) {}

protected:
  const char* getLabel() const override { return "PassThrough"; }
  const char* getMaker() const override { return "AceBridge"; }
  const char* getLicense() const override { return "MIT"; }
  uint32_t getVersion() const override { return d_version(0, 1, 0); }
  int64_t getUniqueId() const override { return d_cconst('A', 'c', 'B', '0'); }

  void run(const float** inputs, float** outputs, uint32_t frames) override {
    for (int channel = 0; channel < 2; ++channel) {
      if (outputs[channel] != inputs[channel]) {
        std::memmove(outputs[channel], inputs[channel], sizeof(float) * frames);
      }
    }
  }
};

Plugin* createPlugin() { return new PassThrough(); }

END_NAMESPACE_DISTRHO
