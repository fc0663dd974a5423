#include "take_audio.hpp"

#include "loudness.hpp"
#include "wav.hpp"

#include <set>

namespace acebridge {

std::optional<TakeAudio> read_take_audio(const std::vector<uint8_t>& wav, double rate_hz) {
  auto audio = read_wav(wav);
  if (!audio || audio->rate_hz != rate_hz) {
    return std::nullopt;
  }
  TakeAudio read;
  read.rate_hz = audio->rate_hz;
  read.frames = audio->frames();
  read.lufs = integrated_lufs(audio->channels, rate_hz);
  read.channels = std::make_shared<const Channels>(std::move(audio->channels));
  return read;
}

void TakeAudioCache::set_rate(double rate_hz) {
  rate_hz_ = rate_hz;
  audio_.clear();
}

void TakeAudioCache::put(const std::string& sha256, double rate_hz, const std::optional<TakeAudio>& audio) {
  if (rate_hz == rate_hz_) {
    audio_[sha256] = audio;
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
  take.start_frame = region.start_frame;
  take.channels = audio->channels;
  take.lufs = audio->lufs;
  take.set_fade(region.fade_frames);
  return take;
}

} // namespace acebridge
