#include "take_audio.hpp"

#include "loudness.hpp"
#include "resample.hpp"
#include "wav.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace acebridge {

namespace {

uint32_t whole_rate(double rate_hz) {
  return static_cast<uint32_t>(std::lround(std::clamp<double>(rate_hz, kLowestRate, kHighestRate)));
}

} // namespace

std::optional<TakeAudio> read_take_audio(const std::vector<uint8_t>& wav, double rate_hz) {
  auto audio = read_wav(wav);
  const uint32_t to_hz = whole_rate(rate_hz);
  if (!audio || audio->rate_hz < kLowestRate || audio->rate_hz > kHighestRate ||
      frames_to_frames(audio->frames(), audio->rate_hz, to_hz) > kMostTakeFrames) {
    return std::nullopt;
  }
  TakeAudio read;
  read.rate_hz = audio->rate_hz;
  read.frames = audio->frames();
  if (audio->rate_hz != to_hz) {
    audio->channels = resample(audio->channels, audio->rate_hz, to_hz);
  }
  read.lufs = integrated_lufs(audio->channels, to_hz);
  read.channels = std::make_shared<const Channels>(std::move(audio->channels));
  return read;
}

int64_t start_of(const TakeRegion& region, double rate_hz) {
  return frames_to_frames(region.start_frame, region.rate_hz, whole_rate(rate_hz));
}

void TakeAudioCache::set_rate(double rate_hz) {
  rate_hz_ = rate_hz;
  audio_.clear();
}

void TakeAudioCache::put(ReadTakes read) {
  if (read.rate_hz == rate_hz_) {
    audio_.merge(read.audio);
  }
}

void TakeAudioCache::keep(const std::vector<TakeRegion>& takes) {
  std::set<std::string> used;
  for (const TakeRegion& take : takes) {
    used.insert(take.sha256);
  }
  for (auto item = audio_.begin(); item != audio_.end();) {
    item = used.count(item->first) == 0 ? audio_.erase(item) : std::next(item);
  }
}

std::optional<Take> TakeAudioCache::make_take(const TakeRegion& region, const std::vector<uint8_t>& wav) {
  const auto [item, is_new] = audio_.try_emplace(region.sha256);
  if (is_new) {
    item->second = read_take_audio(wav, rate_hz_);
  }
  const std::optional<TakeAudio>& audio = item->second;
  if (!audio || audio->rate_hz != region.rate_hz || audio->frames != region.frames) {
    return std::nullopt;
  }
  Take take;
  take.number = region.number;
  take.start_frame = start_of(region, rate_hz_);
  take.channels = audio->channels;
  take.lufs = audio->lufs;
  take.set_fade(static_cast<uint32_t>(frames_to_frames(region.fade_frames, region.rate_hz, whole_rate(rate_hz_))));
  return take;
}

} // namespace acebridge
