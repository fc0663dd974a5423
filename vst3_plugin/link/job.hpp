// A job as its folder has it: PROTOCOL.md of daemon/acebridge/hosts/jobfolder, version 1.
#pragma once

#include "folder.hpp"
#include "json.hpp"
#include "machine.hpp"
#include "source.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace acebridge {

// Of status.json; one that has more is left out.
constexpr size_t kMostStatusBytes = size_t{1} << 20U;

// The files of a job folder, ours and those that the command makes.
bool is_job_file(const std::string& name);

// request.json. `media` is the folder for audio, `project` that of the project or empty.
Json make_request(const Order& order, const std::string& id, const Machine& machine, const std::string& project,
                  const std::string& media, const std::string& source_file);

// How a job is going.
struct JobNews {
  enum class State { active, done, failed, cancelled };

  State state = State::active;
  float fraction = 0;
  double eta_s = -1;
  std::string sentence; // the stage, or what is wrong and what to do about it
  std::string reason;   // of a failure, for programs; empty where the command does not say
  std::string job_id;   // at the daemon; empty until it has the job
};

// Reads status.json again and again, and knows what silence means. Only time in which it looked counts: the computer may
// have slept.
class StatusReader {
public:
  static constexpr double kStartS = 20;  // until the first status
  static constexpr double kSilentS = 30; // between two

  // `text` is what the file holds, if it is there; `now_s` any clock that goes on; `runs` whether a process does.
  JobNews look(const std::optional<std::string>& text, double now_s, const std::function<bool(int64_t pid)>& runs);

private:
  JobNews silence(JobNews news);

  double last_look_s_ = -1;
  double silent_s_ = 0;
  double gone_s_ = 0; // since when the process is known to be gone
  double updated_s_ = -1;
  bool has_begun_ = false;
  bool is_junk_ = false;
  JobNews latest_;
};

// Whether a process of this machine runs.
bool process_runs(int64_t pid);

// An output of a take that is to play.
struct JobTake {
  TakeRegion region; // without the hash
  std::string file;
  std::string role;
};

struct JobResult {
  std::vector<JobTake> takes;
  std::vector<std::string> roles; // of all outputs of the first take
  std::string warning;            // the first one
};

// What result.json says: for each take the output named `track`, else the mix, else the first. Raises LinkError for anything
// that is no result.
JobResult read_result(const std::optional<std::string>& text, const Order& order);

} // namespace acebridge
