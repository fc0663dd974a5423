// What the window asks of the plug-in's format and of the desktop.
#pragma once

#include "core.hpp"
#include "input.hpp"

#include <string>

namespace acebridge::window {

class Outside {
public:
  Outside() = default;
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;
  virtual ~Outside() = default;

  // Through the host, so that it records automation: begin, any number of values, end.
  virtual void begin_edit(Id id) = 0;
  virtual void set_parameter(Id id, float value) = 0;
  virtual void end_edit(Id id) = 0;
  // Through the host, so that it knows that the project has changed.
  virtual void set_text(Key key, const std::string& text) = 0;

  virtual void copy(const std::string& text) = 0;
  // The clipboard's text comes with Panel::paste, now or later or never.
  virtual void ask_paste() = 0;
  // While no field has the keyboard, it is the host's.
  virtual void take_keyboard() = 0;
  virtual void give_keyboard() = 0;
  virtual void show_cursor(Cursor cursor) = 0;
  // Let the user drop a take's file somewhere; the mouse button is down.
  virtual void drag_take(const TakeRegion& take) = 0;
};

} // namespace acebridge::window
