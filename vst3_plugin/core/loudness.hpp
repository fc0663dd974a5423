// Integrated loudness by Recommendation ITU-R BS.1770-4.
#pragma once

#include "channels.hpp"

namespace acebridge {

// The loudness of silence: the absolute gate.
constexpr double kSilentLufs = -70;

// Gated over blocks of 400 ms; below 400 ms, the ungated loudness. kSilentLufs for silence. Left and right count alike.
double integrated_lufs(const Channels& channels, double rate_hz);

} // namespace acebridge
