// Starting a program that outlives the host: detached, without its files, signals and libraries. POSIX.
#pragma once

#include "machine.hpp"

#include <string>
#include <vector>

namespace acebridge {

// Start a program by its full path. What it prints goes into the file `output`, if that is not empty, and the number that it
// ends with into `output`.code after that. Raises LinkError. Waits for a small shell only, a few milliseconds; the program
// is no child of this process, so that nothing of it is left to be waited for.
void start_detached(const std::vector<std::string>& words, const Environment& environment, const std::string& output = {});

} // namespace acebridge
