// Playback of takes in place: where the transport passes a take, it replaces the input or is added to it.
//
//   input      = = = = = = ╲╱ ············ ╲╱ = = = = =          "=": identical to the input
//   take               │fade│ inside       │fade│                inside: identical to the take (Mode replace)
//
// Audio thread only, except for making takes.
#pragma once

#include "channels.hpp"
#include "transport.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace acebridge {

enum class Mode { off, replace, add };

struct Take {
  int number = 1; // which of the takes of its region; counts from 1
  int64_t start_frame = 0;
  SharedChannels channels; // at the rate of the project, as all numbers here
  double lufs = 0;
  std::vector<float> fade; // gains of the take over its first frames; the last ones mirror them

  int64_t frames() const { return frames_of(*channels); }

  // Equal power: the squares of the gains of take and input add up to 1.
  void set_fade(uint32_t fade_frames) {
    fade.resize(static_cast<size_t>(std::min<int64_t>(fade_frames, frames() / 2)));
    for (size_t i = 0; i < fade.size(); ++i) {
      const double phase = (static_cast<double>(i) + 0.5) / static_cast<double>(fade.size());
      fade[i] = static_cast<float>(std::sin(phase * 1.5707963267948966));
    }
  }
};

// All takes that can play. It does not change once the audio thread has it.
struct TakeSet {
  std::vector<Take> takes;
  TakeSet* next = nullptr; // see Handoff
};

class TakePlayer {
public:
  // A change of Mode or Take while the transport rolls crossfades over this length.
  static constexpr uint32_t kSwitchFrames = 256;

  // `output` may be the same memory as `input`, channel by channel.
  void process(const Block& block, const TakeSet* set, Mode mode, int number, const float* const* input,
               float* const* output, uint32_t frames) {
    for (size_t channel = 0; channel < 2; ++channel) {
      if (output[channel] != input[channel]) {
        std::memmove(output[channel], input[channel], sizeof(float) * frames);
      }
    }
    const Choice choice{mode, number};
    if (!block.playing || block.change != Change::none) {
      switch_left_ = 0;
    } else if (!(choice == choice_)) {
      old_ = choice_;
      switch_left_ = kSwitchFrames;
    }
    choice_ = choice;
    if (!block.playing || set == nullptr) {
      return;
    }
    uint32_t done = 0;
    if (switch_left_ > 0) {
      done = std::min(frames, switch_left_);
      blend(*set, block.frame, output, done);
      switch_left_ -= done;
    }
    const std::array<float*, 2> rest{output[0] + done, output[1] + done};
    mix(*set, choice_, block.frame + done, rest, frames - done);
  }

private:
  struct Choice {
    Mode mode = Mode::off;
    int number = 1;

    bool operator==(const Choice& other) const { return mode == other.mode && number == other.number; }
  };

  using Pointers = std::array<float*, 2>;

  // From what the old choice plays to what the new one plays. At most kSwitchFrames frames.
  void blend(const TakeSet& set, int64_t frame, float* const* output, uint32_t frames) {
    std::array<std::array<float, kSwitchFrames>, 2> before;
    for (size_t channel = 0; channel < 2; ++channel) {
      std::copy_n(output[channel], frames, before[channel].begin());
    }
    mix(set, old_, frame, {before[0].data(), before[1].data()}, frames);
    mix(set, choice_, frame, {output[0], output[1]}, frames);
    for (uint32_t i = 0; i < frames; ++i) {
      const float share = static_cast<float>(switch_left_ - i) / static_cast<float>(kSwitchFrames);
      for (size_t channel = 0; channel < 2; ++channel) {
        const float now = output[channel][i];
        const float old = before[channel][i];
        if (now != old) { // equal samples stay as they are, to the bit
          output[channel][i] = now + (old - now) * share;
        }
      }
    }
  }

  static void mix(const TakeSet& set, const Choice& choice, int64_t frame, const Pointers& output, uint32_t frames) {
    if (choice.mode == Mode::off) {
      return;
    }
    for (const Take& take : set.takes) {
      const int64_t first = std::max(frame, take.start_frame);
      const int64_t last = std::min(frame + frames, take.start_frame + take.frames());
      if (take.number == choice.number && first < last) {
        mix_take(take, choice.mode, first - take.start_frame, last - take.start_frame,
                 {output[0] + (first - frame), output[1] + (first - frame)});
      }
    }
  }

  // Frames `first` to `last` of a take, onto `output`, which holds the input.
  static void mix_take(const Take& take, Mode mode, int64_t first, int64_t last, const Pointers& output) {
    const auto fade = static_cast<int64_t>(take.fade.size());
    for (int64_t i = first; i < last; ++i) {
      const int64_t edge = std::min(i, take.frames() - 1 - i);
      const bool inside = edge >= fade;
      const float gain = inside ? 1.0F : take.fade[static_cast<size_t>(edge)];
      const float input_gain = inside || mode == Mode::add ? 1.0F : take.fade[static_cast<size_t>(fade - 1 - edge)];
      for (size_t channel = 0; channel < 2; ++channel) {
        const float sample = (*take.channels)[channel][static_cast<size_t>(i)];
        float& out = output[channel][i - first];
        if (inside && mode == Mode::replace) {
          out = sample;
        } else {
          out = out * input_gain + sample * gain;
        }
      }
    }
  }

  Choice choice_;
  Choice old_;
  uint32_t switch_left_ = 0;
};

} // namespace acebridge
