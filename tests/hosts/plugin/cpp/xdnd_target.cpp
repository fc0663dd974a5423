// A window that takes files, as a DAW's does: XDND version 5, the target's side. It prints what happens to it.
//
//   xdnd_target accept|refuse|silent X Y WIDTH HEIGHT
#include <X11/Xatom.h>
#include <X11/Xlib.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

namespace {

Display* display = nullptr;

Atom atom(const char* name) { return XInternAtom(display, name, False); }

void send(Window to, const char* type, long window, long flags, long action) {
  XEvent event{};
  event.xclient.type = ClientMessage;
  event.xclient.window = to;
  event.xclient.message_type = atom(type);
  event.xclient.format = 32;
  event.xclient.data.l[0] = window;
  event.xclient.data.l[1] = flags;
  event.xclient.data.l[type == std::string("XdndStatus") ? 4 : 2] = action;
  XSendEvent(display, to, False, NoEventMask, &event);
}

} // namespace

int main(int count, char** arguments) {
  display = XOpenDisplay(nullptr);
  if (count < 6 || display == nullptr) {
    return 2;
  }
  const std::string mode = arguments[1];
  const auto number = [&](int i) { return std::atoi(arguments[i]); };
  const Window window = XCreateSimpleWindow(display, DefaultRootWindow(display), number(2), number(3), static_cast<unsigned>(number(4)),
                                            static_cast<unsigned>(number(5)), 0, 0, 0x304050);
  const long version = 5;
  XChangeProperty(display, window, atom("XdndAware"), XA_ATOM, 32, PropModeReplace, reinterpret_cast<const unsigned char*>(&version), 1);
  XSelectInput(display, window, StructureNotifyMask);
  XMapWindow(display, window);
  Window source = None;
  while (true) {
    XEvent event;
    XNextEvent(display, &event);
    if (event.type == MapNotify) {
      std::cout << "ready" << std::endl;
    } else if (event.type == SelectionNotify) {
      Atom type = None;
      int format = 0;
      unsigned long size = 0;
      unsigned long rest = 0;
      unsigned char* data = nullptr;
      XGetWindowProperty(display, window, event.xselection.property, 0, 65536, True, AnyPropertyType, &type, &format, &size, &rest, &data);
      std::string uris = data == nullptr ? "" : reinterpret_cast<const char*>(data);
      while (!uris.empty() && (uris.back() == '\n' || uris.back() == '\r')) {
        uris.pop_back();
      }
      std::cout << "dropped " << uris << std::endl;
      send(source, "XdndFinished", static_cast<long>(window), 1, static_cast<long>(atom("XdndActionCopy")));
      XFlush(display);
    } else if (event.type == ClientMessage) {
      const Atom type = event.xclient.message_type;
      source = static_cast<Window>(event.xclient.data.l[0]);
      if (type == atom("XdndEnter")) {
        const bool has_uris = static_cast<Atom>(event.xclient.data.l[2]) == atom("text/uri-list");
        std::cout << "entered " << (event.xclient.data.l[1] >> 24) << (has_uris ? " uri-list" : "") << std::endl;
      } else if (type == atom("XdndLeave")) {
        std::cout << "left" << std::endl;
      } else if (type == atom("XdndPosition") && mode != "silent") {
        send(source, "XdndStatus", static_cast<long>(window), mode == "accept" ? 1 : 0, static_cast<long>(atom("XdndActionCopy")));
        std::cout << "moved" << std::endl;
      } else if (type == atom("XdndDrop")) {
        XConvertSelection(display, atom("XdndSelection"), atom("text/uri-list"), atom("DROPPED"), window, static_cast<Time>(event.xclient.data.l[2]));
      }
    }
  }
}
