// The plug-in's link to the daemon: a thread that takes over captured audio, and one that runs jobs, and keeps the instance
// folder and the OSC bridge informed. Only the second one waits, for disks, programs and long takes.
//
// It belongs to a plug-in that runs: some hosts make instances that never do, so it is made at the first `activate`, and kept
// until the plug-in ends. A job goes on when the host stops the audio.
#pragma once

#include "assets.hpp"
#include "collector.hpp"
#include "core.hpp"
#include "daemon_watch.hpp"
#include "instance.hpp"
#include "machine.hpp"
#include "osc.hpp"
#include "pause.hpp"
#include "periodic_thread.hpp"
#include "runner.hpp"

#include <deque>
#include <memory>
#include <string>

namespace acebridge {

class Link {
public:
  // `core` has to outlive the link.
  explicit Link(Core& core, HostInfo host = {});
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  // Ends the threads: what takes long is cut short, but a take that is being read is read to its end. A job that runs goes on
  // without the plug-in.
  ~Link();

  // The name of the instance folder.
  const std::string& instance() const { return machine_.instance; }

private:
  // What came of a command.
  struct Answer {
    std::string command;  // the name of its file
    std::string sentence; // empty: it was done
    const char* reason;   // as status.json of a job has it
  };

  void look();
  void step(double now_s);
  void pause() const;
  // Make the instance folder if it is not there; raises LinkError.
  InstanceFolder& open_instance();
  void keep_instance(double now_s);
  // Do what a command says.
  Answer answer(const Command& command, double now_s);
  void set(const Json& content);
  void publish(double now_s);
  void go(MakeOrder make, double now_s);
  void look_for_assets(double now_s);
  void report();
  void show(const JobReport& report);
  Json facts();
  void say(const char* what, std::vector<OscValue> values);

  std::string project();
  std::string media();

  Core& core_;
  const Machine machine_;
  OscSender osc_;
  DaemonWatch daemon_;
  JobRunner runner_;
  AssetFinder assets_;
  std::unique_ptr<InstanceFolder> instance_;
  double instance_retry_s_ = 0;
  std::string instance_sentence_; // why there is no instance folder
  std::string asset_sentence_;
  JobReport reported_;
  JobRunner::State reported_state_ = JobRunner::State::none;
  int64_t reported_number_ = 0;
  uint32_t go_count_;
  uint32_t vary_count_;
  uint32_t cancel_count_;
  uint32_t start_count_;
  bool has_said_open_ = false;
  std::deque<Answer> answers_; // the latest

  Collector collector_;
  PeriodicThread thread_; // the last member: it uses the others
};

} // namespace acebridge
