// The built CLAP plug-in in a host of our own; its first argument is the binary.
#include "check.hpp"
#include "clap_host.hpp"
#include "sha256.hpp"

#ifdef WITH_REALTIME_GUARD
#include "realtime_guard.hpp"
#endif

using namespace acebridge;
using small_host::Instance;
using small_host::Library;
using signals::Stereo;

namespace {

const Library* library = nullptr;

// The plug-in's saved text for a key: keys and values end with zeros.
std::string value_of(const std::string& chunk, const std::string& key) {
  const std::string name = std::string(1, '\0') + key + '\0';
  const size_t start = chunk.find(name);
  return start == std::string::npos ? "no such key" : std::string(chunk.c_str() + start + name.size());
}

std::string chunk_of(const std::string& key, const std::string& value) {
  const std::string end(1, '\0');
  return "__dpf_state_begin__" + end + key + end + value + end + "__dpf_state_end__" + end + "\xFE" + end;
}

std::string take_at(int64_t start_frame, const Stereo& audio, uint32_t rate_hz) {
  TakeState state;
  const Bytes file = signals::wav(audio, rate_hz);
  TakeRegion region;
  region.start_frame = start_frame;
  region.frames = static_cast<int64_t>(audio[0].size());
  region.rate_hz = rate_hz;
  region.sha256 = sha256(file->data(), file->size());
  state.takes.push_back(region);
  state.assets[region.sha256] = file;
  return encode_state(state);
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void passes_audio_bit_for_bit() {
  const Stereo input = signals::noise(9000, 91);
  for (const double rate_hz : {44100.0, 48000.0, 96000.0, 192000.0}) {
    Instance instance(*library, rate_hz);
    for (const size_t block_frames : {1, 64, 441, 4096}) {
      CHECK(signals::equal(input, instance.process(0, true, input, block_frames)));
      CHECK(signals::equal(input, instance.process(0, false, input, block_frames)));
    }
  }
}

void captures_at_the_position_in_the_song() {
  Instance instance(*library, 44100);
  instance.set(Id::capture, 1);
  instance.process(88200, true, signals::noise(4410, 92), 441);
  instance.process(44100, true, signals::noise(4410, 92), 441); // the loop wraps
  instance.process(500000, true, signals::noise(4410, 92), 441);
  CHECK(instance.get(Id::state) == static_cast<double>(Status::capturing));
  instance.process(0, false, signals::noise(441, 92), 441);
  const std::string captures = value_of(instance.save(), "captures");
  CHECK(contains(captures, "frame 88200 frames 4410 rate 44100 bar 2 beat 1.0"));
  CHECK(contains(captures, "frame 44100 frames 4410 rate 44100 bar 1 beat 3.0"));
  CHECK(contains(captures, "end back") && contains(captures, "end forward") && contains(captures, "end stop"));
}

void counts_bars_in_every_meter() {
  struct Case {
    uint16_t numerator;
    uint16_t denominator;
    const char* start; // of the second bar
    int64_t frame;
  };
  for (const Case& meter : {Case{3, 4, "bar 2 beat 1.0", 72000}, Case{6, 8, "bar 2 beat 1.0", 72000}, Case{7, 8, "bar 2 beat 1.0", 84000},
                            Case{1, 8, "bar 2 beat 1.0", 12000}, Case{0, 0, "meter", 0}}) {
    Instance instance(*library, 48000);
    instance.transport().tsig_num = meter.numerator;
    instance.transport().tsig_denom = meter.denominator;
    instance.set(Id::capture, 1);
    instance.process(meter.frame, true, signals::noise(64, 93), 64);
    CHECK(contains(value_of(instance.save(), "captures"), meter.start));
  }
}

void saves_and_restores_unicode() {
  Instance instance(*library, 48000);
  const std::string caption = "Grüße 日本 🎹";
  CHECK(instance.load(chunk_of("caption", caption), 5));
  instance.set(Id::strength, 0.25);
  instance.set(Id::seed, 16777215);
  const std::string saved = instance.save(7);
  CHECK(saved == instance.save());
  Instance again(*library, 48000);
  CHECK(again.load(saved, 3));
  CHECK(value_of(again.save(), "caption") == caption);
  CHECK(again.get(Id::strength) == 0.25 && again.get(Id::seed) == 16777215);
}

void opens_a_project_of_before_there_was_a_parameter() {
  const auto without = [](std::string chunk, const char* key) {
    const std::string word = std::string(1, '\0') + key + std::string(1, '\0');
    const size_t begin = chunk.find(word);
    CHECK(begin != std::string::npos);
    return chunk.erase(begin, chunk.find('\0', begin + word.size()) - begin);
  };
  Instance instance(*library, 48000);
  instance.set(Id::match_loudness, 2);
  instance.set(Id::strength, 0.25);
  const std::string saved = instance.save();
  Instance same(*library, 48000);
  CHECK(same.load(saved) && same.get(Id::match_loudness) == 2 && same.get(Id::strength) == 0.25);
  Instance older(*library, 48000);
  CHECK(older.load(without(saved, "match_loudness")));
  CHECK(older.get(Id::match_loudness) == 0 && older.get(Id::strength) == 0.25);
}

void plays_a_take_that_was_saved() {
  const Stereo take = signals::noise(3000, 94);
  const Stereo input = signals::noise(9000, 95);
  Instance instance(*library, 96000);
  CHECK(instance.load(chunk_of("regions", take_at(2500, take, 96000))));
  instance.set(Id::mode, static_cast<double>(Mode::replace));
  for (const size_t block_frames : {1, 100, 4096}) {
    const Stereo output = instance.process(0, true, input, block_frames);
    CHECK(signals::equal(signals::part(output, 0, 2500), signals::part(input, 0, 2500)));
    CHECK(signals::equal(signals::part(output, 2500, 3000), take));
    CHECK(signals::equal(signals::part(output, 5500, 3500), signals::part(input, 5500, 3500)));
  }
}

void says_what_is_wrong_with_a_saved_take() {
  Instance instance(*library, 48000);
  const std::string state = take_at(0, signals::noise(10, 96), 44100); // resampled
  CHECK(instance.load(chunk_of("regions", state)));
  CHECK(instance.get(Id::state) == static_cast<double>(Status::ready));
  CHECK(instance.load(chunk_of("regions", state + "x")));
  CHECK(instance.get(Id::state) == static_cast<double>(Status::damaged));
  CHECK(instance.load(chunk_of("regions", "acebridge-takes 9 later")));
  CHECK(instance.get(Id::state) == static_cast<double>(Status::newer));
  CHECK(value_of(instance.save(), "regions") == "acebridge-takes 9 later");
}

void survives_damaged_chunks() {
  std::mt19937 random(97);
  Instance instance(*library, 48000);
  const std::string good = chunk_of("regions", take_at(0, signals::noise(20, 98), 48000));
  const Stereo input = signals::noise(64, 99);
  for (int i = 0; i < 1000; ++i) {
    std::string chunk = good;
    for (unsigned k = 0; k <= random() % 4; ++k) {
      chunk[random() % chunk.size()] = static_cast<char>(random());
    }
    chunk.resize(random() % 3 == 0 ? random() % chunk.size() : chunk.size());
    instance.load(chunk);
    instance.process(0, true, input, 64);
  }
  CHECK(signals::equal(input, instance.process(0, false, input, 64)));
}

void instances_do_not_share_anything() {
  Instance first(*library, 48000);
  Instance second(*library, 44100);
  first.set(Id::capture, 1);
  first.process(0, true, signals::noise(512, 100), 512);
  CHECK(second.get(Id::capture) == 0 && value_of(second.save(), "captures").empty());
}

#ifdef WITH_REALTIME_GUARD
void process_is_safe_for_the_audio_thread() {
  static realtime::Scope* scope = nullptr;
  alignas(realtime::Scope) static char memory[sizeof(realtime::Scope)];
  Instance instance(*library, 48000);
  CHECK(instance.load(chunk_of("regions", take_at(1000, signals::noise(3000, 101), 48000))));
  instance.set(Id::capture, 1);
  realtime::reset();
  for (int i = 0; i < 200; ++i) {
    instance.transport().tempo = 100 + i % 7;
    instance.process(
        i % 5 * 500, i % 9 != 0, signals::noise(5000, 102), 100, [] { scope = new (memory) realtime::Scope(); }, [] { scope->~Scope(); });
    if (i % 10 == 0) {
      instance.set(Id::mode, i / 10 % 3);
      instance.set(Id::go, 1);
    }
  }
  CHECK(realtime::violations() == 0);
  (void)std::printf("first violation: %s\n", realtime::first_violation());
}
#endif

} // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    (void)std::fprintf(stderr, "usage: test_clap AceBridge.clap\n");
    return 2;
  }
  const Library loaded(arguments[1]);
  library = &loaded;
  return check::run_all({
      {"passes audio bit for bit", passes_audio_bit_for_bit},
      {"captures at the position in the song", captures_at_the_position_in_the_song},
      {"counts bars in every meter", counts_bars_in_every_meter},
      {"saves and restores Unicode", saves_and_restores_unicode},
      {"opens a project of before there was a parameter", opens_a_project_of_before_there_was_a_parameter},
      {"plays a take that was saved", plays_a_take_that_was_saved},
      {"says what is wrong with a saved take", says_what_is_wrong_with_a_saved_take},
      {"survives damaged chunks", survives_damaged_chunks},
      {"instances do not share anything", instances_do_not_share_anything},
#ifdef WITH_REALTIME_GUARD
      {"process is safe for the audio thread", process_is_safe_for_the_audio_thread},
#endif
  });
}
