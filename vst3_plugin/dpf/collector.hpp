// A thread that takes over captured audio many times a second. The audio thread cannot wake it, so it looks by the clock.
#pragma once

#include "core.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace acebridge {

class Collector {
public:
  explicit Collector(Core& core) : thread_([this, &core] { run(core); }) {}
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  ~Collector() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

private:
  static constexpr std::chrono::milliseconds kPeriod{20};

  void run(Core& core) {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, kPeriod, [this] { return stop_; })) {
      core.collect();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_; // the last member: it uses the others
};

} // namespace acebridge
