#include "take_files.hpp"

#include "data_folder.hpp"
#include "folder.hpp"

#include <chrono>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string_view>
#include <system_error>

namespace acebridge {
namespace {

std::string write_take_file(const TakeRegion& take, const std::vector<uint8_t>& wav) {
  static std::mutex one_at_a_time; // two threads would write the same unfinished file
  const std::lock_guard lock(one_at_a_time);
  std::error_code error;
  const std::filesystem::path data = data_folder();
  if (std::filesystem::create_directories(data, error)) {
    std::filesystem::permissions(data, std::filesystem::perms::owner_all, error);
  }
  const auto root = Folder::open(data.string());
  if (!root) {
    return "";
  }
  const Folder folder = root->make("plugin").make("audio");
  const std::string name = "take-" + std::to_string(take.number) + '-' + take.sha256.substr(0, 12) + ".wav";
  std::string path = folder.path_of(name);
  if (file_size(path) != wav.size()) {
    folder.write_whole(name, std::string_view(reinterpret_cast<const char*>(wav.data()), wav.size()));
  }
  return path;
}

} // namespace

std::string find_take_file(const std::string& known, const TakeRegion& take, const Bytes& wav) {
  if (!known.empty() && file_size(known)) {
    return known;
  }
  try {
    return wav ? write_take_file(take, *wav) : std::string();
  } catch (const LinkError&) {
    return "";
  }
}

std::future<std::string> TakeFiles::find(std::string known, const TakeRegion& take, Bytes wav) {
  searches_.remove_if([](const std::future<void>& search) { return search.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
  auto path = std::make_shared<std::promise<std::string>>();
  std::future<std::string> found = path->get_future();
  searches_.push_back(std::async(std::launch::async, [this, path, take, known = std::move(known), wav = std::move(wav)] {
    try {
      path->set_value(find_(known, take, wav));
    } catch (const std::exception&) { // such as a lack of memory
      path->set_value("");
    }
  }));
  return found;
}

} // namespace acebridge
