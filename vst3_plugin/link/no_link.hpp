// In the place of link.hpp where the calls for files and processes are others (Windows): takes over captured audio, and says
// that there is no link.
#pragma once

#include "collector.hpp"
#include "core.hpp"
#include "periodic_thread.hpp"

namespace acebridge {

class Link {
public:
  explicit Link(Core& core)
      : press_count_(count_presses(core)), collector_(core), thread_(std::chrono::milliseconds(100), [this, &core] { look(core); }) {}

private:
  static uint32_t count_presses(Core& core) { return core.parameters().go_count() + core.parameters().press_count(Id::vary); }

  void look(Core& core) {
    if (const uint32_t count = count_presses(core); count != press_count_) {
      press_count_ = count;
      core.report({Status::failed, 0, -1, "The plug-in cannot work with the daemon on this system yet. Use `acebridge` in a terminal.", false});
    }
  }

  uint32_t press_count_;
  Collector collector_;
  PeriodicThread thread_; // the last member: it uses the others
};

} // namespace acebridge
