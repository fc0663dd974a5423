// The desktop under X11: clipboard, keyboard, cursor, and files that are dragged out.
//
// It has a connection of its own, because the framework's loop keeps to itself what other programs send. Nothing here waits for
// another program, and none that is gone or wrong ends the host: `poll` is called often.
#pragma once

#include "input.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace acebridge::window {

class X11Desktop {
public:
  // `window` is the plug-in's. Without a connection all calls do nothing.
  explicit X11Desktop(uintptr_t window);
  X11Desktop(const X11Desktop&) = delete;
  X11Desktop& operator=(const X11Desktop&) = delete;
  ~X11Desktop();

  // Returns the clipboard's text when it has come.
  std::optional<std::string> poll();

  void copy(const std::string& text);
  void ask_paste();

  // Whoever had the keyboard gets it back; else the window around ours.
  void remember_focus();
  void give_keyboard();
  // A key that was not used, to the window around ours.
  void pass_key(bool is_press, uint32_t keycode, const Modifiers& modifiers, bool has_super);

  void show_cursor(Cursor cursor);

  // Let the user drop a file: until the mouse button is released, or Escape is pressed.
  void start_drag(const std::string& path);
  bool is_dragging() const;

private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

} // namespace acebridge::window
