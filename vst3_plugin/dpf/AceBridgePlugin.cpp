// The core as a DPF plug-in. Nothing but translation belongs here.
//
// What DPF's hosts promise: `activate`, `deactivate` and `sampleRateChanged` never run beside `run`; `setParameterValue` may
// come from any thread; `getState` and `setState` come from any thread but the one that runs `run`.
#include "core_holder.hpp"
#ifdef _WIN32
#include "no_link.hpp"
#else
#include "link.hpp"
#include "take_files.hpp"
#endif

#include <cstring>
#include <memory>
#include <optional>

START_NAMESPACE_DISTRHO

namespace {

using acebridge::Kind;
using acebridge::kKeys;
using acebridge::kParameterTable;

// A trigger is a toggle to DPF as well, and a choice a whole number.
uint32_t hints_of(Kind kind) {
  switch (kind) {
  case Kind::number:
    return kParameterIsAutomatable;
  case Kind::integer:
  case Kind::choice:
    return kParameterIsAutomatable | kParameterIsInteger;
  case Kind::toggle:
    return kParameterIsAutomatable | kParameterIsBoolean | kParameterIsInteger;
  case Kind::trigger:
    return kParameterIsAutomatable | kParameterIsTrigger | kParameterIsInteger;
  case Kind::output:
    return kParameterIsOutput;
  default:
    return kParameterIsOutput | kParameterIsInteger;
  }
}

std::optional<acebridge::Key> key_of(const char* name) {
  for (size_t i = 0; i < kKeys.size(); ++i) {
    if (std::strcmp(name, kKeys[i]) == 0) {
      return static_cast<acebridge::Key>(i);
    }
  }
  return std::nullopt;
}

} // namespace

class AceBridgePlugin : public CoreHolder {
public:
  AceBridgePlugin() : CoreHolder(acebridge::kParameters, 0, kKeys.size()) {}

#ifndef _WIN32
  std::future<std::string> find_take_file(const acebridge::TakeRegion& take) override {
    return take_files_.find(core_.file_of(take.sha256), take, core_.asset(take.sha256));
  }
#endif

protected:
  const char* getLabel() const override { return "AceBridge"; }
  const char* getMaker() const override { return "AceBridge"; }
  const char* getLicense() const override { return "MIT"; }
  const char* getDescription() const override { return "AI music in place: captures bars, plays takes where they belong."; }
  uint32_t getVersion() const override { return d_version(0, 1, 0); }
  int64_t getUniqueId() const override { return d_cconst('A', 'c', 'B', 'r'); }

  void initParameter(uint32_t index, Parameter& parameter) override {
    const acebridge::Parameter& row = kParameterTable[index];
    parameter.hints = hints_of(row.kind);
    parameter.name = row.name;
    parameter.symbol = row.symbol;
    parameter.ranges = ParameterRanges(row.initial, row.low, row.high);
    if (row.labels != nullptr) {
      const auto count = static_cast<uint8_t>(row.high + 1);
      auto* values = new ParameterEnumerationValue[count]; // DPF deletes it
      for (uint8_t i = 0; i < count; ++i) {
        values[i].value = i;
        values[i].label = row.labels[i];
      }
      parameter.enumValues.count = count;
      parameter.enumValues.restrictedMode = true;
      parameter.enumValues.values = values;
    }
  }

  void initState(uint32_t index, State& state) override {
    state.key = kKeys[index];
    state.label = kKeys[index];
    state.defaultValue = "";
  }

  float getParameterValue(uint32_t index) const override { return core_.value(index); }
  void setParameterValue(uint32_t index, float value) override { core_.parameters().set(index, value); }

  String getState(const char* name) const override {
    const auto key = key_of(name);
    return key ? String(core_.get_state(*key).c_str()) : String();
  }

  void setState(const char* name, const char* value) override {
    if (const auto key = key_of(name)) {
      core_.set_state(*key, value);
    }
  }

  // Some hosts make instances that never run: those have no link. A job goes on while the host is inactive.
  void activate() override {
    if (link_ == nullptr) {
      link_ = std::make_unique<acebridge::Link>(core_);
    }
  }

  void sampleRateChanged(double rate_hz) override { core_.prepare(rate_hz); }

  void run(const float** inputs, float** outputs, uint32_t frames) override {
    const TimePosition& position = getTimePosition();
    acebridge::HostTime time;
    time.playing = position.playing;
    time.frame = static_cast<int64_t>(position.frame); // pre-roll wraps around in DPF's unsigned number
    time.tempo_bpm = position.bbt.beatsPerMinute;
    time.has_bars = position.bbt.valid;
    if (time.has_bars) {
      time.bar = position.bbt.bar;
      time.beat = position.bbt.beat + position.bbt.tick / position.bbt.ticksPerBeat;
      time.meter = {position.bbt.beatsPerBar, position.bbt.beatType};
    }
    core_.process(time, inputs, outputs, frames);
  }

private:
#ifndef _WIN32
  acebridge::TakeFiles take_files_;
#endif
  std::unique_ptr<acebridge::Link> link_; // it uses the core, which the base class holds

  DISTRHO_DECLARE_NON_COPYABLE_WITH_LEAK_DETECTOR(AceBridgePlugin)
};

Plugin* createPlugin() { return new AceBridgePlugin(); }

END_NAMESPACE_DISTRHO
