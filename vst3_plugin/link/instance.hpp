// The folder of a plug-in in the data folder, which `acebridge plugin` reads and writes:
//
//   plugin/ID/instance.json   what the plug-in does
//   plugin/ID/commands/*.json what it is to do, in the order of the names; each goes when instance.json has the answer
//   plugin/ID/jobs/           its job folders
//   plugin/ID/lock            held as long as the plug-in lives
#pragma once

#include "folder.hpp"
#include "json.hpp"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace acebridge {

struct Command {
  std::string name; // of its file
  Json content;
};

class InstanceFolder {
public:
  // Make the folder, and remove those of plug-ins that have ended. Raises LinkError.
  InstanceFolder(const Folder& data, const std::string& id);
  InstanceFolder(const InstanceFolder&) = delete;
  InstanceFolder& operator=(const InstanceFolder&) = delete;
  // Removes what it made, unless a job still runs there: the next plug-in does that later.
  ~InstanceFolder();

  const Folder& jobs() const { return jobs_; }
  const Folder& folder() const { return folder_; }
  // Whether nobody has removed it.
  bool is_there() const { return folder_.is_there() && jobs_.is_there() && commands_.is_there(); }

  // Write what `facts` returns into instance.json if it has changed: at most once a second, but at once if commands were
  // taken. The files of those are removed after that, also when it fails. Raises LinkError.
  void publish(const std::function<Json()>& facts, double now_s);
  // The commands that have come since the last time. Files that hold none are removed.
  std::vector<Command> take_commands();
  // Remove the folders of jobs that have ended.
  void remove_ended_jobs(const std::string& except);

private:
  void remove_taken();

  Folder plugins_;
  std::string id_;
  Folder folder_;
  Descriptor lock_;
  Folder commands_;
  Folder jobs_;
  std::set<std::string> taken_; // commands whose files are still there
  std::string published_;
  double published_s_ = -1;
};

} // namespace acebridge
