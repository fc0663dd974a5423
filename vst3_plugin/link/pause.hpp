// How long work is cut short when the plug-in ends.
#pragma once

#include <functional>

namespace acebridge {

// Thrown by a pause when the link is to end. No std::exception: nothing is wrong, and only the link's thread catches it.
struct LinkEnds {};

// Called between pieces of work that takes long. Throws LinkEnds.
using Pause = std::function<void()>;

} // namespace acebridge
