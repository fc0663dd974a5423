// A thread that calls a function again and again. The audio thread can wake nobody, so whoever serves it looks by the clock.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace acebridge {

class PeriodicThread {
public:
  // `act` must not throw.
  PeriodicThread(std::chrono::milliseconds period, std::function<void()> act)
      : thread_([this, period, act = std::move(act)] { run(period, act); }) {}
  PeriodicThread(const PeriodicThread&) = delete;
  PeriodicThread& operator=(const PeriodicThread&) = delete;
  ~PeriodicThread() { end(); }

  // Whether the thread is to end: `act` can then leave what takes long.
  bool is_ending() const { return is_ending_; }

  // Returns when the thread has ended.
  void end() {
    {
      const std::lock_guard lock(mutex_);
      is_ending_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) {
      thread_.join();
    }
  }

private:
  void run(std::chrono::milliseconds period, const std::function<void()>& act) {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, period, [this] { return is_ending_.load(); })) {
      lock.unlock();
      act();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> is_ending_{false};
  std::thread thread_; // the last member: it uses the others
};

} // namespace acebridge
