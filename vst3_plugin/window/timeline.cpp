#include "timeline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace acebridge::window {
namespace {

constexpr size_t kMostBars = 100000;

double bar_length(const TempoPoint& point, double rate_hz) {
  const double quarter_s = 60 / std::max(1.0, point.tempo_bpm);
  const double quarters = std::max(0.25, point.meter.beats_per_bar) * 4 / std::max(1.0, point.meter.beat_unit);
  return std::max(1.0, quarters * quarter_s * rate_hz);
}

std::string format(const char* pattern, double value) {
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), pattern, value);
  return text.data();
}

// "5", "5.25": no more digits than are needed, two at most.
std::string format_bar(double bar) {
  std::string text = format("%.2f", bar);
  text.erase(text.find_last_not_of('0') + 1);
  return text.back() == '.' ? text.substr(0, text.size() - 1) : text;
}

} // namespace

Timeline::Timeline(const Recording& recording)
    : first_(recording.start.frame), frames_(recording.frames()), rate_hz_(std::max(1.0, recording.rate_hz)),
      has_bars_(recording.start.has_bars) {
  const HostTime& start = recording.start;
  double bar = has_bars_ ? start.bar + (start.beat - 1) / std::max(0.25, start.meter.beats_per_bar) : 1;
  segments_.clear();
  for (const TempoPoint& point : recording.tempo_map) {
    if (!segments_.empty()) {
      bar = segments_.back().bar + static_cast<double>(point.frame - segments_.back().frame) / segments_.back().bar_frames;
    }
    segments_.push_back({point.frame, bar, bar_length(point, rate_hz_)});
  }
  if (segments_.empty()) {
    segments_.push_back({first_, bar, rate_hz_ * 2});
  }
  if (!has_bars_) {
    return;
  }
  first_bar_ = static_cast<int>(std::ceil(segments_[0].bar - 1e-6));
  for (int number = first_bar_; bar_frames_.size() < kMostBars; ++number) {
    const auto next = std::find_if(segments_.begin() + 1, segments_.end(), [&](const Segment& s) { return s.bar > number + 1e-6; });
    const Segment& segment = *std::prev(next);
    const auto frame = segment.frame + std::llround((number - segment.bar) * segment.bar_frames);
    if (frame > first_ + frames_) {
      return;
    }
    bar_frames_.push_back(frame);
  }
}

Timeline::Timeline(int64_t first, int64_t frames, double rate_hz) : first_(first), frames_(frames), rate_hz_(std::max(1.0, rate_hz)) {}

const Timeline::Segment& Timeline::segment_at(int64_t frame) const {
  size_t index = 0;
  while (index + 1 < segments_.size() && segments_[index + 1].frame <= frame) {
    ++index;
  }
  return segments_[index];
}

double Timeline::bar_at(int64_t frame) const {
  const Segment& segment = segment_at(frame);
  return segment.bar + static_cast<double>(frame - segment.frame) / segment.bar_frames;
}

std::vector<Mark> Timeline::marks(int64_t first, int64_t last, double distance) const {
  std::vector<Mark> marks;
  if (has_bars_) {
    // Every bar, or every 2nd, 4th, 8th ...
    int64_t every = 1;
    const double bar_frames = segment_at(first).bar_frames;
    while (bar_frames * static_cast<double>(every) < distance) {
      every *= 2;
    }
    for (size_t i = 0; i < bar_frames_.size(); ++i) {
      const int64_t number = first_bar_ + static_cast<int64_t>(i);
      if (bar_frames_[i] >= first && bar_frames_[i] <= last && (number - 1) % every == 0) {
        marks.push_back({bar_frames_[i], std::to_string(number)});
      }
    }
    return marks;
  }
  static constexpr std::array<double, 16> kStepsS{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60};
  const auto* step = std::find_if(kStepsS.begin(), kStepsS.end(), [&](double s) { return s * rate_hz_ >= distance; });
  const double step_s = step == kStepsS.end() ? 120 : *step;
  const char* const pattern = step_s < 0.01 ? "%.3f s" : step_s < 0.1 ? "%.2f s" : step_s < 1 ? "%.1f s" : "%.0f s";
  auto number = static_cast<int64_t>(std::ceil(static_cast<double>(first) / rate_hz_ / step_s - 1e-9));
  for (; marks.size() < 1000; ++number) {
    const double seconds = static_cast<double>(number) * step_s;
    const auto frame = std::llround(seconds * rate_hz_);
    if (frame > last) {
      break;
    }
    marks.push_back({frame, format(pattern, seconds)});
  }
  return marks;
}

int64_t Timeline::snap(int64_t frame, double distance) const {
  int64_t best = frame;
  double nearest = distance;
  const auto consider = [&](int64_t candidate) {
    const auto away = std::abs(static_cast<double>(candidate - frame));
    if (away <= nearest) {
      nearest = away;
      best = candidate;
    }
  };
  consider(first_);
  consider(first_ + frames_);
  const auto after = std::lower_bound(bar_frames_.begin(), bar_frames_.end(), frame);
  if (after != bar_frames_.end()) {
    consider(*after);
  }
  if (after != bar_frames_.begin()) {
    consider(*std::prev(after));
  }
  return best;
}

std::string Timeline::describe(int64_t first, int64_t frames) const {
  const double start_s = static_cast<double>(first) / rate_hz_;
  const double length_s = static_cast<double>(frames) / rate_hz_;
  const std::string length = " \xC2\xB7 " + format("%.2f s", length_s);
  if (has_bars_) {
    const std::string from = format_bar(bar_at(first));
    const std::string to = format_bar(bar_at(first + frames));
    if (from.find('.') != std::string::npos || to.find('.') != std::string::npos) {
      return "From bar " + from + " up to bar " + to + length;
    }
    const std::string last = format_bar(bar_at(first + frames) - 1); // musicians count the last bar in
    return (last == from ? "Bar " + from : "Bars " + from + " to " + last) + length;
  }
  return format("%.2f s", start_s) + " to " + format("%.2f s", start_s + length_s) + length;
}

} // namespace acebridge::window
