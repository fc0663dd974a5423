#include "waveform.hpp"

#include <algorithm>
#include <limits>

namespace acebridge::window {
namespace {

constexpr Peak kNothing{std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()};

void widen(Peak& peak, const Peak& other) {
  peak.low = std::min(peak.low, other.low);
  peak.high = std::max(peak.high, other.high);
}

} // namespace

Peaks::Peaks(std::shared_ptr<const Recording> recording) : recording_(std::move(recording)) {}

Peak Peaks::scan(int64_t first, int64_t last) const {
  Peak peak = kNothing;
  const float* const samples = recording_->samples.data();
  for (int64_t i = first * kChannels; i < last * kChannels; ++i) {
    peak.low = std::min(peak.low, samples[i]);
    peak.high = std::max(peak.high, samples[i]);
  }
  return peak;
}

void Peaks::add_block(const Peak& peak) {
  levels_[0].push_back(peak);
  for (size_t level = 0; levels_[level].size() % kFanOut == 0; ++level) {
    Peak sum = kNothing;
    for (auto block = levels_[level].end() - kFanOut; block != levels_[level].end(); ++block) {
      widen(sum, *block);
    }
    if (level + 1 == levels_.size()) {
      levels_.emplace_back();
    }
    levels_[level + 1].push_back(sum);
  }
}

bool Peaks::advance(int64_t frames) {
  const int64_t total = recording_->frames();
  const int64_t goal = std::min(total, done_frames_ + frames);
  while (done_frames_ + kBlockFrames <= goal) {
    add_block(scan(done_frames_, done_frames_ + kBlockFrames));
    done_frames_ += kBlockFrames;
  }
  if (total - done_frames_ < kBlockFrames) {
    done_frames_ = total; // the last part is no whole block: `range` scans it
  }
  return done_frames_ == total;
}

Peak Peaks::range(int64_t first, int64_t last) const {
  first = std::max<int64_t>(first, 0);
  last = std::min(last, done_frames_);
  if (first >= last) {
    return {};
  }
  Peak peak = kNothing;
  while (first < last) {
    // The largest block that begins here and lies inside; else single frames up to where a block begins.
    size_t level = 0;
    int64_t block_frames = kBlockFrames;
    while (level + 1 < levels_.size() && first % (block_frames * kFanOut) == 0 && first + block_frames * kFanOut <= last) {
      block_frames *= kFanOut;
      ++level;
    }
    const auto index = static_cast<size_t>(first / block_frames);
    if (first % block_frames == 0 && first + block_frames <= last && index < levels_[level].size()) {
      widen(peak, levels_[level][index]);
      first += block_frames;
    } else {
      const int64_t end = std::min(last, (first / kBlockFrames + 1) * kBlockFrames);
      widen(peak, scan(first, end));
      first = end;
    }
  }
  return peak;
}

} // namespace acebridge::window
