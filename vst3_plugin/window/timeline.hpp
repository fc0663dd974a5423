// Bars and seconds of a recording, and what is said of a part of it.
#pragma once

#include "core.hpp"

#include <optional>
#include <string>
#include <vector>

namespace acebridge::window {

struct Mark {
  int64_t frame = 0; // of the host
  std::string label; // a bar's number, or seconds
};

class Timeline {
public:
  Timeline() = default;
  explicit Timeline(const Recording& recording);
  // A stretch without bars.
  Timeline(int64_t first, int64_t frames, double rate_hz);

  int64_t first() const { return first_; }
  int64_t frames() const { return frames_; }
  double rate_hz() const { return rate_hz_; }
  bool has_bars() const { return has_bars_; }
  // Where each bar begins; without bars none.
  const std::vector<int64_t>& bar_frames() const { return bar_frames_; }

  // Bars, counted from 1, with their fraction.
  double bar_at(int64_t frame) const;
  // Marks at least `distance` frames apart, from frame `first` to `last`.
  std::vector<Mark> marks(int64_t first, int64_t last, double distance) const;
  // The nearest beginning of a bar within `distance` frames, or the frame as it is.
  int64_t snap(int64_t frame, double distance) const;
  // "Bars 5 to 9 · 8.00 s", "1.50 s to 3.00 s · 1.50 s"
  std::string describe(int64_t first, int64_t frames) const;

private:
  struct Segment {
    int64_t frame = 0;
    double bar = 1; // at that frame
    double bar_frames = 1;
  };

  const Segment& segment_at(int64_t frame) const;

  int64_t first_ = 0;
  int64_t frames_ = 0;
  double rate_hz_ = 48000;
  bool has_bars_ = false;
  std::vector<Segment> segments_{Segment{}};
  std::vector<int64_t> bar_frames_;
  int first_bar_ = 1; // the number of the first one in bar_frames_
};

} // namespace acebridge::window
