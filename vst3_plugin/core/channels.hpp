// Audio that does not change any more, so that threads can share it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace acebridge {

// Left and right, of equal length.
using Channels = std::array<std::vector<float>, 2>;
using SharedChannels = std::shared_ptr<const Channels>;

inline int64_t frames_of(const Channels& channels) { return static_cast<int64_t>(channels[0].size()); }

} // namespace acebridge
