// What Go sends, and what the files of a job mean.
#include "assets.hpp"
#include "check.hpp"
#include "folder.hpp"
#include "job.hpp"
#include "runner.hpp"
#include "sha256.hpp"
#include "signals.hpp"
#include "source.hpp"
#include "wav.hpp"

#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <new>
#include <stdexcept>
#include <unistd.h>

using namespace acebridge;

namespace {

constexpr size_t kFrames = 4800;

// A core with a recording of `kFrames` from `frame` on.
struct Studio {
  Core core{48000};
  signals::Stereo audio = signals::noise(kFrames, 71);

  void record(int64_t frame) {
    signals::Host host;
    host.time.playing = true;
    host.time.tempo_bpm = 96;
    host.time.meter = {3, 4};
    core.parameters().set(Id::capture, 1);
    (void)signals::play(core, host, frame, audio, 480);
    core.parameters().set(Id::capture, 0);
    host.time.playing = false;
    (void)signals::play(core, host, frame, signals::noise(64, 1), 64);
    core.collect();
  }

  void choose(const char* task) {
    for (size_t i = 0; i < kTasks.size(); ++i) {
      if (std::string(kTasks[i]) == task) {
        core.parameters().set(Id::task, static_cast<float>(i));
      }
    }
  }

  std::string error() {
    try {
      (void)make_order(core);
    } catch (const LinkError& error) {
      return error.what();
    }
    return "";
  }
};

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

void what_is_missing_is_said() {
  Studio studio;
  CHECK(has(studio.error(), "Nothing is captured yet"));
  studio.core.parameters().set(Id::capture, 1);
  signals::Host host;
  host.time.playing = true;
  (void)signals::play(studio.core, host, 0, studio.audio, 480);
  CHECK(has(studio.error(), "has not ended yet"));
  Studio other;
  other.record(1000);
  other.core.select(Selection{900, 200});
  CHECK(has(other.error(), "frames 900 to 1100"));
  other.core.select(Selection{1000, static_cast<int64_t>(kFrames)});
  CHECK(other.error().empty());
}

void a_repaint_sends_all_and_names_the_selection() {
  Studio studio;
  studio.record(1000);
  studio.choose("repaint");
  studio.core.set_state(Key::caption, "warm");
  studio.core.parameters().set(Id::seed, 7);
  studio.core.parameters().set(Id::takes, 3);
  studio.core.parameters().set(Id::strength, 0.25F);
  studio.core.select(Selection{1480, 960});
  const Order order = make_order(studio.core);
  CHECK(order.first == 0 && order.frames == static_cast<int64_t>(kFrames) && order.start_frame == 1000);
  CHECK(order.fields.dump() ==
        R"({"music": {"caption": "warm", "lyrics": "", "bpm": 96, "timesignature": 3}, "strength": 0.25, "loudness_of": )"
        R"("region", "output": {"sample_rate": 48000, "channels": 2, "takes": 3, "seeds": [7]}, "start_s": 0.01, "end_s": )"
        R"(0.029999999999999999, "scope": "region"})");
}

void a_repaint_says_what_it_is_as_loud_as() {
  Studio studio;
  studio.record(1000);
  studio.choose("repaint");
  const auto fields = [&](Loudness loudness) {
    studio.core.parameters().set(Id::match_loudness, static_cast<float>(loudness));
    return make_order(studio.core).fields;
  };
  CHECK(fields(Loudness::region)["loudness_of"].text() == "region" && !fields(Loudness::region).has("match_loudness"));
  CHECK(fields(Loudness::context)["loudness_of"].text() == "context" && !fields(Loudness::context).has("match_loudness"));
  CHECK(fields(Loudness::off)["match_loudness"].dump() == "false" && !fields(Loudness::off).has("loudness_of"));
  for (const char* const task : {"text2music", "cover", "lego", "complete", "extract"}) {
    studio.choose(task);
    CHECK(!fields(Loudness::context).has("loudness_of") && !fields(Loudness::off).has("match_loudness"));
  }
}

void other_tasks_send_the_selection_alone() {
  Studio studio;
  studio.record(1000);
  studio.record(1000); // the latest counts
  studio.core.select(Selection{1480, 960});
  studio.choose("extract");
  studio.core.parameters().set(Id::track, 3);
  Order order = make_order(studio.core);
  CHECK(order.first == 480 && order.frames == 960 && order.start_frame == 1480 && order.track == "bass");
  CHECK(order.fields["tracks"].dump() == R"(["bass"])" && !order.fields.has("music") && !order.fields.has("strength"));
  CHECK(order.recording == studio.core.recordings().back());
  studio.choose("complete");
  studio.core.set_state(Key::tracks, " Drums, bass;guitar\n");
  order = make_order(studio.core);
  CHECK(order.fields["tracks"].dump() == R"(["drums", "bass", "guitar"])");
  studio.choose("lego");
  CHECK(make_order(studio.core).fields["tracks"].dump() == R"(["bass"])");
}

void new_music_needs_no_capture() {
  Studio studio;
  studio.choose("text2music");
  signals::Host host;
  (void)signals::play(studio.core, host, 7000, studio.audio, kFrames);
  Order order = make_order(studio.core);
  CHECK(!order.recording && order.start_frame == 7000 && order.frames == 30 * 48000);
  CHECK(order.fields["duration_s"].number() == 30.0);
  studio.record(1000);
  order = make_order(studio.core);
  CHECK(!order.recording && order.start_frame == 1000 && order.frames == static_cast<int64_t>(kFrames));
  studio.core.select(Selection{-500, 24000});
  order = make_order(studio.core);
  CHECK(order.start_frame == -500 && order.fields["duration_s"].number() == 0.5);
}

void the_source_is_written_exactly() {
  Studio studio;
  studio.record(1000);
  studio.choose("cover");
  studio.core.select(Selection{1480, 960});
  const Order order = make_order(studio.core);
  std::string name = "/tmp/acebridge-test-XXXXXX";
  const auto folder = Folder::open(::mkdtemp(name.data()));
  write_source(*folder, "source-1.wav", order, [] { return true; });
  std::ifstream file(name + "/source-1.wav", std::ios::binary);
  const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto audio = read_wav(bytes);
  CHECK(audio && audio->rate_hz == 48000 && audio->frames() == 960);
  CHECK(audio && signals::equal(audio->channels[0].data(), studio.audio[0].data() + 480, 960));
  CHECK(audio && signals::equal(audio->channels[1].data(), studio.audio[1].data() + 480, 960));
  folder->remove("source-1.wav");
  CHECK(::rmdir(name.c_str()) == 0);
}

void the_request_says_who_asks() {
  Studio studio;
  studio.record(48000);
  Machine machine;
  machine.host = {"Ardour", "7.3"};
  machine.instance = "0123456789ab";
  const Json request = make_request(make_order(studio.core), "id", machine, "/my song", "/my song", "source-1.wav");
  CHECK(request["host"].dump() == R"({"name": "Ardour", "version": "7.3", "instance": "0123456789ab", "project": "/my song"})");
  CHECK(request["media"].dump() == R"({"folder": "/my song", "format": "float32"})");
  const Json& part = request["parts"].items().front();
  CHECK(part["task"].text() == "repaint" && part["position_s"].number() == 1.0);
  CHECK(part["source"].dump() == R"({"file": "source-1.wav"})");
}

std::string status(const char* state, double time, const char* more = "") {
  return std::string(R"({"state": ")") + state + R"(", "stage": "playing", "fraction": 0.5, "eta_s": 2, "pid": 5, )" + more +
         R"("update_time": )" + std::to_string(time) + "}";
}

JobNews follow(StatusReader& reader, const std::optional<std::string>& text, double from_s, double to_s, bool runs = true) {
  JobNews news;
  for (double now_s = from_s; now_s <= to_s; now_s += 0.5) {
    news = reader.look(text, now_s, [&](int64_t pid) { return runs && pid == 5; });
    if (news.state != JobNews::State::active) {
      return news;
    }
  }
  return news;
}

void a_status_is_followed() {
  StatusReader reader;
  CHECK(follow(reader, std::nullopt, 0, 15).state == JobNews::State::active);
  const JobNews news = follow(reader, status("running", 1), 15.5, 44);
  CHECK(news.state == JobNews::State::active && news.fraction == 0.5F && news.eta_s == 2 && news.sentence == "playing");
  CHECK(follow(reader, status("running", 2), 44.5, 70).state == JobNews::State::active);
  CHECK(follow(reader, status("done", 3), 70, 71).state == JobNews::State::done);
  CHECK(follow(reader, status("cancelled", 3), 70, 71).sentence == "The job was cancelled.");
  const JobNews failed = follow(reader, status("failed", 4, R"("message": "It is so.", "remedy": "Do this.", )"), 72, 73);
  CHECK(failed.state == JobNews::State::failed && failed.sentence == "It is so. Do this.");
}

void silence_has_a_meaning() {
  StatusReader nothing;
  CHECK(follow(nothing, std::nullopt, 0, 20).state == JobNews::State::active);
  CHECK(has(follow(nothing, std::nullopt, 20.5, 30).sentence, "did not start"));
  StatusReader silent;
  CHECK(follow(silent, status("running", 1), 0, 30).state == JobNews::State::active);
  CHECK(has(follow(silent, status("running", 1), 30.5, 40).sentence, "ended without a word"));
  StatusReader asleep;
  (void)follow(asleep, status("running", 1), 0, 1);
  CHECK(follow(asleep, status("running", 1), 5000, 5001).state == JobNews::State::active); // the computer slept
  StatusReader gone;
  CHECK(follow(gone, status("running", 1), 0, 0.5, false).state == JobNews::State::active);
  CHECK(has(follow(gone, status("running", 1), 1, 3, false).sentence, "ended without a word"));
  StatusReader junk;
  CHECK(follow(junk, status("running", 1), 0, 1).state == JobNews::State::active);
  CHECK(follow(junk, std::string("\xFF{"), 1.5, 20).fraction == 0.5F);
  CHECK(has(follow(junk, std::string("[]"), 20.5, 60).sentence, "cannot be read"));
}

void a_result_becomes_takes() {
  Order order;
  order.track = "drums";
  order.start_frame = 1000;
  const auto output = [](const char* role, int start) {
    return std::string(R"({"file": "/a/)") + role + R"(.wav", "role": ")" + role +
           R"(", "sample_rate": 48000, "frames": 100, "start_frame": )" + std::to_string(start) + R"(, "fade_in_s": 0.001})";
  };
  const auto result = [](const std::string& outputs) {
    return R"({"warnings": ["Mind."], "parts": [{"takes": [{"take": 2, "outputs": [)" + outputs + "]}]}]}";
  };
  JobResult made = read_result(result(output("mix", -5) + ", " + output("drums", 7)), order);
  CHECK(made.takes.size() == 1 && made.takes[0].role == "drums" && made.takes[0].file == "/a/drums.wav");
  const TakeRegion& region = made.takes[0].region;
  CHECK(region.number == 2 && region.start_frame == 1007 && region.frames == 100 && region.rate_hz == 48000);
  CHECK(region.fade_frames == 48 && made.warning == "Mind." && made.roles.size() == 2);
  made = read_result(result(output("other", 0) + ", " + output("mix", -5)), order);
  CHECK(made.takes[0].role == "mix" && made.takes[0].region.start_frame == 995);
  CHECK(read_result(result(output("other", 0) + ", " + output("bass", 0)), order).takes[0].role == "other");
  for (const std::string& wrong : {std::string("{"), std::string("{}"), result(""), result("{}"), result("[]"), std::string("[1]")}) {
    bool is_refused = false;
    try {
      (void)read_result(wrong, order);
    } catch (const LinkError&) {
      is_refused = true;
    }
    CHECK(is_refused);
  }
}

