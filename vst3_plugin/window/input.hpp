// Keys and the mouse, as the window understands them.
#pragma once

#include <cstdint>

namespace acebridge::window {

struct Modifiers {
  bool shift = false;
  bool control = false; // on macOS the command key
  bool alt = false;
};

enum class KeyName { character, left, right, up, down, home, end, page_up, page_down, backspace, remove, enter, escape, tab, other };

struct KeyPress {
  KeyName name = KeyName::other;
  uint32_t code = 0; // of a character: the key's own, without modifiers, in lower case
  Modifiers modifiers;
};

enum class Cursor { arrow, text, hand, sideways };

} // namespace acebridge::window
