// A take's audio as a file, for hosts to take over.
#pragma once

#include "state.hpp"

#include <string>

namespace acebridge::window {

// Return a file with the audio of a take: `known`, if it is still there, else one that is written, or nothing.
std::string find_take_file(const std::string& known, const TakeRegion& take, const Bytes& wav);

// Write the audio to plugin/audio in the data folder, readable for the user alone, unless it is there already. Returns the
// path, or nothing if it cannot be written.
std::string write_take_file(const TakeRegion& take, const Bytes& wav);

} // namespace acebridge::window
