// Pre-listening to takes and to what they were made from, while the transport stands still: it replaces the input.
//
//   output   = = ╲╱ ······ first ······ ╲╱ ······ second ······ ╲╱ = =       each crossfade is kFadeFrames long; "=": the input
//                   frame 0 on                goes on, same place
#pragma once

#include "channels.hpp"
#include "handoff.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace acebridge {

constexpr int kNoAudition = -1;

// What is heard: number 0 is the recording, the others are takes. `number` is kNoAudition when nothing is.
struct Audition {
  int number = kNoAudition;
  int64_t frame = 0; // from the beginning of the place
  int64_t frames = 0;
};

struct Clip {
  int number = 0;
  SharedChannels channels;
  float gain = 1;

  int64_t frames() const { return frames_of(*channels); }
};

// All that can be heard of one place. It does not change once the audio thread has it.
struct ClipSet {
  int64_t place = 0;
  std::vector<Clip> clips;
  ClipSet* next = nullptr; // see Handoff

  const Clip* find(int number) const {
    const auto found = std::find_if(clips.begin(), clips.end(), [&](const Clip& clip) { return clip.number == number; });
    return found == clips.end() ? nullptr : &*found;
  }
};

class AuditionPlayer {
public:
  static constexpr uint32_t kFadeFrames = 256;

  // ---- any other thread, one at a time ----

  void publish(std::unique_ptr<ClipSet> set) { handoff_.publish(std::move(set)); }
  void collect() { handoff_.collect(); }

  void play(int number, int64_t frames) {
    frames_.store(frames, std::memory_order_relaxed);
    wanted_.store(number, std::memory_order_release);
  }

  // ---- any thread ----

  Audition state() const {
    const int number = wanted_.load(std::memory_order_acquire);
    if (number == kNoAudition) {
      return {};
    }
    const int64_t frames = frames_.load(std::memory_order_relaxed);
    return {number, std::min(frame_.load(std::memory_order_relaxed), frames), frames};
  }

  // ---- the audio thread ----

  // `output` holds the input. A transport that rolls ends the audition.
  void process(bool is_rolling, float* const* output, uint32_t frames) {
    if (is_rolling && wanted_.load(std::memory_order_relaxed) != kNoAudition) {
      wanted_.store(kNoAudition, std::memory_order_relaxed);
    }
    uint32_t done = 0;
    while (done < frames) {
      if (fade_left_ == 0) {
        choose();
      }
      if (fade_left_ == 0 && now_ == nullptr) {
        break;
      }
      const uint32_t count = std::min(frames - done, frames_to_next_choice());
      mix(output, done, count);
      done += count;
    }
    frame_.store(position_, std::memory_order_relaxed);
  }

private:
  // Between crossfades only: begins the next one if something else is to be heard.
  void choose() {
    const bool is_over = end_if_over();
    const Clip* next = nullptr;
    if (now_ == nullptr || !handoff_.has_fresh()) { // what is heard fades out before its memory goes
      take_fresh();
      const int number = wanted_.load(std::memory_order_acquire);
      next = set_ == nullptr || number == kNoAudition ? nullptr : set_->find(number);
      begins_anew_ = begins_anew_ || number == kNoAudition;
    }
    if (is_over && next == now_) { // wanted again at this very moment
      next = nullptr;
      begins_anew_ = true;
    }
    if (next == now_) {
      return;
    }
    if (begins_anew_ && now_ == nullptr) {
      position_ = 0;
      begins_anew_ = false;
    }
    if (next != nullptr) {
      frames_.store(next->frames(), std::memory_order_relaxed);
    }
    old_ = std::exchange(now_, next);
    fade_left_ = kFadeFrames;
  }

  void take_fresh() {
    if (now_ != nullptr) {
      return;
    }
    const ClipSet* latest = handoff_.latest();
    if (latest != set_) {
      begins_anew_ = begins_anew_ || set_ == nullptr || latest->place != place_;
      set_ = latest;
      place_ = latest->place;
    }
  }

  // The last fade ends with the clip.
  bool end_if_over() {
    if (now_ == nullptr || position_ + kFadeFrames < now_->frames()) {
      return false;
    }
    int number = now_->number;
    wanted_.compare_exchange_strong(number, kNoAudition, std::memory_order_relaxed);
    return true;
  }

  uint32_t frames_to_next_choice() const {
    if (fade_left_ > 0) {
      return fade_left_;
    }
    return static_cast<uint32_t>(std::min<int64_t>(UINT32_MAX, now_->frames() - kFadeFrames - position_));
  }

  void mix(float* const* output, uint32_t first, uint32_t count) {
    for (size_t channel = 0; channel < 2; ++channel) {
      float* out = output[channel] + first;
      for (uint32_t i = 0; i < count; ++i) {
        const float now = sample(now_, channel, position_ + i, out[i]);
        if (fade_left_ == 0) {
          out[i] = now;
        } else {
          const float share = (static_cast<float>(fade_left_ - i) - 0.5F) / static_cast<float>(kFadeFrames);
          out[i] = now + (sample(old_, channel, position_ + i, out[i]) - now) * share;
        }
      }
    }
    position_ += count;
    fade_left_ -= std::min(fade_left_, count);
  }

  static float sample(const Clip* clip, size_t channel, int64_t frame, float input) {
    if (clip == nullptr) {
      return input;
    }
    return frame < clip->frames() ? (*clip->channels)[channel][static_cast<size_t>(frame)] * clip->gain : 0.0F;
  }

  Handoff<ClipSet> handoff_;
  std::atomic<int> wanted_{kNoAudition};
  std::atomic<int64_t> frame_{0};
  std::atomic<int64_t> frames_{0};

  const ClipSet* set_ = nullptr;
  int64_t place_ = 0;
  const Clip* now_ = nullptr; // null: the input
  const Clip* old_ = nullptr; // during a crossfade
  uint32_t fade_left_ = 0;
  int64_t position_ = 0;
  bool begins_anew_ = true;
};

} // namespace acebridge
