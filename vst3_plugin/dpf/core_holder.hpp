// The part of the plug-in that its window sees. DPF gives the window a pointer to the instance (direct access); in LV2 the two
// are different binaries, so its functions are inline or virtual.
#pragma once

#include "core.hpp"

#include "DistrhoPlugin.hpp"

#include <future>
#include <string>

START_NAMESPACE_DISTRHO

class CoreHolder : public Plugin {
public:
  CoreHolder(uint32_t parameters, uint32_t programs, uint32_t states) : Plugin(parameters, programs, states), core_(getSampleRate()) {}

  acebridge::Core& core() const { return core_; }

  // The path of a file with the audio of a take, as soon as it is there; empty if there can be none. The work is the plug-in's and
  // goes on when the window closes. Nothing is dragged out of the window, so nobody asks, where the plug-in has no link.
  virtual std::future<std::string> find_take_file(const acebridge::TakeRegion& /*take*/) { return {}; }

protected:
  // DPF asks for state in a const function; reading it takes over captured audio.
  mutable acebridge::Core core_;
};

END_NAMESPACE_DISTRHO
