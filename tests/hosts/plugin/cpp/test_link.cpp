// The link as a whole, with a command that the test makes: a shell script in the place of `acebridge`.
#include "check.hpp"
#include "link.hpp"
#include "sha256.hpp"
#include "signals.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace acebridge;

namespace {

constexpr size_t kFrames = 4800;

template <typename Condition> bool until(Condition condition) {
  for (int i = 0; i < 60000; ++i) { // only a hang takes so long
    if (condition()) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

// A data folder, a core with a recording, and the link between them.
class Studio {
public:
  Studio() {
    std::string name = "/tmp/acebridge-test-XXXXXX";
    home_ = ::mkdtemp(name.data());
    (void)::setenv("ACEBRIDGE_HOME", (home_ + "/data").c_str(), 1);
    const Bytes audio = wav();
    std::ofstream(home_ + "/take.wav", std::ios::binary).write(reinterpret_cast<const char*>(audio->data()), static_cast<std::streamsize>(audio->size()));
    record();
  }
  Studio(const Studio&) = delete;
  Studio& operator=(const Studio&) = delete;
  ~Studio() {
    link_.reset();
    (void)std::system(("rm -rf " + home_).c_str());
  }

  static Bytes wav() { return signals::wav(signals::noise(kFrames, 72), 48000); }

  const std::string& home() const { return home_; }
  std::string data() const { return home_ + "/data"; }
  Core& core() { return core_; }
  void start_link() { link_ = std::make_unique<Link>(core_, HostInfo{"Test", "1"}); }
  void end_link() { link_.reset(); }

  // Have `acebridge host run FOLDER` do this; $folder is the job's, $home the test's.
  void install(const std::string& script) const {
    (void)::mkdir(data().c_str(), 0700);
    const std::string path = home_ + "/acebridge";
    std::ofstream(path) << "#!/bin/sh\nhome='" << home_ << "'\nfolder=${3#file://}\n" << script << '\n';
    (void)::chmod(path.c_str(), 0700);
    std::ofstream(data() + "/command") << path << '\n';
  }

  // A result with one take in `file`.
  static std::string done(const std::string& file) {
    return R"(echo '{"parts": [{"takes": [{"take": 1, "outputs": [{"file": ")" + file +
           R"(", "role": "mix", "sample_rate": 48000, "frames": 4800, "start_frame": 0}]}]}]}' > "$folder/result.json"
echo '{"state": "done", "update_time": 1}' > "$folder/part" && mv "$folder/part" "$folder/status.json")";
  }

  // Press Go and return what came of it.
  JobReport go() {
    const std::string before = core_.job().sentence;
    core_.parameters().set(Id::go, 1);
    core_.parameters().reset_triggers();
    CHECK(until([&] { return core_.job().status == Status::working || core_.job().sentence != before; }));
    CHECK(until([&] { return core_.job().status != Status::working; }));
    return core_.job();
  }

private:
  void record() {
    signals::Host host;
    host.time.playing = true;
    core_.parameters().set(Id::capture, 1);
    (void)signals::play(core_, host, 1000, signals::noise(kFrames, 71), 480);
    core_.parameters().set(Id::capture, 0);
    (void)signals::play(core_, host, 1000 + kFrames, signals::noise(64, 1), 64);
  }

  std::string home_;
  Core core_{48000};
  std::unique_ptr<Link> link_;
};

bool has(const std::string& text, const std::string& part) {
  if (text.find(part) == std::string::npos) {
    (void)std::fprintf(stderr, "says: %s\n", text.c_str());
    return false;
  }
  return true;
}

void go_makes_a_take() {
  Studio studio;
  studio.install(Studio::done(studio.home() + "/take.wav"));
  studio.start_link();
  const JobReport report = studio.go();
  CHECK(report.status == Status::done && report.progress == 1 && has(report.sentence, "1 take is here. Set Mode"));
  const auto takes = studio.core().takes();
  CHECK(takes.size() == 1 && takes[0].start_frame == 1000 && takes[0].frames == static_cast<int64_t>(kFrames));
  const Bytes asset = takes.empty() ? nullptr : studio.core().asset(takes[0].sha256);
  CHECK(asset && *asset == *Studio::wav());
  CHECK(studio.core().file_of(takes[0].sha256) == studio.home() + "/take.wav");
}

