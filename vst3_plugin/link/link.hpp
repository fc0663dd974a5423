// The plug-in's link to the daemon: a thread that takes over captured audio, runs jobs, and keeps the instance folder and the
// OSC bridge informed. The audio thread cannot wake it, so it looks by the clock.
//
// It belongs to a plug-in that runs: some hosts make instances that never do, so it is made at the first `activate`, and kept
// until the plug-in ends. A job goes on when the host stops the audio.
#pragma once

#include "assets.hpp"
#include "core.hpp"
#include "daemon_watch.hpp"
#include "instance.hpp"
#include "machine.hpp"
#include "osc.hpp"
#include "runner.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace acebridge {

class Link {
public:
  // `core` has to outlive the link.
  explicit Link(Core& core, HostInfo host = {});
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  // Ends the thread, soon, whatever it does. A job that runs goes on without the plug-in.
  ~Link();

  // The name of the instance folder.
  const std::string& instance() const { return machine_.instance; }

private:
  static constexpr std::chrono::milliseconds kPeriod{20};
  static constexpr int kStepPeriods = 5; // ten times a second

  void run();
  void step(double now_s);
  bool pause();
  // Make the instance folder if it is not there; raises LinkError.
  InstanceFolder& open_instance();
  void keep_instance(double now_s);
  void act(const Json& command);
  void publish(double now_s);
  void go(double now_s);
  void look_for_assets(double now_s);
  void report();
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
  uint32_t cancel_count_;
  uint32_t start_count_;
  bool has_said_open_ = false;
  bool presses_go_ = false;
  bool presses_cancel_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_; // the last member: it uses the others
};

} // namespace acebridge
