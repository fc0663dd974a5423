// Change of the sample rate: frame numbers and audio. Not for the audio thread.
#pragma once

#include "channels.hpp"

#include <cstdint>

namespace acebridge {

constexpr uint32_t kLowestRate = 8000;
constexpr uint32_t kHighestRate = 768000;

// The frame number at `to_hz` that is nearest in time to `frames` at `from_hz`; halves round up, below zero too.
constexpr int64_t frames_to_frames(int64_t frames, uint32_t from_hz, uint32_t to_hz) {
  const int64_t from = from_hz;
  const int64_t whole = (frames >= 0 ? frames : frames - from + 1) / from; // rounded down
  const int64_t rest = frames - whole * from;                             // apart, so that nothing overflows
  return whole * to_hz + (2 * rest * to_hz + from) / (2 * from);
}

// A linear-phase low-pass at the lower of the two rates: flat to 91 % of its upper limit, more than 100 dB down from there on.
// The audio begins where it began, and is frames_to_frames(frames) long; the same rate leaves every bit as it is.
Channels resample(const Channels& channels, uint32_t from_hz, uint32_t to_hz);

} // namespace acebridge
