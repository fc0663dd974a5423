// What the tests' host sees and changes of a screen: pixels, pictures, who has the keyboard, keys for characters.
#pragma once

#include "utf8.hpp"

#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/keysym.h>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace screen {

// The color of a pixel as 0xRRGGBB; 0 where there is none.
inline unsigned long pixel(Display* display, Window window, int x, int y) {
  XImage* const image = XGetImage(display, window, x, y, 1, 1, AllPlanes, ZPixmap);
  const unsigned long color = image == nullptr ? 0 : XGetPixel(image, 0, 0) & 0xFFFFFFU;
  if (image != nullptr) {
    XDestroyImage(image);
  }
  return color;
}

// Write what a window shows as a PPM file.
inline bool write_picture(Display* display, Window window, const std::string& path) {
  XWindowAttributes size;
  XGetWindowAttributes(display, window, &size);
  XImage* const image = XGetImage(display, window, 0, 0, static_cast<unsigned>(size.width), static_cast<unsigned>(size.height), AllPlanes, ZPixmap);
  std::FILE* const file = image == nullptr ? nullptr : std::fopen(path.c_str(), "wb");
  if (file == nullptr) {
    return false;
  }
  (void)std::fprintf(file, "P6\n%d %d\n255\n", size.width, size.height);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const unsigned long color = XGetPixel(image, x, y);
      const unsigned char rgb[3] = {static_cast<unsigned char>(color >> 16U), static_cast<unsigned char>(color >> 8U), static_cast<unsigned char>(color)};
      (void)std::fwrite(rgb, 1, 3, file);
    }
  }
  XDestroyImage(image);
  return std::fclose(file) == 0;
}

// The windows in a window.
inline std::vector<Window> children_of(Display* display, Window window) {
  Window root = None;
  Window parent = None;
  Window* children = nullptr;
  unsigned count = 0;
  if (XQueryTree(display, window, &root, &parent, &children, &count) == 0) {
    return {};
  }
  const std::vector<Window> all(children, children + count);
  XFree(children);
  return all;
}

// Whether each window in a window is as large as that.
inline bool is_filled(Display* display, Window window) {
  XWindowAttributes size;
  XGetWindowAttributes(display, window, &size);
  const std::vector<Window> all = children_of(display, window);
  return std::all_of(all.begin(), all.end(), [&](Window child) {
    XWindowAttributes other;
    return XGetWindowAttributes(display, child, &other) != 0 && other.width == size.width && other.height == size.height;
  });
}

// Who has the keyboard: "host" with this window, "plug-in" with a window in it, or "nobody".
inline std::string focus(Display* display, Window host) {
  Window focus = None;
  int revert = 0;
  XGetInputFocus(display, &focus, &revert);
  if (focus == host) {
    return "host";
  }
  const std::vector<Window> all = children_of(display, host);
  return std::find(all.begin(), all.end(), focus) != all.end() ? "plug-in" : "nobody";
}

// Give each character of a text a key of its own, and the compose key too: xdotool would change the keyboard as it types, and a
// window that looks a key up late would find another one.
inline void bind_keys(Display* display, const std::string& text) {
  int first = 0;
  int last = 0;
  int width = 0;
  XDisplayKeycodes(display, &first, &last);
  KeySym* const map = XGetKeyboardMapping(display, static_cast<KeyCode>(first), last - first + 1, &width);
  std::vector<KeySym> symbols{XK_Multi_key};
  for (size_t i = 0; i < text.size(); i = acebridge::window::next_boundary(text, i)) {
    const uint32_t code = acebridge::window::decode_utf8(text, i);
    symbols.push_back(code < 0x100 ? code : 0x1000000U | code);
  }
  int keycode = last;
  for (KeySym symbol : symbols) {
    if (XKeysymToKeycode(display, symbol) != 0) {
      continue;
    }
    const auto is_free = [&](int code) {
      return std::all_of(map + (code - first) * width, map + (code - first + 1) * width, [](KeySym s) { return s == NoSymbol; });
    };
    while (keycode > first && !is_free(keycode)) {
      --keycode;
    }
    XChangeKeyboardMapping(display, keycode--, 1, &symbol, 1);
  }
  XFree(map);
  XSync(display, False);
}

} // namespace screen
