#include "daemon_watch.hpp"

#include "folder.hpp"
#include "json.hpp"
#include "osc.hpp"
#include "process.hpp"

#include <string_view>

namespace acebridge {
namespace {

constexpr double kPeriodS = 2;
constexpr double kStartS = 60; // a slow machine takes so long to load everything
constexpr size_t kMostFileBytes = 65536;

constexpr std::string_view kAddress = "ACEBRIDGE_ADDRESS=";

bool names_address(const Environment& environment) {
  for (const std::string& entry : environment) {
    if (entry.rfind(kAddress, 0) == 0 && entry.size() > kAddress.size()) {
      return true; // of a daemon elsewhere
    }
  }
  return false;
}

} // namespace

void DaemonWatch::look(double now_s, bool at_once) {
  if (now_s < next_s_ && !at_once) {
    return;
  }
  next_s_ = now_s + kPeriodS;
  has_looked_ = true;
  const auto data = Folder::open(machine_.data_folder);
  const auto line = data ? data->read("command", kMostFileBytes) : std::nullopt;
  command_ = line ? line->substr(0, line->find_first_of("\r\n")) : "";
  const auto text = data ? data->read("daemon.json", kMostFileBytes) : std::nullopt;
  const auto facts = text ? read_json(*text) : std::nullopt;
  runs_ = names_address(machine_.environment) || (facts && answers((*facts)["address"].text()));
  if (runs_) {
    start_end_s_ = -1;
    failure_.clear();
  } else if (start_end_s_ >= 0 && now_s > start_end_s_) {
    start_end_s_ = -1;
    failure_ = "The AceBridge daemon did not start. Run `acebridge serve` in a terminal: it says why.";
  }
}

void DaemonWatch::start(double now_s) {
  look(now_s, true);
  if (runs_ || command_.empty()) {
    return;
  }
  try {
    start_detached({command_, "serve"}, machine_.environment);
    start_end_s_ = now_s + kStartS;
    failure_.clear();
  } catch (const std::exception& error) {
    failure_ = sentence_of(error);
  }
}

std::string DaemonWatch::sentence() const {
  if (runs_ || !has_looked_) {
    return "";
  }
  if (command_.empty()) {
    return "AceBridge is not installed for this user: install it and run `acebridge serve` once.";
  }
  if (start_end_s_ >= 0) {
    return "The AceBridge daemon is starting.";
  }
  return failure_.empty() ? "The AceBridge daemon does not run: start it here, or press Go, which starts it as well." : failure_;
}

} // namespace acebridge
