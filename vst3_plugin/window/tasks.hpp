// What each task uses of the window's controls.
#pragma once

#include "parameters.hpp"

namespace acebridge::window {

struct TaskUse {
  bool caption;
  bool lyrics;
  bool tracks; // the field with several
  bool track;  // the menu
  bool strength;
};

// In the order of kTasks.
constexpr std::array<TaskUse, kTasks.size()> kTaskUses{{
    {true, true, false, false, false}, // text2music
    {true, true, false, false, true},  // cover
    {true, true, false, false, true},  // repaint
    {true, true, false, true, false},  // lego
    {true, true, true, true, false},   // complete: without names in the field, the menu's track
    {false, false, true, true, false}  // extract: the same
}};

} // namespace acebridge::window
