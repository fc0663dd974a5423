// Counts what a real-time thread must not do: allocate, take a lock, read or write, sleep.
//
// Linked into a program, its functions stand before those of the C library, also for libraries that the program loads.
#pragma once

namespace realtime {

// While one of these exists, the guard counts what its thread does.
struct Scope {
  Scope();
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
};

// Calls that were counted, and the name of the first one.
int violations();
const char* first_violation();
void reset();

} // namespace realtime
