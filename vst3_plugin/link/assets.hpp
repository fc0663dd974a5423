// Finding the audio of takes that a project names by hash and does not hold: in the folders where audio was written, then at
// the daemon.
#pragma once

#include "core.hpp"
#include "folder.hpp"
#include "machine.hpp"
#include "pause.hpp"

#include <set>
#include <string>
#include <vector>

namespace acebridge {

class AssetFinder {
public:
  AssetFinder(Core& core, const Machine& machine) : core_(core), machine_(machine) {}

  // Look at what is missing, now and then. `folders` are where audio may lie, `place` is where downloads go, `command` the
  // acebridge command; both may be missing. Returns what is to be said: empty if nothing is missing.
  std::string look(double now_s, const std::vector<std::string>& folders, const Folder* place, const std::string& command,
                   const Pause& pause);

  // Whether the command is fetching something.
  bool is_loading() const { return !download_.empty(); }

private:
  bool find_in_folders(const std::string& sha256, const std::vector<std::string>& folders, const Pause& pause);
  // Whether it was that file, and the core has it now, with `known_path` as its place.
  bool try_file(const std::string& sha256, const std::string& path, const std::string& known_path, const Pause& pause);
  void follow_download(double now_s, const Folder& place, const Pause& pause);
  std::string sentence(const std::vector<std::string>& missing, const std::string& command) const;

  Core& core_;
  const Machine& machine_;
  std::set<std::string> missing_;
  double next_s_ = 0;
  double pause_s_ = 0;
  std::set<std::string> asked_; // of the daemon, in this round
  std::string download_;        // the hash that the command is fetching; empty for none
  double download_end_s_ = 0;
  std::string reason_; // what the command says
};

} // namespace acebridge
