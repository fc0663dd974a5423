// A connection to the X server, and errors on it that end nothing.
#pragma once

#include <X11/Xatom.h>
#include <X11/Xlib.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

namespace acebridge::window::x11 {

using Clock = std::chrono::steady_clock;

// Errors of one connection are left out while it lives: windows of other programs may go away at any time. Xlib ends the
// program otherwise. Errors of other connections go where they went.
class ErrorGuard {
public:
  explicit ErrorGuard(Display* display);
  ErrorGuard(const ErrorGuard&) = delete;
  ErrorGuard& operator=(const ErrorGuard&) = delete;
  ~ErrorGuard();

private:
  Display* display_;
};

struct Atoms {
  explicit Atoms(Display* display);

  Atom clipboard, targets, utf8, text, incr, paste;
  Atom aware, enter, position, status, leave, drop, finished, selection, copy, uri_list;
};

// Put data where a program asked for it, and tell it; a null pointer refuses.
void answer(Display* display, const XSelectionRequestEvent& request, Atom type, int format, const void* data, int count);

// A message of the XDND protocol.
void send(Display* display, ::Window to, Atom type, const std::array<long, 5>& values);

} // namespace acebridge::window::x11