void what_is_not_installed_is_said_and_go_works_after_that() {
  Studio studio;
  studio.start_link();
  CHECK(until([&] { return !studio.core().job().sentence.empty(); }));
  CHECK(has(studio.core().job().sentence, "not installed") && !studio.core().job().offers_start);
  studio.core().parameters().set(Id::go, 1);
  studio.core().parameters().reset_triggers();
  CHECK(until([&] { return studio.core().job().status == Status::failed; }));
  CHECK(has(studio.core().job().sentence, "AceBridge is not installed for this user: install it and run `acebridge serve` once."));
  CHECK(::access(studio.data().c_str(), F_OK) != 0);
  studio.install(Studio::done(studio.home() + "/take.wav"));
  CHECK(studio.go().status == Status::done);
}

void faults_are_said_and_go_works_after_them() {
  Studio studio;
  studio.install(Studio::done(studio.home() + "/gone.wav"));
  studio.start_link();
  JobReport report = studio.go();
  CHECK(report.status == Status::failed && has(report.sentence, "The audio of the job is gone: " + studio.home() + "/gone.wav"));
  studio.install(R"(echo '{"state": "done", "update_time": 1}' > "$folder/status.json")");
  CHECK(has(studio.go().sentence, "The result of the job cannot be read"));
  studio.install(R"(echo '{"state": "failed", "message": "The media folder cannot be written.", "remedy": "Free it.", "update_time": 1}' > "$folder/status.json")");
  CHECK(has(studio.go().sentence, "The media folder cannot be written. Free it."));
  studio.install(R"(echo '{"state": "running", "update_time": 1, "pid": '$$'}' > "$folder/status.json")"); // and it ends
  CHECK(has(studio.go().sentence, "ended without a word"));
  CHECK(::unlink((studio.home() + "/acebridge").c_str()) == 0);
  CHECK(has(studio.go().sentence, "cannot be started"));
  CHECK(studio.core().takes().empty());
  studio.install(Studio::done(studio.home() + "/take.wav"));
  CHECK(studio.go().status == Status::done);
}

void a_folder_that_is_a_link_is_refused() {
  Studio studio;
  studio.install(Studio::done(studio.home() + "/take.wav"));
  CHECK(::mkdir((studio.home() + "/elsewhere").c_str(), 0700) == 0);
  CHECK(::symlink((studio.home() + "/elsewhere").c_str(), (studio.data() + "/plugin").c_str()) == 0);
  studio.start_link();
  const JobReport report = studio.go();
  CHECK(report.status == Status::failed && has(report.sentence, "is a link or no folder"));
  CHECK(::rmdir((studio.home() + "/elsewhere").c_str()) == 0); // still empty
  CHECK(::unlink((studio.data() + "/plugin").c_str()) == 0);
  CHECK(studio.go().status == Status::done);
}

void cancel_right_after_go_cancels() {
  Studio studio;
  studio.install(R"(for i in 1 2 3 4 5 6 7 8 9; do [ -e "$folder/cancel" ] || sleep 0.5; done
[ -e "$folder/cancel" ] && state=cancelled || state=failed
echo "{\"state\": \"$state\", \"update_time\": 2}" > "$folder/status.json")");
  studio.start_link();
  Parameters& parameters = studio.core().parameters();
  parameters.set(Id::go, 1);
  parameters.set(Id::cancel, 1);
  CHECK(until([&] {
    const JobReport report = studio.core().job();
    return report.status == Status::failed || report.sentence.find("cancelled") != std::string::npos;
  }));
  CHECK(has(studio.core().job().sentence, "The job was cancelled."));
}

