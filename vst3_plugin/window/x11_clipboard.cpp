#include "x11_clipboard.hpp"

namespace acebridge::window::x11 {

void Clipboard::copy(const std::string& text) {
  text_ = text;
  XSetSelectionOwner(display_, atoms_.clipboard, window_, CurrentTime);
}

void Clipboard::ask() {
  if (XGetSelectionOwner(display_, atoms_.clipboard) == window_) {
    received_ = text_;
    return;
  }
  XConvertSelection(display_, atoms_.clipboard, atoms_.utf8, atoms_.paste, window_, CurrentTime);
  asked_ = Clock::now();
}

std::optional<std::string> Clipboard::poll() {
  if (asked_ && Clock::now() - *asked_ > kPatience) {
    asked_.reset();
  }
  std::optional<std::string> text;
  text.swap(received_);
  return text;
}

void Clipboard::answer_request(const XSelectionRequestEvent& request) {
  const std::array<Atom, 3> targets{atoms_.targets, atoms_.utf8, atoms_.text};
  if (request.target == atoms_.targets) {
    answer(display_, request, XA_ATOM, 32, targets.data(), static_cast<int>(targets.size()));
  } else if (request.target == atoms_.utf8 || request.target == atoms_.text) {
    answer(display_, request, request.target, 8, text_.data(), static_cast<int>(text_.size()));
  } else {
    answer(display_, request, None, 8, nullptr, 0);
  }
}

void Clipboard::receive(const XSelectionEvent& event) {
  if (!asked_ || event.property == None) {
    asked_.reset();
    return;
  }
  asked_.reset();
  Atom type = None;
  int format = 0;
  unsigned long count = 0;
  unsigned long rest = 0;
  unsigned char* data = nullptr;
  const int result = XGetWindowProperty(display_, window_, atoms_.paste, 0, kMostBytes / 4, True, AnyPropertyType, &type, &format, &count, &rest, &data);
  // Text that comes in parts (INCR) is longer than any field: it is left out.
  if (result == Success && data != nullptr && format == 8 && type != atoms_.incr) {
    received_ = std::string(reinterpret_cast<const char*>(data), count);
  }
  if (data != nullptr) {
    XFree(data);
  }
}

bool Clipboard::handle(const XEvent& event) {
  if (event.type == SelectionRequest && event.xselectionrequest.selection == atoms_.clipboard) {
    answer_request(event.xselectionrequest);
    return true;
  }
  if (event.type == SelectionNotify && event.xselection.selection == atoms_.clipboard) {
    receive(event.xselection);
    return true;
  }
  return false;
}

} // namespace acebridge::window::x11
