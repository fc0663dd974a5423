#include "recordings.hpp"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace acebridge {
namespace {

// A polynomial of the samples' bits, modulo 2 to the power of 64.
uint64_t add_to_check(uint64_t check, float sample) {
  uint32_t bits = 0;
  std::memcpy(&bits, &sample, sizeof bits);
  return check * 0x9E3779B97F4A7C15U + bits;
}

} // namespace

const char* name_of(Cut cut) {
  static constexpr std::array<const char*, 7> kNames{"open", "stop", "back", "forward", "off", "limit", "overflow"};
  return kNames[static_cast<size_t>(cut)];
}

bool Recordings::collect() {
  // In this order: a beginning is published before its frames, so it is seen if any of them is.
  const uint64_t frames_end = rings_.frames.end_index();
  const uint64_t marks_end = rings_.marks.end_index();
  uint64_t index = rings_.marks.read_index();
  const bool changes = index != marks_end || rings_.frames.read_index() != frames_end;
  for (; index != marks_end && rings_.marks.at(index).index <= frames_end; ++index) {
    append_until(rings_.marks.at(index).index);
    apply(rings_.marks.at(index));
    rings_.marks.release(index + 1);
  }
  append_until(frames_end);
  drop_oldest();
  return changes;
}

// Where memory is missing, nothing has changed.
void Recordings::append_until(uint64_t index) {
  uint64_t position = rings_.frames.read_index();
  if (position == index) {
    return;
  }
  if (!recordings_.empty() && recordings_.back()->cut == Cut::none) {
    Recording& recording = *recordings_.back();
    size_t end = recording.samples.size();
    recording.samples.resize(end + static_cast<size_t>(index - position) * kChannels);
    for (; position != index; ++position) {
      const StereoFrame& frame = rings_.frames.at(position);
      recording.samples[end++] = frame.left;
      recording.samples[end++] = frame.right;
      recording.check = add_to_check(add_to_check(recording.check, frame.left), frame.right);
    }
  }
  rings_.frames.release(index);
}

void Recordings::apply(const Mark& mark) {
  const TempoPoint point{mark.time.frame, mark.time.tempo_bpm, mark.time.meter};
  switch (mark.kind) {
  case Mark::Kind::begin: {
    auto recording = std::make_shared<Recording>();
    recording->start = mark.time;
    recording->rate_hz = rate_hz_;
    recording->tempo_map.push_back(point);
    recordings_.push_back(std::move(recording));
    break;
  }
  case Mark::Kind::tempo:
    recordings_.back()->tempo_map.push_back(point);
    break;
  case Mark::Kind::end:
    recordings_.back()->cut = mark.cut;
    break;
  }
}

void Recordings::drop_oldest() {
  int64_t total = 0;
  for (const auto& recording : recordings_) {
    total += recording->frames();
  }
  while (recordings_.size() > 1 && (total > limit_frames_ || recordings_.size() > kMostRecordings)) {
    total -= recordings_.front()->frames();
    recordings_.pop_front();
  }
}

std::string Recordings::describe() const {
  std::string lines;
  for (const auto& recording : recordings_) {
    const HostTime& start = recording->start;
    std::array<char, 256> line{};
    (void)std::snprintf(line.data(), line.size(),
                        "frame %" PRId64 " frames %" PRId64 " rate %.0f bar %d beat %.6f tempo %.6f meter %g/%g "
                        "tempos %zu end %s check %016" PRIx64 "\n",
                        start.frame, recording->frames(), recording->rate_hz, start.has_bars ? start.bar : 0,
                        start.has_bars ? start.beat : 0.0, start.tempo_bpm, start.meter.beats_per_bar,
                        start.meter.beat_unit, recording->tempo_map.size(), name_of(recording->cut), recording->check);
    lines += line.data();
  }
  return lines;
}

} // namespace acebridge
