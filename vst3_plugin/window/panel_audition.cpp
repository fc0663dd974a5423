// Listening in the window. While the transport rolls the core keeps silent.
#include "panel.hpp"

namespace acebridge::window {

bool Panel::can_listen() const { return !list_.rows().empty(); }

int Panel::playing() const { return core_.auditioning().number; }

std::optional<int64_t> Panel::playhead() const {
  const Audition audition = core_.auditioning();
  if (audition.number == kNoAudition || list_.rows().empty()) {
    return std::nullopt;
  }
  return list_.rows()[0].start_frame + audition.frame;
}

void Panel::listen(int number) { core_.audition(number == playing() ? kNoAudition : number); }

} // namespace acebridge::window
