// The lowest and highest samples of a recording over any stretch, at the same small cost at each zoom.
//
// They are computed some frames at a time, so that no caller waits for a long recording.
#pragma once

#include "recordings.hpp"

#include <memory>
#include <vector>

namespace acebridge::window {

struct Peak {
  float low = 0;
  float high = 0;
};

class Peaks {
public:
  static constexpr int64_t kBlockFrames = 256;
  static constexpr int64_t kFanOut = 8; // blocks of a level in one of the next

  // The recording has ended: it does not change any more.
  explicit Peaks(std::shared_ptr<const Recording> recording);

  // Compute the next `frames` frames, and return whether all is done.
  bool advance(int64_t frames);
  int64_t done_frames() const { return done_frames_; }

  // Of both channels together, from frame `first` of the recording up to `last`; nothing of what is not computed.
  Peak range(int64_t first, int64_t last) const;

private:
  Peak scan(int64_t first, int64_t last) const;
  void add_block(const Peak& peak);

  std::shared_ptr<const Recording> recording_;
  int64_t done_frames_ = 0;
  std::vector<std::vector<Peak>> levels_{1}; // level k has blocks of kBlockFrames * kFanOut^k frames
};

} // namespace acebridge::window
