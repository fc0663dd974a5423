// Recordings of the input, put together from what the audio thread wrote (capture.hpp). Any thread but the audio thread,
// one at a time.
#pragma once

#include "capture.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace acebridge {

// Tempo and meter from a frame on.
struct TempoPoint {
  int64_t frame = 0;
  double tempo_bpm = 120;
  Meter meter;
};

struct Recording {
  HostTime start; // its first frame, and the bar and beat there
  double rate_hz = 0;
  std::vector<TempoPoint> tempo_map; // the first point is the start
  std::vector<float> samples;        // interleaved, two channels
  Cut cut = Cut::none;               // none: it goes on
  uint64_t check = 0;                // of the samples: equal audio has an equal one

  int64_t frames() const { return static_cast<int64_t>(samples.size() / kChannels); }
};

class Recordings {
public:
  static constexpr size_t kMostRecordings = 64;

  // Keeps the latest recordings, at most `limit_frames` in all; the latest is kept however long it is.
  Recordings(CaptureRings& rings, double rate_hz, int64_t limit_frames)
      : rings_(rings), rate_hz_(rate_hz), limit_frames_(limit_frames) {}

  // Take over all that the audio thread has published. Returns whether there was anything.
  bool collect();

  const std::deque<std::shared_ptr<Recording>>& all() const { return recordings_; }

  // One line for each recording: start frame, frames, rate, bar, beat, tempo, meter, why it ended, check.
  std::string describe() const;

private:
  void append_until(uint64_t index);
  void apply(const Mark& mark);
  void drop_oldest();

  CaptureRings& rings_;
  const double rate_hz_;
  const int64_t limit_frames_;
  std::deque<std::shared_ptr<Recording>> recordings_;
};

const char* name_of(Cut cut);

} // namespace acebridge
