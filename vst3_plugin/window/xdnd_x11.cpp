#include "xdnd_x11.hpp"

#include "text.hpp"

#include <X11/keysym.h>

#include <algorithm>

namespace acebridge::window::x11 {

void DragSource::start(const std::string& path) {
  finish(true);
  uris_ = file_url(path) + "\r\n";
  XSetSelectionOwner(display_, atoms_.selection, window_, CurrentTime);
  // For Escape. If another program has the keyboard there is no Escape.
  XGrabKeyboard(display_, DefaultRootWindow(display_), False, GrabModeAsync, GrabModeAsync, CurrentTime);
  phase_ = Phase::dragging;
}

long DragSource::version_of(::Window window) const {
  Atom type = None;
  int format = 0;
  unsigned long count = 0;
  unsigned long rest = 0;
  unsigned char* data = nullptr;
  long version = 0;
  if (XGetWindowProperty(display_, window, atoms_.aware, 0, 1, False, AnyPropertyType, &type, &format, &count, &rest, &data) == Success &&
      data != nullptr && format == 32 && count == 1) {
    version = *reinterpret_cast<const long*>(data);
  }
  if (data != nullptr) {
    XFree(data);
  }
  return version;
}

DragSource::Target DragSource::target_below(::Window root) const {
  ::Window window = root;
  // A window manager puts frames around windows: the first window from the outside that takes drops is the target.
  for (int depth = 0; depth < 32 && window != None; ++depth) {
    const long version = version_of(window);
    if (version >= kLeastVersion) {
      return {window, std::min(version, kVersion)};
    }
    ::Window child = None;
    int x = 0;
    int y = 0;
    if (XTranslateCoordinates(display_, root, window, x_, y_, &x, &y, &child) == False) {
      break;
    }
    window = child;
  }
  return {};
}

void DragSource::change_target(const Target& target) {
  if (target.window == target_.window) {
    return;
  }
  if (target_.window != None) {
    send(display_, target_.window, atoms_.leave, {static_cast<long>(window_), 0, 0, 0, 0});
  }
  target_ = target;
  accepts_ = false;
  waits_ = false;
  if (target_.window != None) {
    send(display_, target_.window, atoms_.enter, {static_cast<long>(window_), target_.version << 24, static_cast<long>(atoms_.uri_list), 0, 0});
    has_moved_ = true;
  }
}

void DragSource::send_position() {
  if (target_.window == None || waits_ || !has_moved_) {
    return;
  }
  const long place = static_cast<long>(x_) << 16 | static_cast<long>(y_);
  send(display_, target_.window, atoms_.position, {static_cast<long>(window_), 0, place, CurrentTime, static_cast<long>(atoms_.copy)});
  waits_ = true;
  has_moved_ = false;
  since_ = Clock::now();
}

void DragSource::release() {
  XUngrabKeyboard(display_, CurrentTime); // Escape ends a drag, not a drop: what is typed from here on is for others
  if (target_.window != None && waits_) {
    phase_ = Phase::releasing;
    return;
  }
  if (target_.window == None || !accepts_) {
    finish(true);
    return;
  }
  send(display_, target_.window, atoms_.drop, {static_cast<long>(window_), 0, CurrentTime, 0, 0});
  phase_ = Phase::dropped;
  since_ = Clock::now();
}

void DragSource::finish(bool leave) {
  if (phase_ == Phase::idle) {
    return;
  }
  if (leave) {
    change_target({});
  }
  XUngrabKeyboard(display_, CurrentTime);
  phase_ = Phase::idle;
  target_ = {};
}

void DragSource::poll() {
  if (phase_ == Phase::idle) {
    return;
  }
  if (phase_ != Phase::dragging) {
    if (Clock::now() - since_ > kPatience) {
      finish(phase_ == Phase::releasing);
    }
    return;
  }
  ::Window root = None;
  ::Window child = None;
  int x = 0;
  int y = 0;
  int inside_x = 0;
  int inside_y = 0;
  unsigned buttons = 0;
  if (XQueryPointer(display_, DefaultRootWindow(display_), &root, &child, &x, &y, &inside_x, &inside_y, &buttons) == False) {
    finish(true);
    return;
  }
  has_moved_ = has_moved_ || x != x_ || y != y_;
  x_ = x;
  y_ = y;
  change_target(target_below(root));
  send_position();
  if ((buttons & Button1Mask) == 0) {
    release();
  }
}

bool DragSource::handle(const XEvent& event) {
  if (event.type == SelectionRequest && event.xselectionrequest.selection == atoms_.selection) {
    const XSelectionRequestEvent& request = event.xselectionrequest;
    if (request.target == atoms_.targets) {
      const std::array<Atom, 2> targets{atoms_.targets, atoms_.uri_list};
      answer(display_, request, XA_ATOM, 32, targets.data(), static_cast<int>(targets.size()));
    } else {
      const bool is_known = request.target == atoms_.uri_list;
      answer(display_, request, atoms_.uri_list, 8, is_known ? uris_.data() : nullptr, static_cast<int>(uris_.size()));
    }
    return true;
  }
  if (event.type == KeyPress && phase_ == Phase::dragging) {
    XKeyEvent key = event.xkey;
    if (XLookupKeysym(&key, 0) == XK_Escape) {
      finish(true);
    }
    return true;
  }
  if (event.type != ClientMessage || static_cast<::Window>(event.xclient.data.l[0]) != target_.window || phase_ == Phase::idle) {
    return false;
  }
  if (event.xclient.message_type == atoms_.status) {
    accepts_ = (event.xclient.data.l[1] & 1) != 0;
    waits_ = false;
    if (phase_ == Phase::releasing) {
      phase_ = Phase::dragging;
      release();
    }
  } else if (event.xclient.message_type == atoms_.finished) {
    finish(false);
  }
  return true;
}

} // namespace acebridge::window::x11
