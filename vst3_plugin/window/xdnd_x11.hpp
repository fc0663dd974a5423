// The source of a drag and drop of one file: XDND, version 5.
//
//   Enter ─▶ Position ─▶ (Status ◀) … Drop ─▶ (SelectionRequest ◀) ─▶ (Finished ◀)
//
// The mouse is asked for where it is; the window that it was pressed in keeps getting its events.
#pragma once

#include "x11_connection.hpp"

namespace acebridge::window::x11 {

class DragSource {
public:
  static constexpr long kVersion = 5;
  static constexpr long kLeastVersion = 3;
  static constexpr std::chrono::seconds kPatience{3}; // for a target that does not answer

  DragSource(Display* display, ::Window window, const Atoms& atoms) : display_(display), window_(window), atoms_(atoms) {}

  void start(const std::string& path);
  bool is_active() const { return phase_ != Phase::idle; }
  // Follow the mouse.
  void poll();
  // Whether the event was about the drag.
  bool handle(const XEvent& event);

private:
  enum class Phase {
    idle,
    dragging,
    releasing, // the button is up, and the target has not said yet whether it takes the file
    dropped,   // the target has it, or is getting it
  };

  struct Target {
    ::Window window = None;
    long version = 0;
  };

  Target target_below(::Window root) const;
  long version_of(::Window window) const;
  void change_target(const Target& target);
  void send_position();
  void release();
  void finish(bool leave);

  Display* display_;
  ::Window window_;
  const Atoms& atoms_;
  Phase phase_ = Phase::idle;
  std::string uris_;
  Target target_;
  int x_ = 0;
  int y_ = 0;
  bool accepts_ = false;
  bool waits_ = false;     // for a status
  bool has_moved_ = false; // since the last position was sent
  Clock::time_point since_;
};

} // namespace acebridge::window::x11
