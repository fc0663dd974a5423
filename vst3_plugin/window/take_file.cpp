#include "take_file.hpp"

#include "data_folder.hpp"

#include <filesystem>
#include <fstream>
#include <system_error>

namespace acebridge::window {
namespace {

namespace fs = std::filesystem;

} // namespace

std::string find_take_file(const std::string& known, const TakeRegion& take, const Bytes& wav) {
  std::error_code error;
  return !known.empty() && fs::is_regular_file(known, error) ? known : write_take_file(take, wav);
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
