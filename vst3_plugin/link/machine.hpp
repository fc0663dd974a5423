// What this machine and this user have: the data folder, the program that the plug-in runs in, names that differ. Read once,
// in the thread that makes the link: a host may change its environment while others read it.
#pragma once

#include <string>
#include <vector>

namespace acebridge {

// The program that the plug-in runs in. `name` is that of its process where the plug-in's format does not say.
struct HostInfo {
  std::string name;
  std::string version;
};

// Variables as NAME=VALUE for programs that are started: ours without those that a host sets for its own libraries.
using Environment = std::vector<std::string>;

struct Machine {
  std::string data_folder; // empty if there is no home folder
  Environment environment;
  HostInfo host;
  std::string instance; // 12 hexadecimal digits, different for each

  static Machine look(HostInfo host = {});
};

std::string random_hex(size_t digits);
// As job folders are named: date and time in UTC, and what differs between two of one second.
std::string job_name();
// Seconds since 1970.
double now_s();

} // namespace acebridge
