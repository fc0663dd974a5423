// Whether AceBridge is installed, whether its daemon runs, and starting it. Looks now and then.
#pragma once

#include "machine.hpp"

#include <string>

namespace acebridge {

class DaemonWatch {
public:
  explicit DaemonWatch(const Machine& machine) : machine_(machine) {}

  // Look, if it is time to, or `at_once`.
  void look(double now_s, bool at_once = false);
  // Start the daemon. What goes wrong is said by `sentence`.
  void start(double now_s);

  // The full path of the acebridge command; empty if AceBridge was never run by this user.
  const std::string& command() const { return command_; }
  // Whether a window should offer to start the daemon.
  bool offers_start() const { return !command_.empty() && !runs_ && start_end_s_ < 0; }
  // What is to be said about the daemon; empty while it runs.
  std::string sentence() const;

private:
  const Machine& machine_;
  std::string command_;
  std::string failure_;
  bool has_looked_ = false;
  bool runs_ = false;
  double next_s_ = 0;
  double start_end_s_ = -1; // until when a start may take
};

} // namespace acebridge
