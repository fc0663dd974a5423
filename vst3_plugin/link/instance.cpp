#include "instance.hpp"

#include "job.hpp"
#include "machine.hpp"

#include <algorithm>

namespace acebridge {
namespace {

constexpr size_t kMostCommandBytes = size_t{1} << 20U;
constexpr size_t kMostCommands = 32; // at a time
constexpr double kShortestS = 1;
constexpr double kSilentS = 60;  // a job that has said nothing for so long has ended with its command
constexpr double kYoungS = 60;   // a folder without instance.json may be about to get one
constexpr const char* kLock = "lock";
constexpr const char* kState = "instance.json";

bool is_id(const std::string& name) {
  return name.size() == 12 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool ends_with(const std::string& name, const std::string& end) {
  return name.size() > end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

bool job_runs(const Folder& job) {
  const auto text = job.read("status.json", kMostStatusBytes);
  if (!text) { // its command may be about to start
    return job.has("request.json") && job.age_s().value_or(kSilentS) < kSilentS;
  }
  const auto status = read_json(*text);
  if (!status) {
    return false;
  }
  const std::string& state = (*status)["state"].text();
  return state != "done" && state != "failed" && state != "cancelled" &&
         now_s() - (*status)["update_time"].number().value_or(0) < kSilentS;
}

void remove_job(const Folder& jobs, const std::string& name) {
  if (const auto job = jobs.find(name)) {
    for (const std::string& file : job->names()) {
      if (is_job_file(file)) {
        job->remove(file);
      }
    }
  }
  jobs.remove_folder(name); // stays if anything else is in it
}

// Remove what a plug-in made; a folder where a job runs, or that holds anything else, stays.
void remove_instance(const Folder& plugins, const std::string& id, const Folder& folder) {
  if (const auto jobs = folder.find("jobs")) {
    for (const std::string& name : jobs->names()) {
      const auto job = jobs->find(name);
      if (job && job_runs(*job)) {
        return;
      }
    }
    for (const std::string& name : jobs->names()) {
      remove_job(*jobs, name);
    }
  }
  folder.remove_folder("jobs");
  for (const char* const name : {"commands", "assets"}) {
    if (const auto inner = folder.find(name)) {
      for (const std::string& file : inner->names()) {
        inner->remove(file);
      }
    }
    folder.remove_folder(name);
  }
  for (const std::string& name : folder.names()) {
    if (name == kState || (name[0] == '.' && ends_with(name, ".part"))) {
      folder.remove(name);
    }
  }
  folder.remove(kLock);
  plugins.remove_folder(id);
}

void remove_dead_instances(const Folder& plugins, const std::string& own) {
  for (const std::string& id : plugins.names()) {
    const auto folder = is_id(id) && id != own ? plugins.find(id) : std::nullopt;
    if (!folder || (!folder->has(kState) && folder->age_s().value_or(0) < kYoungS)) {
      continue;
    }
    if (!folder->is_locked(kLock)) { // its name never comes back
      remove_instance(plugins, id, *folder);
    }
  }
}

} // namespace

InstanceFolder::InstanceFolder(const Folder& data, const std::string& id)
    : plugins_(data.make("plugin")), id_(id), folder_(plugins_.make(id)), lock_(folder_.lock(kLock)),
      commands_(folder_.make("commands")), jobs_(folder_.make("jobs")) {
  remove_dead_instances(plugins_, id_);
}

InstanceFolder::~InstanceFolder() {
  try {
    remove_instance(plugins_, id_, folder_);
  } catch (const std::exception&) { // the next plug-in tries again
    return;
  }
}

void InstanceFolder::publish(const std::function<Json()>& facts, double now_s) {
  if (taken_.empty() && published_s_ >= 0 && now_s - published_s_ < kShortestS) {
    return;
  }
  try {
    std::string text = facts().dump();
    if (text != published_) {
      published_s_ = now_s;
      folder_.write_whole(kState, text);
      published_ = std::move(text);
    }
  } catch (...) {
    remove_taken(); // so that whoever waits sees that there is no answer
    throw;
  }
  remove_taken();
}

void InstanceFolder::remove_taken() {
  for (auto name = taken_.begin(); name != taken_.end();) {
    commands_.remove(*name);
    name = commands_.has(*name) ? std::next(name) : taken_.erase(name);
  }
}

std::vector<Command> InstanceFolder::take_commands() {
  std::vector<Command> commands;
  for (const std::string& name : commands_.names()) {
    if (name[0] == '.' || !ends_with(name, ".json") || taken_.count(name) > 0) {
      continue;
    }
    const auto text = commands_.read(name, kMostCommandBytes);
    auto command = text ? read_json(*text) : std::nullopt;
    taken_.insert(name);
    if (command && command->is_object()) {
      commands.push_back({name, std::move(*command)});
    }
    if (commands.size() == kMostCommands) {
      break;
    }
  }
  return commands;
}

void InstanceFolder::remove_ended_jobs(const std::string& except) {
  for (const std::string& name : jobs_.names()) {
    const auto job = jobs_.find(name);
    if (name != except && job && !job_runs(*job)) {
      remove_job(jobs_, name);
    }
  }
}

} // namespace acebridge
