// Takes over captured audio, in a thread that does nothing else: however long the link waits for a disk, a program or a long
// take, the ring is emptied in time.
#pragma once

#include "core.hpp"
#include "periodic_thread.hpp"

#include <new>

namespace acebridge {

class Collector {
public:
  // `core` has to outlive it.
  explicit Collector(Core& core) : thread_(std::chrono::milliseconds(20), [&core] { collect(core); }) {}

private:
  static void collect(Core& core) {
    try {
      core.collect();
    } catch (const std::bad_alloc&) { // tried again: what is in the ring waits, and State says when it is full
      return;
    }
  }

  PeriodicThread thread_;
};

} // namespace acebridge
