#include "assets.hpp"

#include "process.hpp"

#include <algorithm>

namespace acebridge {
namespace {

constexpr size_t kMostAssetBytes = size_t{1} << 30U;
constexpr size_t kMostFiles = 4096; // of a folder that are looked at
constexpr double kFirstPauseS = 60;
constexpr double kLongestPauseS = 3600;
constexpr double kDownloadS = 300; // for as long as a daemon takes to start and send a long file
constexpr size_t kMostWords = 4096;

std::string beginning(const std::string& sha256) { return sha256.substr(0, 8); }

// What a file of these frames may have: samples of 16 to 32 bits in one or two channels, and headers.
bool is_size_of(const TakeRegion& region, size_t bytes) {
  const auto frames = static_cast<size_t>(region.frames);
  return bytes >= frames * 2 && bytes <= frames * 8 + 65536;
}

// The error of the command in one line: it prints "acebridge: MESSAGE" and a remedy.
std::string first_line(const std::string& printed) {
  std::string line = printed.substr(0, printed.find('\n'));
  const std::string prefix = "acebridge: ";
  return line.rfind(prefix, 0) == 0 ? line.substr(prefix.size()) : line;
}

} // namespace

std::string AssetFinder::look(double now_s, const std::vector<std::string>& folders, const Folder* place,
                              const std::string& command, const Pause& pause) {
  const std::vector<std::string> list = core_.missing_assets();
  const std::set<std::string> missing(list.begin(), list.end());
  if (missing != missing_) {
    const bool is_more = !std::includes(missing_.begin(), missing_.end(), missing.begin(), missing.end());
    missing_ = missing;
    if (is_more) {
      next_s_ = now_s;
      pause_s_ = kFirstPauseS;
      asked_.clear();
    }
  }
  if (!download_.empty() && place != nullptr) {
    follow_download(now_s, *place, pause);
  } else if (!missing.empty() && now_s >= next_s_) {
    bool is_waiting = false;
    for (const std::string& sha256 : list) {
      if (find_in_folders(sha256, folders, pause)) {
        continue;
      }
      if (!is_waiting && place != nullptr && !command.empty() && asked_.insert(sha256).second) {
        pause(); // nothing is to be started for a plug-in that ends
        const std::string file = place->path_of(sha256 + ".wav");
        start_detached({command, "assets", "download", sha256, "--out", file}, machine_.environment,
                       place->path_of(sha256 + ".txt"));
        download_ = sha256;
        download_end_s_ = now_s + kDownloadS;
        is_waiting = true; // the others in their turn
      }
    }
    if (!is_waiting) {
      next_s_ = now_s + pause_s_;
      pause_s_ = std::min(2 * pause_s_, kLongestPauseS);
      asked_.clear();
    }
  }
  return sentence(core_.missing_assets(), command);
}

bool AssetFinder::find_in_folders(const std::string& sha256, const std::vector<std::string>& folders, const Pause& pause) {
  const std::string noted = core_.file_of(sha256);
  if (!noted.empty() && try_file(sha256, noted, noted, pause)) {
    return true;
  }
  for (const std::string& path : folders) {
    const auto folder = Folder::open(path);
    const auto names = folder ? folder->names() : std::vector<std::string>();
    for (size_t i = 0; i < std::min(names.size(), kMostFiles); ++i) {
      pause();
      const std::string& name = names[i];
      if (name.size() > 4 && name.compare(name.size() - 4, 4, ".wav") == 0 && name[0] != '.' &&
          try_file(sha256, folder->path_of(name), folder->path_of(name), pause)) {
        return true;
      }
    }
  }
  return false;
}

bool AssetFinder::try_file(const std::string& sha256, const std::string& path, const std::string& known_path,
                           const Pause& pause) {
  const auto takes = core_.takes();
  const auto size = file_size(path);
  const auto fits = [&](const TakeRegion& take) { return take.sha256 == sha256 && size && is_size_of(take, *size); };
  if (std::none_of(takes.begin(), takes.end(), fits)) {
    return false;
  }
  auto bytes = read_file(path, kMostAssetBytes, pause);
  return bytes && core_.put_asset(sha256, std::make_shared<const std::vector<uint8_t>>(std::move(*bytes)), known_path);
}

void AssetFinder::follow_download(double now_s, const Folder& place, const Pause& pause) {
  const std::string output = download_ + ".txt";
  const std::string file = download_ + ".wav";
  const auto code = place.read(output + ".code", kMostWords);
  if (!code && now_s < download_end_s_) {
    return;
  }
  if (try_file(download_, place.path_of(file), "", pause)) { // the file goes
    reason_.clear();
  } else if (!code) {
    reason_ = "The daemon did not send it in time.";
  } else {
    reason_ = first_line(place.read(output, kMostWords).value_or(""));
  }
  for (const std::string& name : {file, output, output + ".code"}) {
    place.remove(name);
  }
  download_.clear();
}

std::string AssetFinder::sentence(const std::vector<std::string>& missing, const std::string& command) const {
  if (missing.empty()) {
    return "";
  }
  std::string takes;
  size_t count = 0;
  for (const TakeRegion& take : core_.takes()) {
    if (std::find(missing.begin(), missing.end(), take.sha256) != missing.end() && ++count <= 3) {
      takes += (takes.empty() ? "take " : ", take ") + std::to_string(take.number) + " (" + beginning(take.sha256) + ")";
    }
  }
  if (count > 3) {
    takes += " and " + std::to_string(count - 3) + " more";
  }
  if (!download_.empty()) {
    return "Looking for the audio of " + takes + ".";
  }
  std::string text = "The audio of " + takes + " is not in this project, nor in its folder";
  if (command.empty()) {
    return text + ". Install AceBridge, or make the take again.";
  }
  return text + ", nor at the daemon" + (reason_.empty() ? "" : " (" + reason_ + ")") +
         ". Copy its file into the folder, or make the take again.";
}

} // namespace acebridge
