// The plug-in without a plug-in format: audio, parameters, takes, text. The window and the link to the daemon belong beside it.
//
// `process` runs on the audio thread: it allocates nothing, takes no lock, reads no file. Everything else runs on any other
// thread; a mutex that `process` does not know keeps those apart.
#pragma once

#include "capture.hpp"
#include "handoff.hpp"
#include "parameters.hpp"
#include "recordings.hpp"
#include "state.hpp"
#include "take_player.hpp"

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace acebridge {

// The keys of the state that hosts save.
enum class Key { caption, lyrics, tracks, regions, captures };
constexpr std::array<const char*, 5> kKeys{"caption", "lyrics", "tracks", "regions", "captures"};

class Core {
public:
  static constexpr double kLongestCaptureS = 600;
  static constexpr int64_t kMostCaptureBytes = int64_t{256} << 20U;

  explicit Core(double rate_hz);

  // ---- the audio thread ----

  void process(const HostTime& time, const float* const* input, float* const* output, uint32_t frames);

  // ---- any thread ----

  Parameters& parameters() { return parameters_; }
  // A parameter as hosts see it, outputs too.
  float value(size_t index) const;
  Status status() const;

  // What the link reports: working, done or failed, or ready when there is nothing to say.
  void report(Status job, float progress);

  // ---- any thread but the audio thread ----

  // Only while the audio thread does not run: hosts change the rate between deactivate and activate.
  void prepare(double rate_hz);

  // Take over what was captured. To be called some times a second.
  void collect();
  // Recordings that have ended, the oldest first.
  std::vector<std::shared_ptr<const Recording>> recordings();

  // Add a take, or replace the one with the same number and start. Returns whether its audio can play here.
  bool put_take(TakeRegion region, Bytes wav);
  void clear_takes();
  // The hashes of assets that takes need and this project does not hold, and how to add one of them.
  std::vector<std::string> missing_assets();
  bool put_asset(Bytes wav);

  // What a host saves and restores. `regions` holds the takes, `captures` describes the recordings; setting it does nothing.
  std::string get_state(Key key);
  void set_state(Key key, std::string_view value);

private:
  static constexpr double kRingS = 4;

  int64_t limit_frames() const;
  // With the mutex held.
  void publish_takes();
  void drop_unused_assets();

  Parameters parameters_;
  double rate_hz_;

  std::unique_ptr<CaptureRings> rings_;
  std::unique_ptr<CaptureWriter> writer_;
  Transport transport_;
  TakePlayer player_;
  Handoff<TakeSet> handoff_;

  std::atomic<Status> job_{Status::ready};
  std::atomic<Status> problem_{Status::ready}; // with the takes

  std::mutex mutex_; // guards all below, and the reading ends of the rings
  std::unique_ptr<Recordings> recordings_;
  std::array<std::string, 3> text_;
  TakeState takes_;
  std::string unreadable_; // saved takes that this version cannot read: kept as they are
  Status unreadable_status_ = Status::ready;
};

} // namespace acebridge
