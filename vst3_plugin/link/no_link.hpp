// In the place of link.hpp where the calls for files and processes are others (Windows): takes over captured audio, and says
// that there is no link.
#pragma once

#include "core.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace acebridge {

class Link {
public:
  explicit Link(Core& core) : go_count_(core.parameters().go_count()), thread_([this, &core] { run(core); }) {}
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  ~Link() {
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
      if (const uint32_t count = core.parameters().go_count(); count != go_count_) {
        go_count_ = count;
        core.report({Status::failed, 0, -1, "The plug-in cannot work with the daemon on this system yet. Use `acebridge` in a terminal.", false});
      }
    }
  }

  uint32_t go_count_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_; // the last member: it uses the others
};

} // namespace acebridge
