// A test is a function and a row in `main`. A check that fails says where, and the program ends with 1.
#pragma once

#include <cstdio>

namespace check {

inline int failures = 0;

inline void that(bool holds, const char* text, const char* file, int line) {
  if (!holds) {
    ++failures;
    (void)std::fprintf(stderr, "%s:%d: not so: %s\n", file, line, text);
  }
}

struct Test {
  const char* name;
  void (*run)();
};

template <size_t Count> int run_all(const Test (&tests)[Count]) {
  for (const Test& test : tests) {
    const int before = failures;
    test.run();
    (void)std::printf("%s %s\n", failures == before ? "passed" : "FAILED", test.name);
  }
  return failures == 0 ? 0 : 1;
}

} // namespace check

#define CHECK(condition) check::that((condition), #condition, __FILE__, __LINE__)
