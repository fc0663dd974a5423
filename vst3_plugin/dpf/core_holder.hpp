// The part of the plug-in that its window sees. DPF gives the window a pointer to the instance (direct access); in LV2 the two
// are different binaries, so this has inline functions only.
#pragma once

#include "core.hpp"

#include "DistrhoPlugin.hpp"

START_NAMESPACE_DISTRHO

class CoreHolder : public Plugin {
public:
  CoreHolder(uint32_t parameters, uint32_t programs, uint32_t states) : Plugin(parameters, programs, states), core_(getSampleRate()) {}

  acebridge::Core& core() const { return core_; }

protected:
  // DPF asks for state in a const function; reading it takes over captured audio.
  mutable acebridge::Core core_;
};

END_NAMESPACE_DISTRHO
