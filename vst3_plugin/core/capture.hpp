// Recording of the input while the transport rolls: the audio thread's half. recordings.hpp has the other one.
//
//   audio thread                                            any other thread
//   CaptureWriter ── frames ──▶ Ring<StereoFrame> ──▶ Recordings ──▶ Recording (start, tempo map, samples)
//                 ── marks  ──▶ Ring<Mark>        ──▶
//
// A mark says where in the stream of frames a recording begins, its tempo changes, or it ends. Marks of a beginning are
// published before its frames, marks of an end after them.
#pragma once

#include "ring.hpp"
#include "transport.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace acebridge {

constexpr uint32_t kChannels = 2;

struct StereoFrame {
  float left = 0;
  float right = 0;
};

// Why a recording ends.
enum class Cut {
  none, // it has not ended
  stop, // the transport stopped
  back, // the position went back: a loop's wrap, or a jump
  forward,
  off,      // Capture was switched off
  limit,    // it is as long as it may be
  overflow, // the reader was too slow, and audio was lost after this recording
};

struct Mark {
  enum class Kind { begin, tempo, end };

  Kind kind = Kind::begin;
  uint64_t index = 0; // in the stream of frames
  HostTime time;      // where the host is at that frame
  Cut cut = Cut::none;
};

enum class CaptureState {
  off,
  waiting, // for the transport
  recording,
  full, // the recording reached its limit
  lost, // the reader was too slow since Capture was switched on, and audio is missing
};

struct CaptureRings {
  static constexpr size_t kMarks = 4096;

  explicit CaptureRings(size_t frame_capacity) : frames(frame_capacity), marks(kMarks) {}

  Ring<StereoFrame> frames;
  Ring<Mark> marks;
};

class CaptureWriter {
public:
  explicit CaptureWriter(CaptureRings& rings, int64_t limit_frames) : rings_(rings), limit_frames_(limit_frames) {}

  CaptureState state() const { return state_.load(std::memory_order_relaxed); }

  void process(const Block& block, const float* const* input, uint32_t frames, bool enabled) {
    if (open_ && (!enabled || block.change != Change::none)) {
      end(block.time, enabled ? cut_for(block.change) : Cut::off);
    }
    if (!enabled || !block.playing) {
      full_ = false;
      lost_ = lost_ && enabled;
      set_state(!enabled ? CaptureState::off : lost_ ? CaptureState::lost : CaptureState::waiting);
      return;
    }
    if (block.change != Change::none) {
      full_ = false;
    }
    if (full_) {
      return;
    }
    if (!open_) {
      if (!has_space(frames)) {
        lose();
        return;
      }
      begin(block.time);
    } else if (block.tempo_changed && !push(Mark::Kind::tempo, block.time, Cut::none)) {
      end(block.time, Cut::overflow);
      lose();
      return;
    }
    write(block, input, frames);
  }

private:
  // The last marks are kept for an end, which must never be missing.
  static constexpr size_t kReserve = 2;

  static Cut cut_for(Change change) {
    switch (change) {
    case Change::back:
      return Cut::back;
    case Change::forward:
      return Cut::forward;
    default:
      return Cut::stop;
    }
  }

  bool has_space(uint32_t frames) const {
    return rings_.frames.free_space() >= frames && rings_.marks.free_space() > 2 * kReserve;
  }

  void set_state(CaptureState state) { state_.store(state, std::memory_order_relaxed); }

  bool push(Mark::Kind kind, const HostTime& time, Cut cut) {
    if (kind != Mark::Kind::end && rings_.marks.free_space() <= kReserve) {
      return false;
    }
    Mark mark;
    mark.kind = kind;
    mark.index = rings_.frames.write_index();
    mark.time = time;
    mark.cut = cut;
    return rings_.marks.push(mark);
  }

  void begin(const HostTime& time) {
    push(Mark::Kind::begin, time, Cut::none);
    open_ = true;
    length_ = 0;
    set_state(lost_ ? CaptureState::lost : CaptureState::recording);
  }

  void end(const HostTime& time, Cut cut) {
    push(Mark::Kind::end, time, cut);
    open_ = false;
  }

  // Said until Capture is switched off, though recording goes on as soon as there is space.
  void lose() {
    lost_ = true;
    set_state(CaptureState::lost);
  }

  void write(const Block& block, const float* const* input, uint32_t frames) {
    const auto count = static_cast<uint32_t>(std::min<int64_t>(frames, limit_frames_ - length_));
    if (rings_.frames.free_space() < count) {
      end(block.time, Cut::overflow);
      lose();
      return;
    }
    for (uint32_t i = 0; i < count; ++i) {
      rings_.frames.slot(i) = StereoFrame{input[0][i], input[1][i]};
    }
    rings_.frames.publish(count);
    length_ += count;
    if (length_ == limit_frames_) {
      end(block.time, Cut::limit);
      full_ = true;
      set_state(CaptureState::full);
    }
  }

  CaptureRings& rings_;
  const int64_t limit_frames_;
  int64_t length_ = 0;
  bool open_ = false;
  bool full_ = false;
  bool lost_ = false;
  std::atomic<CaptureState> state_{CaptureState::off};
};

} // namespace acebridge
