// Listening in the window.
#include "panel.hpp"

namespace acebridge::window {

bool Panel::can_listen() const { return false; }

int Panel::playing() const { return -1; }

std::optional<int64_t> Panel::playhead() const { return std::nullopt; }

void Panel::listen(int /*number*/) {}

} // namespace acebridge::window