std::string error_of_variation(Core& core) {
  try {
    (void)make_variation(core);
  } catch (const LinkError& error) {
    return error.what();
  }
  return "";
}

void put_take(Core& core, int number, int64_t start_frame, const std::string& file) {
  const auto bytes = signals::wav(signals::noise(200, static_cast<uint32_t>(number)), 44100);
  CHECK(core.put_take({number, start_frame, 200, 44100, 0, ""}, bytes, file));
}

void a_variation_names_the_take_and_keeps_it() {
  Core core(48000);
  CHECK(has(error_of_variation(core), "There is no take that could be varied"));
  put_take(core, 1, 500, "/bin/true"); // a file that is there
  put_take(core, 3, 500, "/bin/true");
  put_take(core, 2, 90'000, "/bin/true"); // elsewhere
  core.select(Selection{400, 200});
  core.parameters().set(Id::take, 2);
  CHECK(has(error_of_variation(core), "There is no take 2 here"));
  core.parameters().set(Id::take, 3);
  core.parameters().set(Id::takes, 2);
  core.parameters().set(Id::seed, 7); // that of Go
  core.parameters().set(Id::variation, 0.6F);
  Order order = make_variation(core);
  CHECK(order.again == "/bin/true" && order.variation == 0.6 && order.recording == nullptr);
  CHECK(order.start_frame == 500 && order.frames == 200 && order.rate_hz == 44100);
  CHECK((order.numbers == std::vector<int>{2, 4}) && order.fields.dump() == R"({"output": {"takes": 2}})");
  const Json request = make_request(order, "1", Machine(), "", "/media", "source-1.wav");
  const Json& part = request["parts"].items().front();
  CHECK(part["again"]["file"].text() == "/bin/true" && part["variation"].number() == 0.6);
  CHECK(!part.has("task") && !part.has("source") && request["title"].text() == "Vary");
  core.parameters().set(Id::takes, 8);
  CHECK((make_variation(core).numbers == std::vector<int>{2, 4, 5, 6, 7, 8, 1})); // 3 stays

  const std::string output = R"({"role": "mix", "file": "/a.wav", "sample_rate": 44100, "frames": 200, "start_frame": 77})";
  const auto result = [&](int take) { return R"({"parts": [{"takes": [{"take": )" + std::to_string(take) + R"(, "outputs": [)" + output + "]}]}]}"; };
  const TakeRegion region = read_result(result(2), order).takes[0].region;
  CHECK(region.number == 4 && region.start_frame == 500); // where the take is, wherever that lies in its source
  bool is_refused = false;
  try {
    (void)read_result(result(3), order); // more than were asked for
  } catch (const LinkError&) {
    is_refused = true;
  }
  CHECK(is_refused);
}

// A core with a recording, and a folder for its jobs.
struct Office : Studio {
  std::string path = "/tmp/acebridge-test-XXXXXX";
  Machine machine;
  Folder jobs = *Folder::open(::mkdtemp(path.data()));

  Office() { record(1000); }
  Office(const Office&) = delete;
  Office& operator=(const Office&) = delete;
  ~Office() { (void)std::system(("rm -rf " + path).c_str()); }
};

std::string outcome_of(const std::exception_ptr& thrown) {
  Office office;
  JobRunner runner(office.core, office.machine);
  runner.go(make_order, office.jobs, "/bin/true", "", "/media", [&] { std::rethrow_exception(thrown); });
  CHECK(runner.state() == JobRunner::State::failed && runner.number() == 1);
  return runner.report().sentence;
}

void whatever_is_thrown_is_said() {
  CHECK(has(outcome_of(std::make_exception_ptr(std::runtime_error("no entropy"))),
            "AceBridge failed in an unexpected way: no entropy. Try again."));
  CHECK(has(outcome_of(std::make_exception_ptr(std::bad_alloc())), "The computer has too little memory"));
  CHECK(outcome_of(std::make_exception_ptr(LinkError("It is full."))) == "It is full.");
}

void a_plug_in_that_ends_starts_nothing_and_says_nothing() {
  Office office;
  const auto end = [] { throw LinkEnds(); };
  const auto is_cut_short = [](const auto& act) {
    try {
      act();
    } catch (const LinkEnds&) {
      return true;
    }
    return false;
  };
  JobRunner runner(office.core, office.machine);
  CHECK(is_cut_short([&] { runner.go(make_order, office.jobs, "/bin/true", "", "/media", end); }));
  CHECK(runner.report().sentence.empty());
  const std::string body = "take 1 1000 4800 48000 0 " + std::string(64, 'a') + "\n";
  office.core.set_state(Key::regions, "acebridge-takes 1 " + sha256(body.data(), body.size()).substr(0, 16) + "\n" + body);
  AssetFinder finder(office.core, office.machine);
  CHECK(is_cut_short([&] { (void)finder.look(1, {}, &office.jobs, "/bin/true", end); }));
  CHECK(!finder.is_loading());
}

} // namespace

int main() {
  return check::run_all({
      {"what is missing is said", what_is_missing_is_said},
      {"a repaint sends all and names the selection", a_repaint_sends_all_and_names_the_selection},
      {"a repaint says what it is as loud as", a_repaint_says_what_it_is_as_loud_as},
      {"other tasks send the selection alone", other_tasks_send_the_selection_alone},
      {"new music needs no capture", new_music_needs_no_capture},
      {"the source is written exactly", the_source_is_written_exactly},
      {"the request says who asks", the_request_says_who_asks},
      {"a status is followed", a_status_is_followed},
      {"silence has a meaning", silence_has_a_meaning},
      {"a result becomes takes", a_result_becomes_takes},
      {"a variation names the take and keeps it", a_variation_names_the_take_and_keeps_it},
      {"whatever is thrown is said", whatever_is_thrown_is_said},
      {"a plug-in that ends starts nothing and says nothing", a_plug_in_that_ends_starts_nothing_and_says_nothing},
  });
}
