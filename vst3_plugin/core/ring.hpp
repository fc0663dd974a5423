// A queue from one thread to one other thread, without locks. It allocates in its constructor only.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace acebridge {

template <typename T> class Ring {
public:
  // The capacity is rounded up to a power of two. All memory is written here, so that the audio thread never faults a page in.
  explicit Ring(size_t capacity) : items_(round_up(capacity)), mask_(items_.size() - 1) {}

  size_t capacity() const { return items_.size(); }

  // ---- the writing thread ----

  uint64_t write_index() const { return write_.load(std::memory_order_relaxed); }

  size_t free_space() const {
    return items_.size() - static_cast<size_t>(write_index() - read_.load(std::memory_order_acquire));
  }

  // Item number `offset` after those that were published. The caller has asked `free_space` first.
  T& slot(size_t offset) { return items_[static_cast<size_t>(write_index() + offset) & mask_]; }

  void publish(size_t count) { write_.store(write_index() + count, std::memory_order_release); }

  bool push(const T& item) {
    if (free_space() == 0) {
      return false;
    }
    slot(0) = item;
    publish(1);
    return true;
  }

  // ---- the reading thread ----

  uint64_t end_index() const { return write_.load(std::memory_order_acquire); }

  uint64_t read_index() const { return read_.load(std::memory_order_relaxed); }

  const T& at(uint64_t index) const { return items_[static_cast<size_t>(index) & mask_]; }

  void release(uint64_t index) { read_.store(index, std::memory_order_release); }

private:
  static size_t round_up(size_t capacity) {
    size_t size = 1;
    while (size < capacity) {
      size *= 2;
    }
    return size;
  }

  std::vector<T> items_;
  size_t mask_;
  std::atomic<uint64_t> write_{0};
  std::atomic<uint64_t> read_{0};
};

} // namespace acebridge
