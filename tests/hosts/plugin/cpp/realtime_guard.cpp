#include "realtime_guard.hpp"

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/types.h>

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
}

namespace {

thread_local int depth = 0;
std::atomic<int> count{0};
std::atomic<const char*> first{nullptr};

void note(const char* name) {
  if (depth > 0) {
    count.fetch_add(1);
    const char* none = nullptr;
    first.compare_exchange_strong(none, name);
  }
}

template <typename Function> Function* next_of(const char* name) { return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name)); }

} // namespace

namespace realtime {

Scope::Scope() { ++depth; }
Scope::~Scope() { --depth; }
int violations() { return count.load(); }
const char* first_violation() { return first.load() == nullptr ? "none" : first.load(); }

void reset() {
  count = 0;
  first = nullptr;
}

} // namespace realtime

extern "C" {

void* malloc(size_t size) {
  note("malloc");
  return __libc_malloc(size);
}

void* calloc(size_t items, size_t size) {
  note("calloc");
  return __libc_calloc(items, size);
}

void* realloc(void* memory, size_t size) {
  note("realloc");
  return __libc_realloc(memory, size);
}

void* aligned_alloc(size_t alignment, size_t size) {
  note("aligned_alloc");
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** memory, size_t alignment, size_t size) {
  note("posix_memalign");
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

void free(void* memory) {
  note("free");
  __libc_free(memory);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) {
  static auto* next = next_of<int(pthread_mutex_t*)>("pthread_mutex_lock");
  note("pthread_mutex_lock");
  return next(mutex);
}

int pthread_mutex_trylock(pthread_mutex_t* mutex) {
  static auto* next = next_of<int(pthread_mutex_t*)>("pthread_mutex_trylock");
  note("pthread_mutex_trylock");
  return next(mutex);
}

int pthread_cond_signal(pthread_cond_t* condition) {
  static auto* next = next_of<int(pthread_cond_t*)>("pthread_cond_signal");
  note("pthread_cond_signal");
  return next(condition);
}

ssize_t read(int file, void* data, size_t size) {
  static auto* next = next_of<ssize_t(int, void*, size_t)>("read");
  note("read");
  return next(file, data, size);
}

ssize_t write(int file, const void* data, size_t size) {
  static auto* next = next_of<ssize_t(int, const void*, size_t)>("write");
  note("write");
  return next(file, data, size);
}

int open(const char* path, int flags, ...) {
  static auto* next = next_of<int(const char*, int, ...)>("open");
  note("open");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  return next(path, flags, mode);
}

FILE* fopen(const char* path, const char* mode) {
  static auto* next = next_of<FILE*(const char*, const char*)>("fopen");
  note("fopen");
  return next(path, mode);
}

int fputs(const char* text, FILE* file) {
  static auto* next = next_of<int(const char*, FILE*)>("fputs");
  note("fputs");
  return next(text, file);
}

int nanosleep(const timespec* time, timespec* rest) {
  static auto* next = next_of<int(const timespec*, timespec*)>("nanosleep");
  note("nanosleep");
  return next(time, rest);
}

} // extern "C"
