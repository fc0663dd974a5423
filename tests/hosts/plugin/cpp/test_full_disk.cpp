// The link on a disk that is full. The only argument is a folder on a small file system that nobody else uses.
#include "studio.hpp"

#include <sys/statvfs.h>

using namespace studio;

namespace {

std::string disk;

size_t free_bytes() {
  struct statvfs facts {};
  CHECK(::statvfs(disk.c_str(), &facts) == 0);
  return facts.f_bavail * facts.f_frsize;
}

// Nothing fits on it any more.
void fill() {
  std::ofstream file(disk + "/filler", std::ios::binary);
  const std::string page(4096, 'x');
  while (file.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
  }
  CHECK(free_bytes() == 0);
}

void make_room() { CHECK(::unlink((disk + "/filler").c_str()) == 0); }

bool says_why(const std::string& sentence, const char* file) {
  return has(sentence, file) && has(sentence, " cannot be written: No space left on device. Free some space there");
}

void go_is_refused_and_works_again() {
  Studio studio(disk);
  studio.install(Studio::done(studio.home() + "/take.wav"));
  studio.start_link();
  CHECK(until([&] { return ::access((studio.instance() + "/instance.json").c_str(), F_OK) == 0; }));
  fill();
  CHECK(studio.record(90000)); // audio passes, and captures need no disk
  const JobReport report = studio.go();
  CHECK(report.status == Status::failed && says_why(report.sentence, "source-1.wav"));
  CHECK(studio.core().recordings().size() == 2 && studio.core().takes().empty());
  make_room();
  CHECK(studio.go().status == Status::done && studio.core().takes().size() == 1);
}

void a_job_whose_command_finds_no_room_is_said() {
  Studio studio(disk);
  studio.install(R"(echo '{"state": "running", "update_time": 1, "pid": '$$'}' > "$folder/part" && mv "$folder/part" "$folder/status.json"
cat /dev/zero > "$home/../filler"
)" + Studio::done(studio.home() + "/take.wav"));
  studio.start_link();
  const JobReport report = studio.go();
  CHECK(report.status == Status::failed && has(report.sentence, "Press Go again."));
  CHECK(free_bytes() == 0 && studio.core().takes().empty());
  CHECK(studio.record(90000));
  make_room();
  studio.install(Studio::done(studio.home() + "/take.wav"));
  CHECK(studio.go().status == Status::done);
}

void commands_end_without_an_answer() {
  Studio studio(disk);
  studio.install("exit 4");
  studio.start_link();
  CHECK(until([&] { return ::access((studio.instance() + "/instance.json").c_str(), F_OK) == 0; }));
  std::ofstream(studio.instance() + "/next") << R"({"caption": "warm"})";
  fill();
  CHECK(std::rename((studio.instance() + "/next").c_str(), (studio.instance() + "/commands/1.json").c_str()) == 0);
  CHECK(studio.answer_of("1.json").empty() && studio.core().get_state(Key::caption) == "warm");
  make_room();
  CHECK(studio.command("2.json", R"({"caption": "cold"})") == "|");
}

} // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    return 2;
  }
  disk = arguments[1];
  return check::run_all({
      {"Go is refused and works again", go_is_refused_and_works_again},
      {"a job whose command finds no room is said", a_job_whose_command_finds_no_room_is_said},
      {"commands end without an answer", commands_end_without_an_answer},
  });
}
