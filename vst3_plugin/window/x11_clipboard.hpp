// The clipboard of X11: text that others may ask for, and text that others have.
#pragma once

#include "x11_connection.hpp"

#include <optional>

namespace acebridge::window::x11 {

class Clipboard {
public:
  static constexpr std::chrono::seconds kPatience{2};
  static constexpr long kMostBytes = 1 << 20;

  Clipboard(Display* display, ::Window window, const Atoms& atoms) : display_(display), window_(window), atoms_(atoms) {}

  void copy(const std::string& text);
  // The text comes with `poll`, unless nobody has any or its owner does not answer.
  void ask();
  std::optional<std::string> poll();
  // Whether the event was about the clipboard.
  bool handle(const XEvent& event);

private:
  void answer_request(const XSelectionRequestEvent& request);
  void receive(const XSelectionEvent& event);

  Display* display_;
  ::Window window_;
  const Atoms& atoms_;
  std::string text_;
  std::optional<Clock::time_point> asked_;
  std::optional<std::string> received_;
};

} // namespace acebridge::window::x11
