// Numbers that C++17 has no names for.
#pragma once

namespace acebridge {

constexpr double kPi = 3.14159265358979323846;

} // namespace acebridge
