// In the place of the plug-in's link where a test reports jobs itself: takes over captured audio, and nothing else.
#pragma once

#include "core.hpp"

#include <atomic>
#include <chrono>
#include <thread>

namespace acebridge {

class Link {
public:
  explicit Link(Core& core) : thread_([this, &core] { run(core); }) {}
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  ~Link() {
    stop_ = true;
    thread_.join();
  }

private:
  void run(Core& core) {
    while (!stop_) {
      core.collect();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  std::atomic<bool> stop_{false};
  std::thread thread_; // the last member: it uses the other
};

} // namespace acebridge
