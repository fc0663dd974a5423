// In the place of the plug-in's link where a test reports jobs itself: takes over captured audio, and nothing else.
#pragma once

#include "collector.hpp"

namespace acebridge {

using Link = Collector;

} // namespace acebridge
