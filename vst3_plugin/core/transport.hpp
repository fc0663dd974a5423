// Where the host's transport is, block by block, and what changed since the block before.
//
// Audio thread only. No audio here. Frames are host frames at the host's rate; they may be negative (pre-roll).
#pragma once

#include <cstdint>

namespace acebridge {

struct Meter {
  double beats_per_bar = 4;
  double beat_unit = 4; // 4 is a quarter note, 8 an eighth note

  bool operator==(const Meter& other) const {
    return beats_per_bar == other.beats_per_bar && beat_unit == other.beat_unit;
  }
};

// What the host says at the first frame of a block.
struct HostTime {
  bool playing = false;
  int64_t frame = 0;
  double tempo_bpm = 120;
  bool has_bars = false; // without it, bar and beat hold no information
  int32_t bar = 1;       // counts from 1
  double beat = 1;       // counts from 1 in units of the meter, with its fraction
  Meter meter;
};

enum class Change {
  none,
  start,
  stop,
  back,    // the position went back while the transport rolls: a loop's wrap, or a jump. Hosts do not say which.
  forward, // the position went forward by more than the block
};

struct Block {
  bool playing = false;
  int64_t frame = 0;
  Change change = Change::none;
  bool tempo_changed = false; // tempo or meter
  HostTime time;
};

class Transport {
public:
  // Hosts that derive frames from seconds are wrong by one now and then: that is no jump.
  static constexpr int64_t kRoundingFrames = 1;

  Block advance(const HostTime& time, uint32_t frames) {
    Block block;
    block.time = time;
    block.playing = time.playing;
    block.frame = time.frame;
    if (time.playing != playing_) {
      block.change = time.playing ? Change::start : Change::stop;
    } else if (time.playing) {
      const int64_t distance = time.frame - expected_;
      if (distance >= -kRoundingFrames && distance <= kRoundingFrames) {
        block.frame = expected_;
      } else {
        block.change = distance < 0 ? Change::back : Change::forward;
      }
    }
    block.time.frame = block.frame;
    block.tempo_changed = time.tempo_bpm != tempo_bpm_ || !(time.meter == meter_);
    playing_ = time.playing;
    expected_ = block.frame + frames;
    tempo_bpm_ = time.tempo_bpm;
    meter_ = time.meter;
    return block;
  }

private:
  bool playing_ = false;
  int64_t expected_ = 0;
  double tempo_bpm_ = 0;
  Meter meter_;
};

} // namespace acebridge
