// A data folder, a core with a recording, and the link between them. The command is what the test makes: a shell script in the
// place of `acebridge`.
#pragma once

#include "check.hpp"
#include "link.hpp"
#include "signals.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace studio {

using namespace acebridge;

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

inline std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class Studio {
public:
  explicit Studio(const std::string& folder = "/tmp") {
    std::string name = folder + "/acebridge-test-XXXXXX";
    home_ = ::mkdtemp(name.data());
    (void)::setenv("ACEBRIDGE_HOME", (home_ + "/data").c_str(), 1);
    const Bytes audio = wav();
    std::ofstream(home_ + "/take.wav", std::ios::binary).write(reinterpret_cast<const char*>(audio->data()), static_cast<std::streamsize>(audio->size()));
    record(1000);
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

  std::string instance() const { return data() + "/plugin/" + link_->instance(); }

  // Put a command into the instance folder, and return what instance.json says of it; empty if nothing.
  std::string command(const std::string& name, const std::string& text) const {
    std::ofstream(instance() + "/part") << text;
    CHECK(std::rename((instance() + "/part").c_str(), (instance() + "/commands/" + name).c_str()) == 0);
    return answer_of(name);
  }

  std::string answer_of(const std::string& name) const {
    CHECK(until([&] { return ::access((instance() + "/commands/" + name).c_str(), F_OK) != 0; }));
    const auto state = read_json(contents(instance() + "/instance.json"));
    for (const Json& answer : state ? (*state)["answers"].items() : std::vector<Json>()) {
      if (answer["command"].text() == name) {
        return answer["reason"].text() + '|' + answer["sentence"].text();
      }
    }
    return "";
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

  // Play and capture noise; returns whether it came out as it went in.
  bool record(int64_t frame) {
    signals::Host host;
    host.time.playing = true;
    const signals::Stereo audio = signals::noise(kFrames, 71);
    core_.parameters().set(Id::capture, 1);
    const signals::Stereo output = signals::play(core_, host, frame, audio, 480);
    core_.parameters().set(Id::capture, 0);
    (void)signals::play(core_, host, frame + static_cast<int64_t>(kFrames), signals::noise(64, 1), 64);
    return signals::equal(output, audio);
  }

private:
  std::string home_;
  Core core_{48000};
  std::unique_ptr<Link> link_;
};

inline bool has(const std::string& text, const std::string& part) {
  if (text.find(part) == std::string::npos) {
    (void)std::fprintf(stderr, "says: %s\n", text.c_str());
    return false;
  }
  return true;
}

} // namespace studio
