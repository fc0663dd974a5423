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
      : go_count_(core.parameters().go_count()), collector_(core), thread_(std::chrono::milliseconds(100), [this, &core] { look(core); }) {}

private:
  void look(Core& core) {
    if (const uint32_t count = core.parameters().go_count(); count != go_count_) {
      go_count_ = count;
      core.report({Status::failed, 0, -1, "The plug-in cannot work with the daemon on this system yet. Use `acebridge` in a terminal.", false});
    }
  }

  uint32_t go_count_;
  Collector collector_;
  PeriodicThread thread_; // the last member: it uses the others
};

} // namespace acebridge
