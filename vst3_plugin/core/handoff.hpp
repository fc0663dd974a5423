// Hands objects that do not change any more to the audio thread, and takes old ones back to be deleted elsewhere.
#pragma once

#include <atomic>
#include <memory>

namespace acebridge {

// T has a member `T* next` that belongs to the handoff.
template <typename T> class Handoff {
public:
  Handoff() = default;
  Handoff(const Handoff&) = delete;
  Handoff& operator=(const Handoff&) = delete;

  // Only when the audio thread has stopped.
  ~Handoff() {
    collect();
    delete pending_.load();
    delete current_;
  }

  // ---- any other thread, one at a time ----

  void publish(std::unique_ptr<T> value) {
    delete pending_.exchange(value.release(), std::memory_order_acq_rel);
    collect();
  }

  void collect() {
    T* old = old_.exchange(nullptr, std::memory_order_acquire);
    while (old != nullptr) {
      T* next = old->next;
      delete old;
      old = next;
    }
  }

  // ---- the audio thread ----

  // Whether `latest` would give another object than before, and the one before may then be deleted.
  bool has_fresh() const { return pending_.load(std::memory_order_relaxed) != nullptr; }

  // The latest object, or null before the first.
  const T* latest() {
    T* fresh = pending_.exchange(nullptr, std::memory_order_acq_rel);
    if (fresh != nullptr) {
      if (current_ != nullptr) {
        // The other side only empties the list, so this ends after at most a few turns.
        current_->next = old_.load(std::memory_order_relaxed);
        while (!old_.compare_exchange_weak(current_->next, current_, std::memory_order_release)) {
        }
      }
      current_ = fresh;
    }
    return current_;
  }

private:
  std::atomic<T*> pending_{nullptr};
  std::atomic<T*> old_{nullptr};
  T* current_ = nullptr;
};

} // namespace acebridge
