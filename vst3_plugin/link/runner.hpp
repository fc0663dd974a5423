// Runs one job after the other: from Go to takes in the project.
#pragma once

#include "core.hpp"
#include "folder.hpp"
#include "job.hpp"
#include "machine.hpp"
#include "pause.hpp"

#include <optional>
#include <string>
#include <vector>

namespace acebridge {

using MakeOrder = Order (*)(Core&);

class JobRunner {
public:
  enum class State { none, working, done, failed, cancelled };

  JobRunner(Core& core, const Machine& machine) : core_(core), machine_(machine) {}

  // Make a job in the folder `jobs` and start the command on it. `make` makes its order, `media` is where its audio goes. What
  // goes wrong is the outcome of the job.
  void go(MakeOrder make, const Folder& jobs, const std::string& command, const std::string& project, const std::string& media,
          const Pause& pause);
  // The outcome of a job that could not even be made.
  void fail(const std::string& sentence);
  // Ask the command to stop, if there is a job.
  void cancel();
  // See how the job is going; when it is done, its takes go into the project.
  void look(double now_s, const Pause& pause);

  State state() const { return state_; }
  bool works() const { return state_ == State::working; }
  // How many jobs there were, this one included; its folder's name; its id at the daemon, empty until that has it; why it
  // failed, for programs; its files.
  int64_t number() const { return number_; }
  const std::string& id() const { return id_; }
  const std::string& daemon_id() const { return daemon_id_; }
  const std::string& reason() const { return reason_; }
  const std::vector<std::string>& files() const { return files_; }
  // What the window shows.
  const JobReport& report() const { return report_; }

private:
  void start(MakeOrder make, const Folder& jobs, const std::string& command, const std::string& project, const std::string& media,
             const Pause& pause);
  void follow(double now_s, const Pause& pause);
  void finish(const Pause& pause);
  void end(State state, std::string sentence);

  Core& core_;
  const Machine& machine_;
  State state_ = State::none;
  int64_t number_ = 0;
  std::string id_;
  std::string daemon_id_;
  std::string reason_;
  Order order_;
  std::optional<Folder> folder_;
  StatusReader status_;
  std::vector<std::string> files_;
  JobReport report_;
};

const char* name_of(JobRunner::State state);

} // namespace acebridge
