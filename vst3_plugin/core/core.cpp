#include "core.hpp"

#include "resample.hpp"
#include "sha256.hpp"
#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <array>
#include <charconv>
#include <cstdlib>
#include <set>

namespace acebridge {

Core::Core(double rate_hz) : rate_hz_(0) { prepare(rate_hz); }

int64_t Core::limit_frames() const {
  const auto longest = static_cast<int64_t>(kLongestCaptureS * rate_hz_);
  return std::min(longest, kMostCaptureBytes / static_cast<int64_t>(sizeof(StereoFrame)));
}

void Core::prepare(double rate_hz) {
  const std::lock_guard lock(mutex_);
  if (rate_hz == rate_hz_) {
    return;
  }
  rate_hz_ = rate_hz;
  recordings_.reset();
  rings_ = std::make_unique<CaptureRings>(static_cast<size_t>(kRingS * rate_hz));
  writer_ = std::make_unique<CaptureWriter>(*rings_, limit_frames());
  recordings_ = std::make_unique<Recordings>(*rings_, rate_hz, limit_frames());
  capture_.store(CaptureState::off, std::memory_order_relaxed);
  transport_ = Transport();
  player_ = TakePlayer();
  audio_.set_rate(rate_hz);
  publish_takes();
}

void Core::process(const HostTime& time, const float* const* input, float* const* output, uint32_t frames) {
  HostTime inside = time;
  inside.frame = std::clamp(time.frame, -kLatestFrame, kLatestFrame);
  const Block block = transport_.advance(inside, frames);
  position_.store(block.frame, std::memory_order_relaxed);
  writer_->process(block, input, frames, parameters_.is_on(Id::capture));
  capture_.store(writer_->state(), std::memory_order_relaxed);
  player_.process(block, handoff_.latest(), static_cast<Mode>(parameters_.whole(Id::mode)), parameters_.whole(Id::take),
                  input, output, frames);
  audition_.process(block.playing, output, frames);
  parameters_.reset_triggers();
}

float Core::value(size_t index) const {
  return index == static_cast<size_t>(Id::state) ? static_cast<float>(status()) : parameters_.get(index);
}

Status Core::status() const {
  if (parameters_.is_on(Id::capture)) {
    switch (capture_.load(std::memory_order_relaxed)) {
    case CaptureState::recording:
      return Status::capturing;
    case CaptureState::full:
      return Status::full;
    case CaptureState::lost:
      return Status::lost;
    default:
      return Status::waiting;
    }
  }
  const Status problem = problem_.load(std::memory_order_relaxed);
  return problem != Status::ready ? problem : job_.load(std::memory_order_relaxed);
}

void Core::report(JobReport report) {
  const std::lock_guard lock(mutex_);
  job_.store(report.status, std::memory_order_relaxed);
  parameters_.set(Id::progress, report.progress);
  report_ = std::move(report);
  change();
}

JobReport Core::job() {
  const std::lock_guard lock(mutex_);
  return report_;
}

std::optional<Selection> Core::selection() {
  const std::lock_guard lock(mutex_);
  return read_selection();
}

std::optional<Selection> Core::read_selection() const {
  const std::string& text = text_[static_cast<size_t>(Key::selection)];
  std::array<int64_t, 3> numbers{};
  const char* position = text.data();
  const char* const end = position + text.size();
  for (int64_t& number : numbers) {
    position += position == text.data() || position == end ? 0 : 1; // the space between two
    const auto [rest, error] = std::from_chars(position, end, number);
    if (error != std::errc()) {
      return std::nullopt;
    }
    position = rest;
  }
  const auto [first, frames, from_hz] = numbers;
  if (position != end || std::abs(first) > kLatestFrame || frames <= 0 || frames > kLatestFrame || from_hz < kLowestRate ||
      from_hz > kHighestRate) {
    return std::nullopt;
  }
  const auto convert = [this, saved_hz = static_cast<uint32_t>(from_hz)](int64_t frame) {
    return frames_to_frames(frame, saved_hz, static_cast<uint32_t>(std::lround(rate_hz_)));
  };
  const int64_t start = convert(first);
  return Selection{start, std::max<int64_t>(1, convert(first + frames) - start)};
}

void Core::select(std::optional<Selection> selection) {
  set_state(Key::selection, selection ? text_of(*selection) : std::string());
}

std::string Core::text_of(const Selection& selection) {
  return std::to_string(selection.first) + ' ' + std::to_string(selection.frames) + ' ' +
         std::to_string(std::lround(rate_hz()));
}

std::vector<TakeRegion> Core::takes() {
  const std::lock_guard lock(mutex_);
  return takes_.takes;
}

double Core::rate_hz() {
  const std::lock_guard lock(mutex_);
  return rate_hz_;
}

void Core::collect() {
  const std::lock_guard lock(mutex_);
  if (recordings_->collect()) {
    change();
  }
  handoff_.collect();
  if (audition_.state().number == kNoAudition) {
    publish_clips(kNoAudition);
  }
  audition_.collect();
}

RecordingList Core::recordings() {
  const std::lock_guard lock(mutex_);
  if (recordings_->collect()) {
    change();
  }
  return ended_recordings();
}

RecordingList Core::ended_recordings() {
  RecordingList ended;
  for (const auto& recording : recordings_->all()) {
    if (recording->cut != Cut::none) {
      ended.push_back(recording);
    }
  }
  return ended;
}

bool Core::put_take(TakeRegion region, Bytes wav, std::string file) {
  region.sha256 = sha256(wav->data(), wav->size());
  if (!is_valid(region)) {
    return false;
  }
  ReadTakes read = read_ahead({{region}, {{region.sha256, wav}}});
  const std::lock_guard lock(mutex_);
  const auto is_same = [&](const TakeRegion& other) {
    return other.number == region.number && start_of(other, rate_hz_) == start_of(region, rate_hz_);
  };
  takes_.takes.erase(std::remove_if(takes_.takes.begin(), takes_.takes.end(), is_same), takes_.takes.end());
  takes_.assets[region.sha256] = std::move(wav);
  takes_.takes.push_back(region);
  drop_unused_assets();
  unreadable_.clear();
  if (!file.empty()) {
    files_[region.sha256] = std::move(file);
  }
  audio_.put(std::move(read));
  publish_takes();
  Status status = Status::ready;
  return make_take(region, status).has_value();
}

// Reads the audio of takes that are new, while nobody waits for the mutex.
ReadTakes Core::read_ahead(const TakeState& state) {
  ReadTakes read;
  std::map<std::string, Bytes> unread;
  {
    const std::lock_guard lock(mutex_);
    read.rate_hz = rate_hz_;
    for (const TakeRegion& take : state.takes) {
      const auto asset = state.assets.find(take.sha256);
      if (asset != state.assets.end() && !audio_.has(take.sha256)) {
        unread.insert(*asset);
      }
    }
  }
  for (const auto& [hash, wav] : unread) {
    read.audio[hash] = read_take_audio(*wav, read.rate_hz);
  }
  return read;
}

void Core::clear_takes() { set_state(Key::regions, ""); }

std::vector<std::string> Core::missing_assets() {
  const std::lock_guard lock(mutex_);
  std::set<std::string> hashes;
  for (const TakeRegion& take : takes_.takes) {
    if (takes_.assets.count(take.sha256) == 0) {
      hashes.insert(take.sha256);
    }
  }
  return {hashes.begin(), hashes.end()};
}

bool Core::put_asset(const std::string& sha256, Bytes wav, std::string file) {
  const std::vector<TakeRegion> all = takes();
  const auto need = std::find_if(all.begin(), all.end(), [&](const TakeRegion& take) { return take.sha256 == sha256; });
  if (need == all.end() || acebridge::sha256(wav->data(), wav->size()) != sha256) {
    return false;
  }
  ReadTakes read = read_ahead({{*need}, {{sha256, wav}}});
  const std::lock_guard lock(mutex_);
  takes_.assets[sha256] = std::move(wav);
  drop_unused_assets(); // it may be this one by now
  if (!file.empty()) {
    files_[sha256] = std::move(file);
  }
  audio_.put(std::move(read));
  publish_takes();
  return takes_.assets.count(sha256) > 0;
}

Bytes Core::asset(const std::string& sha256) {
  const std::lock_guard lock(mutex_);
  const auto found = takes_.assets.find(sha256);
  return found == takes_.assets.end() ? nullptr : found->second;
}

void Core::note_file(const std::string& sha256, std::string path) {
  const std::lock_guard lock(mutex_);
  files_[sha256] = std::move(path);
}

std::string Core::file_of(const std::string& sha256) {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(sha256);
  return found == files_.end() ? std::string() : found->second;
}

std::string Core::get_state(Key key) {
  std::unique_lock lock(mutex_);
  switch (key) {
  case Key::regions: {
    if (!unreadable_.empty()) {
      return unreadable_;
    }
    const TakeState saved = takes_;
    lock.unlock(); // some megabytes of text
    return encode_state(saved);
  }
  case Key::captures:
    if (recordings_->collect()) {
      change();
    }
    return recordings_->describe();
  default:
    return text_[static_cast<size_t>(key)];
  }
}

void Core::set_state(Key key, std::string_view value) {
  switch (key) {
  case Key::regions:
    set_takes(value);
    break;
  case Key::captures:
    break;
  default:
    const std::lock_guard lock(mutex_);
    text_[static_cast<size_t>(key)] = clean_utf8(value);
  }
  change();
}

void Core::set_takes(std::string_view value) {
  DecodedState decoded = decode_state(value);
  ReadTakes read = read_ahead(decoded.state);
  const std::lock_guard lock(mutex_);
  unreadable_ = decoded.error == StateError::none ? std::string() : clean_utf8(value);
  unreadable_status_ = decoded.error == StateError::newer ? Status::newer : Status::damaged;
  takes_ = std::move(decoded.state);
  audio_.put(std::move(read));
  publish_takes();
}

void Core::drop_unused_assets() {
  std::set<std::string> used;
  for (const TakeRegion& take : takes_.takes) {
    used.insert(take.sha256);
  }
  for (auto asset = takes_.assets.begin(); asset != takes_.assets.end();) {
    asset = used.count(asset->first) == 0 ? takes_.assets.erase(asset) : std::next(asset);
  }
}

std::optional<Take> Core::make_take(const TakeRegion& region, Status& status) {
  const auto asset = takes_.assets.find(region.sha256);
  if (asset == takes_.assets.end()) {
    status = Status::missing;
    return std::nullopt;
  }
  auto take = audio_.make_take(region, *asset->second);
  status = take ? Status::ready : Status::damaged;
  return take;
}

void Core::publish_takes() {
  Status problem = unreadable_.empty() ? Status::ready : unreadable_status_;
  playable_.clear();
  for (const TakeRegion& region : takes_.takes) {
    Status status = Status::ready;
    if (auto take = make_take(region, status)) {
      playable_.push_back(std::move(*take));
    } else {
      problem = status;
    }
  }
  audio_.keep(takes_.takes);
  problem_.store(problem, std::memory_order_relaxed);
  auto set = std::make_unique<TakeSet>();
  set->takes = playable_;
  handoff_.publish(std::move(set));
  const int number = audition_.state().number;
  publish_clips(number);
  if (lengths_.count(number) == 0) {
    audition_.play(kNoAudition, 0);
  }
  change();
}

void Core::audition(int number) {
  const std::lock_guard lock(mutex_);
  recordings_->collect();
  publish_clips(number);
  const auto length = lengths_.find(number);
  audition_.play(length == lengths_.end() ? kNoAudition : number, length == lengths_.end() ? 0 : length->second);
  change();
}

void Core::publish_clips(int number) {
  AuditionSources sources;
  if (number != kNoAudition) {
    sources = find_sources(playable_, ended_recordings(), read_selection());
  }
  if (sources == sources_) {
    return;
  }
  sources_ = std::move(sources);
  auto set = make_clips(sources_);
  lengths_.clear();
  for (const Clip& clip : set->clips) {
    lengths_[clip.number] = clip.frames();
  }
  audition_.publish(std::move(set));
}

} // namespace acebridge
