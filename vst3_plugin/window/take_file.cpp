#include "take_file.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace acebridge::window {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* const value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): hosts do not change the environment while they run
  return value == nullptr ? std::string() : std::string(value);
}

} // namespace

std::string data_folder() {
  std::string own = variable("ACEBRIDGE_HOME");
  if (!own.empty()) {
    return own;
  }
#if defined(_WIN32)
  std::string local = variable("LOCALAPPDATA");
  return local.empty() ? local : local + "\\acebridge";
#else
  std::string home = variable("HOME");
#if defined(__APPLE__)
  return home.empty() ? home : home + "/Library/Application Support/acebridge";
#else
  std::string data = variable("XDG_DATA_HOME");
  if (!data.empty()) {
    return data + "/acebridge";
  }
  return home.empty() ? home : home + "/.local/share/acebridge";
#endif
#endif
}

std::string write_take_file(const TakeRegion& take, const Bytes& wav) {
  const std::string data = data_folder();
  if (data.empty() || !wav) {
    return "";
  }
  std::error_code error;
  const fs::path folder = fs::path(data) / "plugin" / "audio";
  fs::create_directories(folder, error);
  fs::permissions(folder, fs::perms::owner_all, error);
  const fs::path path = folder / ("take-" + std::to_string(take.number) + "-" + take.sha256.substr(0, 12) + ".wav");
  if (fs::is_regular_file(fs::symlink_status(path, error)) && fs::file_size(path, error) == wav->size()) {
    return path.string();
  }
  const fs::path part = path.string() + ".part";
  fs::remove(part, error);
  {
    std::ofstream file(part, std::ios::binary);
    fs::permissions(part, fs::perms::owner_read | fs::perms::owner_write, error);
    file.write(reinterpret_cast<const char*>(wav->data()), static_cast<std::streamsize>(wav->size()));
    if (!file.flush()) {
      fs::remove(part, error);
      return "";
    }
  }
  fs::rename(part, path, error);
  return error ? std::string() : path.string();
}

} // namespace acebridge::window
