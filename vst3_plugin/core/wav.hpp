// WAV files in memory: 16, 24 or 32 bit integers or 32 bit floats, as the daemon's assets are.
#pragma once

#include "channels.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace acebridge {

struct Audio {
  uint32_t rate_hz = 0;
  Channels channels; // a mono file is in both

  int64_t frames() const { return frames_of(channels); }
};

// Nothing for a file that is no WAV file, is damaged, or has more than two channels.
std::optional<Audio> read_wav(const std::vector<uint8_t>& bytes);

} // namespace acebridge
