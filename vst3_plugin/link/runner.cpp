#include "runner.hpp"

#include "process.hpp"
#include "text.hpp"

#include <algorithm>
#include <array>

namespace acebridge {
namespace {

constexpr const char* kSource = "source-1.wav";
constexpr size_t kMostResultBytes = size_t{64} << 20U; // metadata has the time of each word
constexpr size_t kMostAudioBytes = size_t{1} << 30U;

// What is here, and which output of several plays.
std::string describe(const JobResult& result, const std::vector<int>& numbers, bool plays) {
  const size_t count = result.takes.size();
  std::string text = count == 1 ? "1 take is here." : std::to_string(count) + " takes are here.";
  if (!numbers.empty()) {
    text.pop_back();
    for (size_t i = 0; i < numbers.size(); ++i) {
      text += (i == 0 ? ": " : ", ") + std::to_string(numbers[i]);
    }
    text += '.';
  }
  if (result.roles.size() > 1) {
    std::string roles;
    for (const std::string& role : result.roles) {
      roles += (roles.empty() ? "" : ", ") + role;
    }
    text += " Of " + roles + " it is " + result.takes.front().role + " that plays.";
  }
  if (!plays) {
    text += " Set Mode to replace or add, and play the region.";
  }
  return result.warning.empty() ? text : text + ' ' + result.warning;
}

} // namespace

const char* name_of(JobRunner::State state) {
  static constexpr std::array<const char*, 5> kNames{"none", "working", "done", "failed", "cancelled"};
  return kNames[static_cast<size_t>(state)];
}

void JobRunner::go(MakeOrder make, const Folder& jobs, const std::string& command, const std::string& project, const std::string& media,
                   const Pause& pause) {
  try {
    start(make, jobs, command, project, media, pause);
  } catch (const std::exception& error) {
    fail(sentence_of(error));
  }
}

void JobRunner::fail(const std::string& sentence) {
  ++number_;
  id_.clear();
  daemon_id_.clear();
  reason_.clear();
  files_.clear();
  end(State::failed, sentence);
}

void JobRunner::start(MakeOrder make, const Folder& jobs, const std::string& command, const std::string& project, const std::string& media,
                      const Pause& pause) {
  Order order = make(core_);
  if (command.empty()) {
    throw LinkError("AceBridge is not installed for this user: install it and run `acebridge serve` once.");
  }
  if (media.empty() || media[0] != '/') {
    throw LinkError("The project's folder is " + media + "; allowed: the full path of a folder. Choose another one.");
  }
  std::string id = job_name();
  Folder folder = jobs.make(id);
  if (order.recording) {
    write_source(folder, kSource, order, pause);
  }
  const Json request = make_request(order, id, machine_, project, media, kSource);
  folder.write_whole("request.json", request.dump());
  start_detached({command, "host", "run", file_url(folder.path())}, machine_.environment);
  order.recording = nullptr; // it is in the file; the memory is needed for others
  order_ = std::move(order);
  folder_ = std::move(folder);
  status_ = StatusReader();
  id_ = std::move(id);
  daemon_id_.clear();
  reason_.clear();
  files_.clear();
  ++number_;
  state_ = State::working;
  report_ = {Status::working, 0, -1, "starting", false};
}

void JobRunner::cancel() {
  if (!works() || !folder_) {
    return;
  }
  try {
    folder_->touch("cancel");
  } catch (const std::exception& error) {
    end(State::failed, sentence_of(error));
  }
}

void JobRunner::look(double now_s, const Pause& pause) {
  if (!works() || !folder_) {
    return;
  }
  try {
    follow(now_s, pause);
  } catch (const std::exception& error) {
    end(State::failed, sentence_of(error));
  }
}

void JobRunner::follow(double now_s, const Pause& pause) {
  const JobNews news = status_.look(folder_->read("status.json", kMostStatusBytes), now_s, process_runs);
  daemon_id_ = news.job_id;
  reason_ = news.reason;
  switch (news.state) {
  case JobNews::State::active:
    report_ = {Status::working, news.fraction, news.eta_s, news.sentence.empty() ? "starting" : news.sentence, false};
    break;
  case JobNews::State::done:
    finish(pause);
    break;
  case JobNews::State::failed:
    end(State::failed, news.sentence);
    break;
  case JobNews::State::cancelled:
    end(State::cancelled, news.sentence);
    break;
  }
}

void JobRunner::finish(const Pause& pause) {
  JobResult result = read_result(folder_->read("result.json", kMostResultBytes), order_);
  std::vector<Bytes> audio;
  for (const JobTake& take : result.takes) {
    auto bytes = read_file(take.file, kMostAudioBytes, pause);
    if (!bytes) {
      throw LinkError("The audio of the job is gone: " + take.file + " cannot be read. Press Go again.");
    }
    audio.push_back(std::make_shared<const std::vector<uint8_t>>(std::move(*bytes)));
  }
  bool plays = core_.parameters().whole(Id::mode) != 0;
  files_.clear();
  for (size_t i = 0; i < result.takes.size(); ++i) {
    plays = core_.put_take(result.takes[i].region, std::move(audio[i]), result.takes[i].file) && plays;
    files_.push_back(result.takes[i].file);
    pause();
  }
  folder_->touch("placed");
  end(State::done, describe(result, order_.numbers, plays));
}

void JobRunner::end(State state, std::string sentence) {
  static constexpr std::array<Status, 5> kStatuses{Status::ready, Status::working, Status::done, Status::failed,
                                                   Status::ready};
  state_ = state;
  folder_.reset();
  report_ = {kStatuses[static_cast<size_t>(state)], state == State::done ? 1.0F : 0.0F, -1, std::move(sentence), false};
}

} // namespace acebridge
