// The plug-in without a plug-in format: audio, parameters, takes, text. The window and the link to the daemon belong beside it.
//
// `process` runs on the audio thread: it allocates nothing, takes no lock, reads no file. Everything else runs on any other
// thread; a mutex that `process` does not know keeps those apart.
#pragma once

#include "audition.hpp"
#include "capture.hpp"
#include "handoff.hpp"
#include "parameters.hpp"
#include "recordings.hpp"
#include "state.hpp"
#include "take_audio.hpp"
#include "take_player.hpp"

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace acebridge {

// The keys of the state that hosts save. `selection` is "FIRST FRAMES RATE", `folder` where the project's audio is to be written.
enum class Key { caption, lyrics, tracks, selection, folder, regions, captures };
constexpr std::array<const char*, 7> kKeys{"caption", "lyrics", "tracks", "selection", "folder", "regions", "captures"};

// How the latest job is going, for people.
struct JobReport {
  Status status = Status::ready; // working, done or failed; ready when there is nothing to say
  float progress = 0;            // 0 to 1
  double eta_s = -1;             // negative: not known
  std::string sentence;          // the stage, or what is wrong and what to do about it
  bool offers_start = false;     // the daemon can be started from here
};

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

  // What `audition` made heard, and how far it is.
  Audition auditioning() const { return audition_.state(); }

  // The host frame that the latest block began at.
  int64_t position() const { return position_.load(std::memory_order_relaxed); }

  // Changes with everything below that a window shows, but not with the parameters, nor as an audition goes on and ends.
  uint64_t revision() const { return revision_.load(std::memory_order_acquire); }

  // ---- any thread but the audio thread ----

  // Only while the audio thread does not run: hosts change the rate between deactivate and activate.
  void prepare(double rate_hz);

  double rate_hz();

  // Take over what was captured. To be called some times a second.
  void collect();
  // Recordings that have ended, the oldest first.
  RecordingList recordings();

  // What the link reports, and the window shows.
  void report(JobReport report);
  JobReport job();
  // The wish to start the daemon; whoever acts on it remembers the count.
  void ask_start() { starts_.fetch_add(1, std::memory_order_release); }
  uint32_t start_count() const { return starts_.load(std::memory_order_acquire); }

  // The part that the next job is about; nothing: the whole latest recording.
  std::optional<Selection> selection();
  void select(std::optional<Selection> selection);
  // The selection as the state keeps it.
  std::string text_of(const Selection& selection);

  std::vector<TakeRegion> takes();

  // Add a take, or replace the one with the same number and start. `file` is where its audio lies, empty if that is not known.
  // Returns whether the audio can play; a region that is not valid is not added. Takes long for a long take.
  bool put_take(TakeRegion region, Bytes wav, std::string file = {});
  void clear_takes();
  // Hear the take of this number at the chosen place (find_sources), 0: the recording that it was made from, in place of the
  // input, while the transport stands still. Another number goes on at the same frame. kNoAudition, or an unknown number,
  // ends it; so do the end of the audio and a transport that rolls.
  void audition(int number);
  // The hashes of assets that takes need and this project does not hold, and how to add one of them.
  // Nothing is added, and false returned, unless the file has that hash and a take needs it. Takes long for a long take.
  std::vector<std::string> missing_assets();
  bool put_asset(const std::string& sha256, Bytes wav, std::string file = {});
  // The bytes of an asset of this project; null if it has none of that hash.
  Bytes asset(const std::string& sha256);
  // Where an asset lies as a file, to be dragged into the host; empty if that is not known.
  void note_file(const std::string& sha256, std::string path);
  std::string file_of(const std::string& sha256);

  // What a host saves and restores. `regions` holds the takes, `captures` describes the recordings; setting it does nothing.
  std::string get_state(Key key);
  void set_state(Key key, std::string_view value);

private:
  static constexpr double kRingS = 4;

  int64_t limit_frames() const;
  ReadTakes read_ahead(const TakeState& state);
  void set_takes(std::string_view value);
  // With the mutex held.
  std::optional<Take> make_take(const TakeRegion& region, Status& status);
  RecordingList ended_recordings();
  std::optional<Selection> read_selection() const;
  void publish_takes();
  void publish_clips(int number);
  void drop_unused_assets();
  void change() { revision_.fetch_add(1, std::memory_order_release); }

  Parameters parameters_;
  double rate_hz_;

  std::unique_ptr<CaptureRings> rings_;
  std::unique_ptr<CaptureWriter> writer_;
  Transport transport_;
  TakePlayer player_;
  Handoff<TakeSet> handoff_;
  AuditionPlayer audition_;

  std::atomic<CaptureState> capture_{CaptureState::off}; // the writer's, which `prepare` makes again while others look
  std::atomic<Status> job_{Status::ready};
  std::atomic<uint32_t> starts_{0};
  std::atomic<int64_t> position_{0};
  std::atomic<uint64_t> revision_{0};
  std::atomic<Status> problem_{Status::ready}; // with the takes

  std::mutex mutex_; // guards all below, and the reading ends of the rings
  std::unique_ptr<Recordings> recordings_;
  std::array<std::string, 5> text_; // by key
  JobReport report_;
  TakeState takes_;
  TakeAudioCache audio_;
  std::vector<Take> playable_; // what the audio thread has, too
  AuditionSources sources_;    // of what can be heard at the moment
  std::map<int, int64_t> lengths_; // of those, by number
  std::map<std::string, std::string> files_; // paths by hash
  std::string unreadable_;                   // saved takes that this version cannot read: kept as they are
  Status unreadable_status_ = Status::ready;
};

} // namespace acebridge
