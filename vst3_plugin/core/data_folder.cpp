#include "data_folder.hpp"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#ifndef _WIN32
#include <array>
#include <pwd.h>
#include <unistd.h>
#endif

namespace acebridge {
namespace {

std::string variable(const char* name) {
  const char* const value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): see data_folder.hpp
  return value == nullptr ? "" : value;
}

#ifdef _WIN32

std::string home_folder() { return variable("USERPROFILE"); }

std::string platform_folder() {
  const std::string local = variable("LOCALAPPDATA");
  return local.empty() ? "" : local + "\\acebridge";
}

#else

std::string home_folder() {
  std::string home = variable("HOME");
  if (home.empty()) {
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
      home = entry.pw_dir;
    }
  }
  return home;
}

std::string platform_folder() {
  const std::string home = home_folder();
#ifdef __APPLE__
  return home.empty() ? "" : home + "/Library/Application Support/acebridge";
#else
  const std::string data = variable("XDG_DATA_HOME");
  if (!data.empty()) {
    return data + "/acebridge";
  }
  return home.empty() ? "" : home + "/.local/share/acebridge";
#endif
}

#endif

} // namespace

std::string data_folder() {
  std::string own = variable("ACEBRIDGE_HOME");
  if (own.empty()) {
    own = platform_folder();
  }
  if (own.empty()) {
    return own;
  }
  if (own == "~" || own.rfind("~/", 0) == 0) {
    own = home_folder() + own.substr(1);
  }
  std::error_code error;
  const std::string whole = std::filesystem::absolute(own, error).string();
  return error ? "" : whole;
}

} // namespace acebridge
