// What of a project can be auditioned together: the takes of one place, and the recording that they were made from.
#pragma once

#include "audition_player.hpp"
#include "recordings.hpp"
#include "state.hpp"
#include "take_player.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace acebridge {

// Host frames that the next job is about.
struct Selection {
  int64_t first = 0;
  int64_t frames = 0;
};

struct AuditionSources {
  int64_t place = 0; // the first host frame
  std::vector<Take> takes;
  std::shared_ptr<const Recording> recording; // null if none covers the place

  bool operator==(const AuditionSources& other) const;
};

// The takes of one place, by their numbers: that of the latest take which the selection touches, else that of the latest take.
std::vector<TakeRegion> find_takes(const std::vector<TakeRegion>& takes, const std::optional<Selection>& selection);

using RecordingList = std::vector<std::shared_ptr<const Recording>>;

// The place is that of the latest take which the selection touches; if it touches none, that of the latest take. The recording
// is the latest one that covers the latest take of the place, to a frame.
AuditionSources find_sources(const std::vector<Take>& takes, const RecordingList& recordings, std::optional<Selection> selection);

// All of them equally loud: the louder ones are turned down to the quietest, but none by more than kMostCutDb.
constexpr double kMostCutDb = 20;
std::unique_ptr<ClipSet> make_clips(const AuditionSources& sources);

} // namespace acebridge
