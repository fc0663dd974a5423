// Files with the audio of takes, for hosts to take over.
#pragma once

#include "state.hpp"

#include <functional>
#include <future>
#include <list>
#include <string>

namespace acebridge {

// Return a file with the audio of a take: `known`, if it is still there, else one in plugin/audio of the data folder, readable
// for the user alone, which is written unless it is there already. Empty if the audio is not here or cannot be written.
std::string find_take_file(const std::string& known, const TakeRegion& take, const Bytes& wav);

// Looks for them on threads of its own. It belongs to the plug-in, so that a window that waits for a file may forget it, or close,
// without waiting for the thread.
class TakeFiles {
public:
  using Find = std::function<std::string(const std::string& known, const TakeRegion& take, const Bytes& wav)>;

  explicit TakeFiles(Find find = find_take_file) : find_(std::move(find)) {}

  // Its path comes later; nothing waits where the future is destroyed.
  std::future<std::string> find(std::string known, const TakeRegion& take, Bytes wav);

private:
  Find find_;
  std::list<std::future<void>> searches_; // the end of each is waited for at the end of the plug-in
};

} // namespace acebridge
