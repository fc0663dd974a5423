// The link as a whole.
#include "sha256.hpp"
#include "studio.hpp"

#include <atomic>
#include <fcntl.h>
#include <sys/syscall.h>

using namespace studio;

namespace {

std::atomic<bool> stands_still{false}; // the disk
std::atomic<bool> is_waited_for{false};

} // namespace

// In the place of the system's: a disk that takes as long as a test likes.
extern "C" int renameat(int from, const char* name, int to, const char* target) {
  while (stands_still) {
    is_waited_for = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return static_cast<int>(::syscall(SYS_renameat2, from, name, to, target, 0));
}

namespace {

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

void links_in_place_of_files_are_not_followed() {
  Studio studio;
  studio.install(R"(echo '{"parts": []}' > "$home/result.json"; ln -s "$home/result.json" "$folder/result.json"
echo '{"state": "done", "update_time": 1}' > "$folder/status.json")");
  studio.start_link();
  CHECK(has(studio.go().sentence, "The result of the job cannot be read: result.json is damaged or gone."));
  CHECK(::mkdir((studio.home() + "/elsewhere").c_str(), 0700) == 0);
  studio.install(R"(echo '{"state": "running", "update_time": 1, "pid": '$$'}' > "$folder/part" && mv "$folder/part" "$folder/status.json"
mv "$folder" "$folder.away" && ln -s "$home/elsewhere" "$folder"
)" + Studio::done(studio.home() + "/take.wav"));
  CHECK(has(studio.go().sentence, "ended without a word"));
  CHECK(studio.core().takes().empty());
  const std::string jobs = studio.instance() + "/jobs";
  CHECK(std::rename(jobs.c_str(), (studio.home() + "/jobs").c_str()) == 0);
  CHECK(::mkdir((studio.home() + "/empty").c_str(), 0700) == 0 && ::symlink((studio.home() + "/empty").c_str(), jobs.c_str()) == 0);
  CHECK(has(studio.go().sentence, "is a link or no folder, so nothing is written there. Remove it, then try again."));
  CHECK(::rmdir((studio.home() + "/empty").c_str()) == 0); // still empty
  CHECK(::unlink(jobs.c_str()) == 0);
  CHECK(studio.record(90000));
  studio.install(Studio::done(studio.home() + "/take.wav"));
  CHECK(studio.go().status == Status::done);
}

// The ring between the audio thread and the others holds 4 s.
void a_disk_that_stands_still_costs_no_capture() {
  Studio studio;
  studio.install("exit 4");
  studio.start_link();
  CHECK(until([&] { return ::access((studio.instance() + "/instance.json").c_str(), F_OK) == 0; }));
  Core& core = studio.core();
  stands_still = true;
  core.set_state(Key::caption, "to be written");
  CHECK(until([] { return is_waited_for.load(); }));
  signals::Host host;
  host.time.playing = true;
  const signals::Stereo second = signals::noise(48000, 73);
  core.parameters().set(Id::capture, 1);
  for (int i = 0; i < 10; ++i) {
    const uint64_t revision = core.revision();
    (void)signals::play(core, host, 500000 + i * 48000, second, 480);
    CHECK(until([&] { return core.revision() != revision; })); // it is taken over
    CHECK(core.status() == Status::capturing);
  }
  core.parameters().set(Id::capture, 0);
  (void)signals::play(core, host, 0, signals::noise(64, 1), 64);
  CHECK(core.recordings().back()->frames() == 10 * 48000);
  stands_still = false;
}

void commands_are_answered() {
  Studio studio;
  studio.install(R"(echo '{"state": "running", "job_id": "a1", "update_time": 1, "pid": '$$'}' > "$folder/part"
mv "$folder/part" "$folder/status.json"
while [ ! -e "$folder/cancel" ]; do sleep 0.05; done
echo '{"state": "failed", "message": "No.", "reason": "UNAVAILABLE", "update_time": 2}' > "$folder/part"
mv "$folder/part" "$folder/status.json")");
  studio.start_link();
  CHECK(until([&] { return ::access((studio.instance() + "/instance.json").c_str(), F_OK) == 0; }));
  const auto job = [&] { return (*read_json(contents(studio.instance() + "/instance.json")))["job"]; };
  CHECK(studio.command("1.json", R"({"caption": "warm"})") == "|");
  CHECK(studio.core().get_state(Key::caption) == "warm");
  CHECK(studio.command("2.json", R"({"press": "go"})") == "|");
  CHECK(job()["number"].whole() == 1);
  CHECK(until([&] { return job()["daemon_id"].text() == "a1"; }));
  CHECK(studio.command("3.json", R"({"press": "go"})") == "CONFLICT|A job of the plug-in runs. Wait for it, or cancel it.");
  CHECK(studio.command("4.json", R"({"press": "cancel"})") == "|");
  CHECK(until([&] { return job()["reason"].text() == "UNAVAILABLE"; }));
  studio.core().set_state(Key::folder, "here");
  CHECK(has(studio.command("5.json", R"({"press": "go"})"), "ENGINE_FAILURE|The project's folder is here; allowed"));
  CHECK(job()["number"].whole() == 2 && job()["reason"].text().empty());
  CHECK(studio.command("6.json", "no command").empty());
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
      {"links in place of files are not followed", links_in_place_of_files_are_not_followed},
      {"a disk that stands still costs no capture", a_disk_that_stands_still_costs_no_capture},
      {"commands are answered", commands_are_answered},
      {"Cancel reaches the command", cancel_reaches_the_command},
      {"Cancel right after Go cancels", cancel_right_after_go_cancels},
      {"the daemon can be started", the_daemon_can_be_started},
      {"missing audio is found in the folder", missing_audio_is_found_in_the_folder},
      {"missing audio comes from the daemon", missing_audio_comes_from_the_daemon},
      {"a link that ends in a job leaves it", a_link_that_ends_in_a_job_leaves_it},
  });
}
