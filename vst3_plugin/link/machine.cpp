#include "machine.hpp"

#include "data_folder.hpp"

#include <array>
#include <chrono>
#include <ctime>
#include <fstream>
#include <random>
#include <string_view>
#include <unistd.h>

#ifdef __APPLE__
#include <crt_externs.h>
#define environ (*_NSGetEnviron()) // libraries have no other
#else
extern char** environ; // NOLINT(readability-redundant-declaration): POSIX has it in no header
#endif

namespace acebridge {
namespace {

// What a host sets so that it finds its own libraries, and other programs should not.
constexpr std::array<std::string_view, 11> kOfHosts{"LD_LIBRARY_PATH", "LD_PRELOAD",       "LD_AUDIT",
                                                    "PYTHONHOME",      "PYTHONPATH",       "QT_PLUGIN_PATH",
                                                    "GTK_PATH",        "GIO_MODULE_DIR",   "DYLD_LIBRARY_PATH",
                                                    "DYLD_INSERT_LIBRARIES", "DYLD_FRAMEWORK_PATH"};

Environment clean_environment() {
  Environment kept;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view entry = *each;
    const std::string_view name = entry.substr(0, entry.find('='));
    bool is_of_host = false;
    for (const std::string_view other : kOfHosts) {
      is_of_host = is_of_host || name == other;
    }
    if (!is_of_host) {
      kept.emplace_back(entry);
    }
  }
  return kept;
}

std::string process_name() {
#ifdef __APPLE__
  return ::getprogname();
#else
  std::ifstream file("/proc/self/comm");
  std::string name;
  std::getline(file, name);
  return name;
#endif
}

} // namespace

Machine Machine::look(HostInfo host) {
  if (host.name.empty()) {
    host.name = process_name();
  }
  return {acebridge::data_folder(), clean_environment(), std::move(host), random_hex(12)};
}

std::string random_hex(size_t digits) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string text;
  for (size_t i = 0; i < digits; ++i) {
    text += kDigits[random() & 15U];
  }
  return text;
}

std::string job_name() {
  const std::time_t now = std::time(nullptr);
  std::tm time{};
  (void)::gmtime_r(&now, &time);
  std::array<char, 32> text{};
  (void)std::strftime(text.data(), text.size(), "%Y%m%d-%H%M%S-", &time);
  return text.data() + random_hex(8);
}

double now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace acebridge
