#include "audition.hpp"

#include "loudness.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace acebridge {
namespace {

// A take that was resampled may be longer than its recording by this much.
constexpr int64_t kRoundingFrames = 1;

const Take* find_take(const std::vector<Take>& takes, std::optional<Selection> selection) {
  const auto is_touched = [&](const Take& take) {
    return take.start_frame < selection->first + selection->frames && selection->first < take.start_frame + take.frames();
  };
  if (selection) {
    const auto found = std::find_if(takes.rbegin(), takes.rend(), is_touched);
    if (found != takes.rend()) {
      return &*found;
    }
  }
  return takes.empty() ? nullptr : &takes.back();
}

SharedChannels cut_out(const Recording& recording, int64_t first_frame, int64_t frames) {
  const int64_t first = first_frame - recording.start.frame;
  const int64_t count = std::min(frames, recording.frames() - first);
  auto channels = std::make_shared<Channels>();
  for (size_t channel = 0; channel < kChannels; ++channel) {
    auto& samples = (*channels)[channel];
    samples.resize(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) {
      samples[static_cast<size_t>(i)] = recording.samples[static_cast<size_t>(first + i) * kChannels + channel];
    }
  }
  return channels;
}

} // namespace

std::vector<TakeRegion> find_takes(const std::vector<TakeRegion>& takes, const std::optional<Selection>& selection) {
  const auto touches = [&](const TakeRegion& take) {
    return selection && take.start_frame < selection->first + selection->frames && selection->first < take.start_frame + take.frames;
  };
  const auto touched = std::find_if(takes.rbegin(), takes.rend(), touches);
  const auto latest = touched == takes.rend() ? takes.rbegin() : touched;
  std::vector<TakeRegion> found;
  for (const TakeRegion& take : takes) {
    if (take.start_frame == latest->start_frame) {
      found.push_back(take);
    }
  }
  std::sort(found.begin(), found.end(), [](const TakeRegion& a, const TakeRegion& b) { return a.number < b.number; });
  return found;
}

bool AuditionSources::operator==(const AuditionSources& other) const {
  const auto is_same = [](const Take& a, const Take& b) { return a.number == b.number && a.channels == b.channels; };
  return place == other.place && recording == other.recording &&
         std::equal(takes.begin(), takes.end(), other.takes.begin(), other.takes.end(), is_same);
}

AuditionSources find_sources(const std::vector<Take>& takes, const RecordingList& recordings, std::optional<Selection> selection) {
  AuditionSources sources;
  const Take* chosen = find_take(takes, selection);
  if (chosen == nullptr) {
    return sources;
  }
  sources.place = chosen->start_frame;
  for (const Take& take : takes) {
    if (take.start_frame == sources.place) {
      sources.takes.push_back(take);
    }
  }
  for (const auto& recording : recordings) {
    const int64_t end = recording->start.frame + recording->frames() + kRoundingFrames;
    if (recording->start.frame <= sources.place && sources.place + chosen->frames() <= end) {
      sources.recording = recording;
    }
  }
  return sources;
}

std::unique_ptr<ClipSet> make_clips(const AuditionSources& sources) {
  auto set = std::make_unique<ClipSet>();
  set->place = sources.place;
  std::vector<double> loudness;
  for (const Take& take : sources.takes) {
    set->clips.push_back({take.number, take.channels});
    loudness.push_back(take.lufs);
  }
  if (sources.recording != nullptr) {
    int64_t frames = 0;
    for (const Take& take : sources.takes) {
      frames = std::max(frames, take.frames());
    }
    set->clips.push_back({0, cut_out(*sources.recording, sources.place, frames)});
    loudness.push_back(integrated_lufs(*set->clips.back().channels, sources.recording->rate_hz));
  }
  double quietest = HUGE_VAL;
  for (const double lufs : loudness) {
    quietest = lufs > kSilentLufs ? std::min(quietest, lufs) : quietest;
  }
  for (size_t i = 0; i < loudness.size(); ++i) {
    const double cut_db = std::clamp(loudness[i] - quietest, 0.0, kMostCutDb);
    set->clips[i].gain = static_cast<float>(std::pow(10, -cut_db / 20));
  }
  return set;
}

} // namespace acebridge