void cancel_reaches_the_command() {
  Studio studio;
  studio.install(R"(echo '{"state": "running", "stage": "playing", "fraction": 0.5, "update_time": 1, "pid": '$$'}' > "$folder/status.json"
while [ ! -e "$folder/cancel" ]; do sleep 0.05; done
echo '{"state": "cancelled", "update_time": 2}' > "$folder/status.json")");
  studio.start_link();
  studio.core().parameters().set(Id::go, 1);
  CHECK(until([&] { return studio.core().job().sentence == "playing"; }));
  CHECK(studio.core().job().progress == 0.5F);
  studio.core().parameters().set(Id::cancel, 1);
  CHECK(until([&] { return studio.core().job().status == Status::ready; }));
  CHECK(has(studio.core().job().sentence, "The job was cancelled."));
}

void the_daemon_can_be_started() {
  Studio studio;
  studio.install(R"(echo "$1" > "$home/started")");
  studio.start_link();
  CHECK(until([&] { return studio.core().job().offers_start; }));
  CHECK(has(studio.core().job().sentence, "does not run"));
  studio.core().ask_start();
  CHECK(until([&] { return ::access((studio.home() + "/started").c_str(), F_OK) == 0; }));
  CHECK(until([&] { return !studio.core().job().offers_start; }));
}

void missing_audio_is_found_in_the_folder() {
  Studio studio;
  const std::string hash = sha256(Studio::wav()->data(), Studio::wav()->size());
  const std::string body = "take 1 1000 4800 48000 0 " + hash + "\n";
  studio.core().set_state(Key::regions, "acebridge-takes 1 " + sha256(body.data(), body.size()).substr(0, 16) + "\n" + body);
  CHECK(studio.core().missing_assets().size() == 1);
  studio.core().set_state(Key::folder, studio.home());
  studio.install("exit 4");
  studio.start_link();
  CHECK(until([&] { return studio.core().missing_assets().empty(); }));
  CHECK(studio.core().file_of(hash) == studio.home() + "/take.wav");
}

void missing_audio_comes_from_the_daemon() {
  Studio studio;
  const std::string hash = sha256(Studio::wav()->data(), Studio::wav()->size());
  const std::string body = "take 1 1000 4800 48000 0 " + hash + "\n";
  studio.core().set_state(Key::regions, "acebridge-takes 1 " + sha256(body.data(), body.size()).substr(0, 16) + "\n" + body);
  studio.install(R"(echo "acebridge: There is no such asset."; exit 2)");
  studio.start_link();
  CHECK(until([&] { return studio.core().job().sentence.find("nor at the daemon (There is no such asset.)") != std::string::npos; }));
  CHECK(has(studio.core().job().sentence, "The audio of take 1 (" + hash.substr(0, 8) + ") is not in this project"));
  studio.end_link();
  studio.install(R"(cp "$home/take.wav" "$5")");
  studio.start_link();
  CHECK(until([&] { return studio.core().missing_assets().empty(); }));
}

void a_link_that_ends_in_a_job_leaves_it() {
  Studio studio;
  studio.install(R"(echo '{"state": "running", "update_time": '$(date +%s)'}' > "$folder/status.json"
while [ ! -e "$home/go" ]; do sleep 0.05; done
touch "$home/done")");
  studio.start_link();
  studio.core().parameters().set(Id::go, 1);
  CHECK(until([&] { return studio.core().job().status == Status::working && studio.core().job().sentence.empty() == false; }));
  studio.end_link();
  std::ofstream(studio.home() + "/go") << "x";
  CHECK(until([&] { return ::access((studio.home() + "/done").c_str(), F_OK) == 0; }));
}

} // namespace

int main() {
  return check::run_all({
      {"Go makes a take", go_makes_a_take},
      {"what is not installed is said, and Go works after that", what_is_not_installed_is_said_and_go_works_after_that},
      {"faults are said, and Go works after them", faults_are_said_and_go_works_after_them},
      {"a folder that is a link is refused", a_folder_that_is_a_link_is_refused},
      {"Cancel reaches the command", cancel_reaches_the_command},
      {"Cancel right after Go cancels", cancel_right_after_go_cancels},
      {"the daemon can be started", the_daemon_can_be_started},
      {"missing audio is found in the folder", missing_audio_is_found_in_the_folder},
      {"missing audio comes from the daemon", missing_audio_comes_from_the_daemon},
      {"a link that ends in a job leaves it", a_link_that_ends_in_a_job_leaves_it},
  });
}
