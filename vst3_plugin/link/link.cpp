#include "link.hpp"

#include "text.hpp"

#include <cmath>
#include <unistd.h>

namespace acebridge {
namespace {

constexpr size_t kCaptionBytes = 80;
constexpr size_t kMostAnswers = 64;
constexpr double kRetryS = 5;
constexpr const char* kMedia = "media";
constexpr const char* kNotInstalled =
    "AceBridge is not installed for this user: install it and run `acebridge serve` once.";

double clock_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The beginning of a text, cut between letters.
std::string beginning(const std::string& text, size_t most) {
  if (text.size() <= most) {
    return text;
  }
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return text.substr(0, end) + "…";
}

bool equal(const JobReport& a, const JobReport& b) {
  return a.status == b.status && a.progress == b.progress && a.eta_s == b.eta_s && a.sentence == b.sentence &&
         a.offers_start == b.offers_start;
}

Json describe_recordings(Core& core) {
  Json list = Json::list();
  for (const auto& recording : core.recordings()) {
    Json entry = Json::object();
    entry.set("frame", Json::of(recording->start.frame)).set("frames", Json::of(recording->frames()));
    entry.set("rate", Json::of(recording->rate_hz)).set("tempo", Json::of(recording->start.tempo_bpm));
    list.push(std::move(entry));
  }
  return list;
}

Json describe_takes(Core& core) {
  Json list = Json::list();
  for (const TakeRegion& take : core.takes()) {
    Json entry = Json::object();
    entry.set("number", Json::of(int64_t{take.number})).set("frame", Json::of(take.start_frame));
    entry.set("frames", Json::of(take.frames)).set("rate", Json::of(int64_t{take.rate_hz}));
    entry.set("sha256", Json::of(take.sha256)).set("file", Json::of(core.file_of(take.sha256)));
    list.push(std::move(entry));
  }
  return list;
}

} // namespace

Link::Link(Core& core, HostInfo host)
    : core_(core), machine_(Machine::look(std::move(host))), osc_(machine_.data_folder), daemon_(machine_),
      runner_(core, machine_), assets_(core, machine_), go_count_(core.parameters().go_count()),
      vary_count_(core.parameters().press_count(Id::vary)), cancel_count_(core.parameters().cancel_count()), start_count_(core.start_count()), collector_(core),
      thread_(std::chrono::milliseconds(100), [this] { look(); }) {}

Link::~Link() {
  thread_.end();
  if (has_said_open_) {
    say("close", {});
  }
}

void Link::look() {
  try {
    step(clock_s());
  } catch (const LinkEnds&) {
    return;
  } catch (const std::exception& error) { // the next step may do better
    try {
      show({Status::failed, 0, -1, sentence_of(error), false});
    } catch (const std::exception&) {
      return;
    }
  }
}

void Link::pause() const {
  if (thread_.is_ending()) {
    throw LinkEnds();
  }
}

void Link::step(double now_s) {
  daemon_.look(now_s);
  keep_instance(now_s);
  if (const uint32_t count = core_.start_count(); count != start_count_) {
    start_count_ = count;
    daemon_.start(now_s);
  }
  // Cancel comes last: of both at once it is Cancel that was pressed later, as there was nothing to cancel before.
  const uint32_t cancel_count = core_.parameters().cancel_count();
  if (const uint32_t count = core_.parameters().go_count(); count != go_count_) {
    go_count_ = count;
    if (!runner_.works()) { // one job at a time: Cancel comes first
      go(make_order, now_s);
    }
  }
  if (const uint32_t count = core_.parameters().press_count(Id::vary); count != vary_count_) {
    vary_count_ = count;
    if (!runner_.works()) {
      go(make_variation, now_s);
    }
  }
  if (cancel_count != cancel_count_) {
    cancel_count_ = cancel_count;
    runner_.cancel();
  }
  runner_.look(now_s, [this] { pause(); });
  look_for_assets(now_s);
  report();
  publish(now_s);
}

void Link::publish(double now_s) {
  if (!instance_) {
    return;
  }
  try {
    instance_->publish([this] { return facts(); }, now_s);
  } catch (const LinkError&) { // what is wrong with the disk is said when something depends on it
    return;
  }
}

InstanceFolder& Link::open_instance() {
  if (instance_ && instance_->is_there()) {
    return *instance_;
  }
  instance_.reset();
  const auto data = Folder::open(machine_.data_folder);
  if (!data) {
    throw LinkError(kNotInstalled);
  }
  instance_ = std::make_unique<InstanceFolder>(*data, machine_.instance);
  return *instance_;
}

void Link::keep_instance(double now_s) {
  if ((!instance_ || !instance_->is_there()) && now_s < instance_retry_s_) {
    return;
  }
  instance_retry_s_ = now_s + kRetryS;
  try {
    InstanceFolder& instance = open_instance();
    instance_sentence_.clear();
    for (const Command& command : instance.take_commands()) {
      answers_.push_back(answer(command, now_s));
    }
    while (answers_.size() > kMostAnswers) {
      answers_.pop_front();
    }
  } catch (const std::exception& error) {
    instance_sentence_ = error.what() == std::string(kNotInstalled) ? "" : sentence_of(error);
  }
  if (!has_said_open_ && instance_) {
    has_said_open_ = true;
    say("open", {machine_.host.name});
  }
}

Link::Answer Link::answer(const Command& command, double now_s) {
  try {
    set(command.content);
  } catch (const std::exception& error) {
    return {command.name, sentence_of(error), "INTERNAL"};
  }
  const std::string& press = command.content["press"].text();
  if (press == "cancel") {
    runner_.cancel();
  } else if (press == "go" || press == "vary") {
    if (runner_.works()) {
      return {command.name, "A job of the plug-in runs. Wait for it, or cancel it.", "CONFLICT"};
    }
    go(press == "go" ? make_order : make_variation, now_s);
    if (!runner_.works()) {
      return {command.name, runner_.report().sentence, "ENGINE_FAILURE"};
    }
  }
  return {command.name, "", ""};
}

void Link::set(const Json& content) {
  static constexpr std::array<std::pair<const char*, Key>, 4> kTexts{
      {{"caption", Key::caption}, {"lyrics", Key::lyrics}, {"tracks", Key::tracks}, {"folder", Key::folder}}};
  for (const auto& [name, key] : kTexts) {
    if (content[name].type() == Json::Type::text) {
      core_.set_state(key, content[name].text());
    }
  }
  if (const Json& selection = content["select"]; selection.type() == Json::Type::list) {
    const auto& items = selection.items();
    const auto first = items.size() == 2 ? items[0].whole() : std::nullopt;
    const auto frames = items.size() == 2 ? items[1].whole() : std::nullopt;
    core_.select(first && frames && *frames > 0 ? std::optional(Selection{*first, *frames}) : std::nullopt);
  }
}

std::string Link::project() { return core_.get_state(Key::folder); }

std::string Link::media() {
  const std::string folder = project();
  return folder.empty() ? machine_.data_folder + "/plugin/" + kMedia : folder;
}

void Link::go(MakeOrder make, double now_s) {
  try {
    daemon_.look(now_s, true); // the command may be there only now
    InstanceFolder& instance = open_instance();
    instance.remove_ended_jobs("");
    runner_.go(make, instance.jobs(), daemon_.command(), project(), media(), [this] { pause(); });
  } catch (const std::exception& error) {
    runner_.fail(sentence_of(error));
  }
}

void Link::look_for_assets(double now_s) {
  std::optional<Folder> place;
  try {
    if (instance_ && (assets_.is_loading() || !core_.missing_assets().empty())) {
      place = instance_->folder().make("assets");
    }
    const std::string own = machine_.data_folder + "/plugin/" + kMedia;
    const std::vector<std::string> folders = project().empty() ? std::vector{own} : std::vector{project(), own};
    asset_sentence_ = assets_.look(now_s, folders, place ? &*place : nullptr, daemon_.command(), [this] { pause(); });
  } catch (const std::exception& error) {
    asset_sentence_ = sentence_of(error);
  }
}

void Link::report() {
  JobReport report = runner_.report();
  if (!runner_.works()) {
    report.offers_start = daemon_.offers_start();
    for (const std::string& more :
         {instance_sentence_, asset_sentence_, report.sentence.empty() ? daemon_.sentence() : std::string()}) {
      report.sentence += (report.sentence.empty() || more.empty() ? "" : " ") + more;
    }
  }
  show(report);
  if (runner_.state() != reported_state_ || runner_.number() != reported_number_) {
    reported_state_ = runner_.state();
    reported_number_ = runner_.number();
    if (reported_state_ == JobRunner::State::done) {
      say("done", {runner_.files().empty() ? std::string() : runner_.files().front()});
    } else if (reported_state_ == JobRunner::State::failed) {
      say("error", {runner_.report().sentence});
    }
  }
}

void Link::show(const JobReport& report) {
  if (!equal(report, reported_)) {
    reported_ = report;
    core_.report(report);
    say("state", {name_of(runner_.state()), report.sentence});
  }
}

void Link::say(const char* what, std::vector<OscValue> values) {
  const std::string_view word = what;
  std::vector<OscValue> all;
  if (word == "state") {
    all.emplace_back(reported_.progress);
  } else if (word == "done") {
    all.emplace_back(static_cast<int32_t>(runner_.files().size()));
  }
  all.emplace_back(machine_.instance);
  for (OscValue& value : values) {
    all.push_back(std::move(value));
  }
  osc_.say(std::string("/acebridge/plugin/") + what, all);
}

Json Link::facts() {
  const Parameters& parameters = core_.parameters();
  Json facts = Json::object();
  facts.set("version", Json::of(int64_t{1})).set("instance", Json::of(machine_.instance));
  facts.set("pid", Json::of(static_cast<int64_t>(::getpid())));
  facts.set("host", Json::of(machine_.host.name)).set("project", Json::of(project()));
  facts.set("task", Json::of(kTasks[static_cast<size_t>(parameters.whole(Id::task))]));
  facts.set("track", Json::of(kTracks[static_cast<size_t>(parameters.whole(Id::track))]));
  facts.set("takes", Json::of(int64_t{parameters.whole(Id::takes)}));
  facts.set("mode", Json::of(kModes[static_cast<size_t>(parameters.whole(Id::mode))]));
  facts.set("captures", Json::of(parameters.is_on(Id::capture)));
  facts.set("caption", Json::of(beginning(core_.get_state(Key::caption), kCaptionBytes)));
  const auto selection = core_.selection();
  Json selected = Json::list();
  if (selection) {
    selected.push(Json::of(selection->first)).push(Json::of(selection->frames));
  }
  facts.set("selection", std::move(selected)).set("recordings", describe_recordings(core_));
  facts.set("regions", describe_takes(core_));
  facts.set("state", Json::of(name_of(runner_.state()))).set("sentence", Json::of(reported_.sentence));
  facts.set("progress", Json::of(std::round(static_cast<double>(reported_.progress) * 1000) / 1000));
  facts.set("eta_s", reported_.eta_s < 0 ? Json() : Json::of(reported_.eta_s));
  Json files = Json::list();
  for (const std::string& file : runner_.files()) {
    files.push(Json::of(file));
  }
  facts.set("job", Json::object().set("number", Json::of(runner_.number())).set("id", Json::of(runner_.id()))
                       .set("daemon_id", Json::of(runner_.daemon_id())).set("reason", Json::of(runner_.reason()))
                       .set("files", std::move(files)));
  Json answers = Json::list();
  for (const Answer& answer : answers_) {
    answers.push(Json::object().set("command", Json::of(answer.command)).set("sentence", Json::of(answer.sentence))
                     .set("reason", Json::of(answer.reason)));
  }
  return facts.set("answers", std::move(answers));
}

} // namespace acebridge
