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
  bool loudness; // the menu, which stands where that of the track is
};

// In the order of kTasks.
constexpr std::array<TaskUse, kTasks.size()> kTaskUses{{
    {true, true, false, false, false, false}, // text2music
    {true, true, false, false, true, false},  // cover
    {true, true, false, false, true, true},   // repaint
    {true, true, false, true, false, false},  // lego
    {true, true, true, true, false, false},   // complete: without names in the field, the menu's track
    {false, false, true, true, false, false}  // extract: the same
}};

constexpr bool uses_share_a_place() {
  for (const TaskUse& use : kTaskUses) {
    if (use.track && use.loudness) {
      return false;
    }
  }
  return true;
}
static_assert(uses_share_a_place());

} // namespace acebridge::window
