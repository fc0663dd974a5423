#include "x11_desktop.hpp"

#include "x11_clipboard.hpp"
#include "xdnd_x11.hpp"

#include <X11/cursorfont.h>

namespace acebridge::window {

using x11::ErrorGuard;

struct X11Desktop::Connection {
  Connection(Display* opened, ::Window outer_window)
      : display(opened), outer(outer_window), own(XCreateSimpleWindow(opened, DefaultRootWindow(opened), -1, -1, 1, 1, 0, 0, 0)), atoms(opened),
        clipboard(opened, own, atoms), drag(opened, own, atoms) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { XCloseDisplay(display); }

  ::Window parent() const {
    ::Window root = None;
    ::Window around = None;
    ::Window* children = nullptr;
    unsigned count = 0;
    if (XQueryTree(display, outer, &root, &around, &children, &count) != 0 && children != nullptr) {
      XFree(children);
    }
    return around;
  }

  Display* display;
  ::Window outer; // the plug-in's
  ::Window own;   // never shown; other programs answer to it
  x11::Atoms atoms;
  x11::Clipboard clipboard;
  x11::DragSource drag;
  ::Window focus_before = None;
};

X11Desktop::X11Desktop(uintptr_t window) {
  Display* const display = XOpenDisplay(nullptr);
  if (display != nullptr) {
    connection_ = std::make_unique<Connection>(display, static_cast<::Window>(window));
  }
}

X11Desktop::~X11Desktop() = default;

std::optional<std::string> X11Desktop::poll() {
  if (!connection_) {
    return std::nullopt;
  }
  if (!connection_->drag.is_active() && XEventsQueued(connection_->display, QueuedAfterReading) == 0) {
    return connection_->clipboard.poll();
  }
  const ErrorGuard guard(connection_->display);
  while (XPending(connection_->display) > 0) {
    XEvent event;
    XNextEvent(connection_->display, &event);
    if (!connection_->clipboard.handle(event)) {
      connection_->drag.handle(event);
    }
  }
  connection_->drag.poll();
  return connection_->clipboard.poll();
}

void X11Desktop::copy(const std::string& text) {
  if (connection_) {
    const ErrorGuard guard(connection_->display);
    connection_->clipboard.copy(text);
  }
}

void X11Desktop::ask_paste() {
  if (connection_) {
    const ErrorGuard guard(connection_->display);
    connection_->clipboard.ask();
  }
}

void X11Desktop::remember_focus() {
  if (connection_) {
    const ErrorGuard guard(connection_->display);
    ::Window focus = None;
    int revert = 0;
    XGetInputFocus(connection_->display, &focus, &revert);
    if (focus != connection_->outer) {
      connection_->focus_before = focus;
    }
  }
}

void X11Desktop::give_keyboard() {
  if (!connection_) {
    return;
  }
  const ErrorGuard guard(connection_->display);
  ::Window focus = None;
  int revert = 0;
  XGetInputFocus(connection_->display, &focus, &revert);
  if (focus != connection_->outer) {
    return; // someone else has it already
  }
  const ::Window before = connection_->focus_before;
  const bool is_window = before != None && before != PointerRoot;
  XSetInputFocus(connection_->display, is_window ? before : connection_->parent(), RevertToParent, CurrentTime);
}

void X11Desktop::pass_key(bool is_press, uint32_t keycode, const Modifiers& modifiers, bool has_super) {
  if (!connection_) {
    return;
  }
  const ErrorGuard guard(connection_->display);
  XEvent event{};
  event.xkey.type = is_press ? KeyPress : KeyRelease;
  event.xkey.display = connection_->display;
  event.xkey.window = connection_->parent();
  event.xkey.root = DefaultRootWindow(connection_->display);
  event.xkey.same_screen = True;
  event.xkey.time = CurrentTime;
  event.xkey.keycode = keycode;
  event.xkey.state = (modifiers.shift ? unsigned{ShiftMask} : 0U) | (modifiers.control ? unsigned{ControlMask} : 0U) |
                     (modifiers.alt ? unsigned{Mod1Mask} : 0U) | (has_super ? unsigned{Mod4Mask} : 0U);
  if (event.xkey.window != None) {
    XSendEvent(connection_->display, event.xkey.window, True, is_press ? KeyPressMask : KeyReleaseMask, &event);
  }
}

void X11Desktop::show_cursor(Cursor cursor) {
  if (!connection_) {
    return;
  }
  const ErrorGuard guard(connection_->display);
  static constexpr std::array<unsigned, 4> kShapes{XC_left_ptr, XC_xterm, XC_hand1, XC_sb_h_double_arrow};
  const ::Cursor shape = XCreateFontCursor(connection_->display, kShapes[static_cast<size_t>(cursor)]);
  XDefineCursor(connection_->display, connection_->outer, shape);
  XFreeCursor(connection_->display, shape);
}

void X11Desktop::start_drag(const std::string& path) {
  if (connection_) {
    const ErrorGuard guard(connection_->display);
    connection_->drag.start(path);
  }
}

bool X11Desktop::is_dragging() const { return connection_ && connection_->drag.is_active(); }

} // namespace acebridge::window
