// From the file of a take to audio at the project's rate.
#pragma once

#include "channels.hpp"
#include "state.hpp"
#include "take_player.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace acebridge {

struct TakeAudio {
  uint32_t rate_hz = 0; // of the file
  int64_t frames = 0;   // in the file
  SharedChannels channels;
  double lufs = 0;
};

// Longer takes do not play: 46 minutes at 48 kHz, 1 GiB.
constexpr int64_t kMostTakeFrames = int64_t{1} << 27U;

// Nothing for a file that cannot be read. Takes long: call it without a lock that others wait for.
std::optional<TakeAudio> read_take_audio(const std::vector<uint8_t>& wav, double rate_hz);

// What was read of several files, by hash, for projects of this rate.
struct ReadTakes {
  double rate_hz = 0;
  std::map<std::string, std::optional<TakeAudio>> audio;
};

// Where a valid region begins, at the project's rate.
int64_t start_of(const TakeRegion& region, double rate_hz);

// What was read, by hash, so that one more take does not read all the others again.
class TakeAudioCache {
public:
  // A change of rate forgets everything.
  void set_rate(double rate_hz);
  bool has(const std::string& sha256) const { return audio_.count(sha256) > 0; }
  void put(ReadTakes read);
  // Forgets what no take needs.
  void keep(const std::vector<TakeRegion>& takes);

  // The take as the audio thread plays it; nothing if the file is damaged or is not the region's.
  std::optional<Take> make_take(const TakeRegion& region, const std::vector<uint8_t>& wav);

private:
  double rate_hz_ = 0;
  std::map<std::string, std::optional<TakeAudio>> audio_;
};

} // namespace acebridge
