#include "job.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>

namespace acebridge {
namespace {

constexpr std::array<const char*, 9> kFiles{"request.json", "status.json", "result.json", "log.txt",     "lock",
                                            "readying",     "cancel",      "placed",      "source-1.wav"};

std::string join(const std::string& message, const std::string& remedy) {
  return remedy.empty() ? message : message + ' ' + remedy;
}

std::string title_of(const Order& order) {
  std::string text = order.task;
  text[0] = static_cast<char>(text[0] - ('a' - 'A'));
  return text;
}

const Json* choose_output(const Json& take, const std::string& track) {
  const auto& outputs = take["outputs"].items();
  for (const std::string& role : {track, std::string("mix")}) {
    for (const Json& output : outputs) {
      if (output["role"].text() == role) {
        return &output;
      }
    }
  }
  return outputs.empty() ? nullptr : &outputs.front();
}

LinkError strange_result() {
  return LinkError("The result of the job cannot be read: result.json is damaged or gone. Press Go again.");
}

std::optional<JobTake> read_take(const Json& take, const Order& order) {
  const Json* const output = choose_output(take, order.track);
  const auto number = take["take"].whole();
  if (output == nullptr || !number || *number < 1 || *number > 64) {
    return std::nullopt;
  }
  const auto rate_hz = (*output)["sample_rate"].whole();
  const auto frames = (*output)["frames"].whole();
  const auto start = (*output)["start_frame"].whole();
  if (!rate_hz || *rate_hz < 1 || *rate_hz > 1'000'000 || !frames || *frames < 1 || !start ||
      (*output)["file"].text().empty()) {
    return std::nullopt;
  }
  JobTake made;
  const bool is_like_another = !order.again.empty(); // then it lies where that one does
  if (is_like_another && static_cast<size_t>(*number) > order.numbers.size()) {
    return std::nullopt;
  }
  made.region.number = is_like_another ? order.numbers[static_cast<size_t>(*number) - 1] : static_cast<int>(*number);
  made.region.start_frame = order.start_frame + (is_like_another ? 0 : *start);
  made.region.frames = *frames;
  made.region.rate_hz = static_cast<uint32_t>(*rate_hz);
  const double fade = (*output)["fade_in_s"].number().value_or(0) * static_cast<double>(*rate_hz);
  made.region.fade_frames = static_cast<uint32_t>(std::clamp(std::round(fade), 0.0, static_cast<double>(*frames) / 2));
  made.file = (*output)["file"].text();
  made.role = (*output)["role"].text();
  return made;
}

} // namespace

bool is_job_file(const std::string& name) {
  const auto ends_with = [&](const std::string& end) {
    return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
  };
  return std::find(kFiles.begin(), kFiles.end(), name) != kFiles.end() || (name[0] == '.' && ends_with(".part"));
}

Json make_request(const Order& order, const std::string& id, const Machine& machine, const std::string& project,
                  const std::string& media, const std::string& source_file) {
  Json host = Json::object();
  host.set("name", Json::of(machine.host.name)).set("version", Json::of(machine.host.version));
  host.set("instance", Json::of(machine.instance)).set("project", Json::of(project));
  Json part = Json::object();
  if (order.again.empty()) {
    part.set("task", Json::of(order.task));
  } else {
    part.set("again", Json::object().set("file", Json::of(order.again))).set("variation", Json::of(order.variation));
  }
  part.set("position_s", Json::of(static_cast<double>(order.start_frame) / order.rate_hz));
  if (order.recording) {
    part.set("source", Json::object().set("file", Json::of(source_file)));
  }
  part.set("fields", order.fields);
  Json request = Json::object();
  request.set("version", Json::of(int64_t{1})).set("id", Json::of(id)).set("host", std::move(host));
  request.set("action", Json::of(order.task)).set("title", Json::of(title_of(order)));
  request.set("create_time", Json::of(now_s()));
  request.set("media", Json::object().set("folder", Json::of(media)).set("format", Json::of("float32")));
  request.set("parts", Json::list().push(std::move(part)));
  Json place = Json::object();
  place.set("start_frame", Json::of(order.start_frame)).set("frames", Json::of(order.frames));
  place.set("sample_rate", Json::of(int64_t{order.rate_hz})).set("track", Json::of(order.track));
  request.set("place", std::move(place));
  return request;
}

JobNews StatusReader::look(const std::optional<std::string>& text, double now_s,
                           const std::function<bool(int64_t)>& runs) {
  const double passed_s = last_look_s_ < 0 ? 0 : std::clamp(now_s - last_look_s_, 0.0, 1.0);
  last_look_s_ = now_s;
  silent_s_ += passed_s;
  const auto status = text ? read_json(*text) : std::nullopt;
  is_junk_ = text && (!status || !(*status)["update_time"].number() || (*status)["state"].text().empty());
  if (!text || is_junk_) {
    return silence(latest_);
  }
  const double updated_s = *(*status)["update_time"].number();
  if (!has_begun_ || updated_s != updated_s_) {
    silent_s_ = gone_s_ = 0;
  }
  has_begun_ = true;
  updated_s_ = updated_s;
  const std::string& state = (*status)["state"].text();
  const std::string failure = join((*status)["message"].text(), (*status)["remedy"].text());
  latest_.fraction = static_cast<float>(std::clamp((*status)["fraction"].number().value_or(0), 0.0, 1.0));
  latest_.eta_s = (*status)["eta_s"].number().value_or(-1);
  latest_.sentence = (*status)["stage"].text();
  latest_.reason = (*status)["reason"].text();
  latest_.job_id = (*status)["job_id"].text();
  if (state == "done") {
    latest_.state = JobNews::State::done;
  } else if (state == "cancelled") {
    latest_.state = JobNews::State::cancelled;
    latest_.sentence = "The job was cancelled.";
  } else if (state == "failed") {
    latest_.state = JobNews::State::failed;
    latest_.sentence = failure.empty() ? "The job failed, and its command does not say why. Press Go again." : failure;
  } else if (const auto pid = (*status)["pid"].whole(); pid && *pid > 0 && !runs(*pid)) {
    gone_s_ += passed_s;
  }
  return latest_.state == JobNews::State::active ? silence(latest_) : latest_;
}

JobNews StatusReader::silence(JobNews news) {
  constexpr double kGoneS = 1; // its last word may be about to be seen
  if (gone_s_ < kGoneS && silent_s_ <= (has_begun_ ? kSilentS : kStartS)) {
    return news;
  }
  news.state = JobNews::State::failed;
  if (is_junk_) {
    news.sentence = "The state of the job cannot be read: status.json holds something else. Press Go again.";
  } else if (!has_begun_) {
    news.sentence = "The acebridge command did not start. Run `acebridge doctor` in a terminal, then press Go again.";
  } else {
    news.sentence = "The acebridge command ended without a word. Press Go again.";
  }
  return news;
}

bool process_runs(int64_t pid) { return ::kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH; }

JobResult read_result(const std::optional<std::string>& text, const Order& order) {
  const auto result = text ? read_json(*text) : std::nullopt;
  if (!result || (*result)["parts"].items().empty()) {
    throw strange_result();
  }
  JobResult made;
  for (const Json& take : (*result)["parts"].items().front()["takes"].items()) {
    auto read = read_take(take, order);
    if (!read) {
      throw strange_result();
    }
    if (made.takes.empty()) {
      for (const Json& output : take["outputs"].items()) {
        made.roles.push_back(output["role"].text());
      }
    }
    made.takes.push_back(std::move(*read));
  }
  if (made.takes.empty()) {
    throw strange_result();
  }
  if (!(*result)["warnings"].items().empty()) {
    made.warning = (*result)["warnings"].items().front().text();
  }
  return made;
}

} // namespace acebridge
