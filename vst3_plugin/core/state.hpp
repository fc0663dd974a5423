// The takes of a project as text that hosts save: where each take plays, and its audio if it is small.
//
//   acebridge-takes 1 CHECK                            version; CHECK: the first 16 digits of the SHA-256 of all that follows
//   take NUMBER START FRAMES RATE FADE SHA256          one line for each take, all in frames of the asset's rate
//   asset SHA256 BASE64                                the WAV file, where it is at most kEmbedBytes
//
// An asset without its line is kept as its hash: the daemon has the file.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace acebridge {

// Frames of a host are taken no further from zero than this.
constexpr int64_t kLatestFrame = int64_t{1} << 48U;

// Where a take plays. Assets are named by the SHA-256 of their bytes.
struct TakeRegion {
  int number = 1;
  int64_t start_frame = 0;
  int64_t frames = 0;
  uint32_t rate_hz = 0;
  uint32_t fade_frames = 0;
  std::string sha256;
};

// Whether a project can hold the region.
bool is_valid(const TakeRegion& region);

using Bytes = std::shared_ptr<const std::vector<uint8_t>>;

struct TakeState {
  std::vector<TakeRegion> takes;
  std::map<std::string, Bytes> assets;
};

enum class StateError { none, damaged, newer };

struct DecodedState {
  TakeState state;
  StateError error = StateError::none;
};

constexpr int kStateVersion = 1;
// A project grows by at most 16 MiB of audio, which is 22 MiB of text. 4 MiB are 11 s of 48 kHz stereo floats.
constexpr size_t kEmbedBytes = size_t{4} << 20U;
constexpr size_t kEmbedTotalBytes = size_t{16} << 20U;
constexpr size_t kMostTakes = 512;

std::string encode_state(const TakeState& state);

// Empty text is a state without takes.
DecodedState decode_state(std::string_view text);

} // namespace acebridge
