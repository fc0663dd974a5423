#include "x11_connection.hpp"

namespace acebridge::window::x11 {
namespace {

// The handler is one for the whole program; all of this runs on the thread of the host's windows.
Display* guarded = nullptr;
XErrorHandler handler_before = nullptr;

int leave_out(Display* display, XErrorEvent* event) {
  return display == guarded || handler_before == nullptr ? 0 : handler_before(display, event);
}

} // namespace

ErrorGuard::ErrorGuard(Display* display) : display_(display) {
  guarded = display;
  handler_before = XSetErrorHandler(leave_out);
}

ErrorGuard::~ErrorGuard() {
  XSync(display_, False); // errors come late: wait for those of what was asked
  XSetErrorHandler(handler_before);
  handler_before = nullptr;
  guarded = nullptr;
}

Atoms::Atoms(Display* display) {
  const auto name = [&](const char* text) { return XInternAtom(display, text, False); };
  clipboard = name("CLIPBOARD");
  targets = name("TARGETS");
  utf8 = name("UTF8_STRING");
  text = name("text/plain;charset=utf-8");
  incr = name("INCR");
  paste = name("ACEBRIDGE_PASTE");
  aware = name("XdndAware");
  enter = name("XdndEnter");
  position = name("XdndPosition");
  status = name("XdndStatus");
  leave = name("XdndLeave");
  drop = name("XdndDrop");
  finished = name("XdndFinished");
  selection = name("XdndSelection");
  copy = name("XdndActionCopy");
  uri_list = name("text/uri-list");
}

void answer(Display* display, const XSelectionRequestEvent& request, Atom type, int format, const void* data, int count) {
  XSelectionEvent note{};
  note.type = SelectionNotify;
  note.requestor = request.requestor;
  note.selection = request.selection;
  note.target = request.target;
  note.time = request.time;
  note.property = request.property != None ? request.property : request.target; // old programs name no property
  if (data != nullptr) {
    XChangeProperty(display, note.requestor, note.property, type, format, PropModeReplace, static_cast<const unsigned char*>(data), count);
  } else {
    note.property = None;
  }
  XEvent event{};
  event.xselection = note;
  XSendEvent(display, note.requestor, False, NoEventMask, &event);
}

void send(Display* display, ::Window to, Atom type, const std::array<long, 5>& values) {
  XEvent event{};
  event.xclient.type = ClientMessage;
  event.xclient.display = display;
  event.xclient.window = to;
  event.xclient.message_type = type;
  event.xclient.format = 32;
  for (size_t i = 0; i < values.size(); ++i) {
    event.xclient.data.l[i] = values[i];
  }
  XSendEvent(display, to, False, NoEventMask, &event);
}

} // namespace acebridge::window::x11
