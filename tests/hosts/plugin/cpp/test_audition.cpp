#include "check.hpp"
#include "loudness.hpp"
#include "signals.hpp"

#include <cmath>

using namespace acebridge;
using signals::Host;
using signals::Stereo;

namespace {

constexpr int64_t kPlace = 10000;
constexpr size_t kFrames = 40000;
constexpr size_t kFade = AuditionPlayer::kFadeFrames;

Stereo scaled(Stereo audio, float gain) {
  for (auto& channel : audio) {
    for (float& sample : channel) {
      sample *= gain;
    }
  }
  return audio;
}

// A core with a recording from frame 8,000 on and two takes at kPlace: the second is half as loud as the others.
struct Stage {
  Core core{48000};
  Host host;
  Stereo recorded = signals::noise(60000, 71);
  std::array<Stereo, 2> takes{signals::noise(kFrames, 72), scaled(signals::noise(kFrames, 73), 0.5F)};
  Stereo input = signals::noise(4000, 74);

  Stage() {
    core.parameters().set(Id::capture, 1);
    host.time.playing = true;
    signals::play(core, host, 8000, recorded, 512);
    core.parameters().set(Id::capture, 0);
    signals::play(core, host, 68000, signals::part(input, 0, 64), 64);
    host.time.playing = false;
    put(1, takes[0], kPlace);
    put(2, takes[1], kPlace);
  }

  void put(int number, const Stereo& audio, int64_t start_frame) {
    TakeRegion region;
    region.number = number;
    region.start_frame = start_frame;
    region.frames = static_cast<int64_t>(audio[0].size());
    region.rate_hz = 48000;
    CHECK(core.put_take(region, signals::wav(audio, 48000)));
  }

  Stereo play(size_t frames, size_t block_frames = 512) {
    Stereo output{std::vector<float>(frames), std::vector<float>(frames)};
    for (size_t i = 0; i < frames; i += input[0].size()) {
      const size_t count = std::min(input[0].size(), frames - i);
      const Stereo piece = signals::play(core, host, 0, signals::part(input, 0, count), block_frames);
      for (size_t channel = 0; channel < 2; ++channel) {
        std::copy(piece[channel].begin(), piece[channel].end(), output[channel].begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    return output;
  }

  // Whether `output` from `at` on is `source` from `from` on, turned to `gain`.
  static bool is_heard(const Stereo& output, size_t at, size_t count, const Stereo& source, size_t from, double gain) {
    bool is_equal = true;
    for (size_t channel = 0; channel < 2; ++channel) {
      for (size_t i = 0; i < count; ++i) {
        is_equal = is_equal && std::abs(output[channel][at + i] - source[channel][from + i] * gain) < 1e-5;
      }
    }
    return is_equal;
  }
};

double lufs_of(const Stereo& audio) { return integrated_lufs(audio, 48000); }

void takes_and_recording_are_heard_equally_loud() {
  Stage stage;
  const std::array<Stereo, 3> sources{signals::part(stage.recorded, kPlace - 8000, kFrames), stage.takes[0], stage.takes[1]};
  for (int number = 0; number < 3; ++number) {
    const Stereo& source = sources[static_cast<size_t>(number)];
    const double gain = std::pow(10, (lufs_of(stage.takes[1]) - lufs_of(source)) / 20);
    CHECK(gain <= 1.0);
    stage.core.audition(number);
    const Stereo output = stage.play(kFrames + 1000);
    CHECK(Stage::is_heard(output, kFade, kFrames - 2 * kFade, source, kFade, gain));
    CHECK(stage.core.auditioning().number == kNoAudition);
    for (size_t channel = 0; channel < 2; ++channel) {
      CHECK(signals::equal(output[channel].data() + kFrames, stage.input[channel].data(), 1000));
    }
  }
}

void another_number_goes_on_at_the_same_frame() {
  Stage stage;
  stage.core.audition(1);
  stage.play(2000);
  CHECK(stage.core.auditioning().number == 1);
  CHECK(stage.core.auditioning().frame == 2000 && stage.core.auditioning().frames == int64_t{kFrames});
  stage.core.audition(2);
  CHECK(stage.core.auditioning().number == 2);
  CHECK(Stage::is_heard(stage.play(3000), kFade, 3000 - kFade, stage.takes[1], 2000 + kFade, 1));
  stage.core.audition(kNoAudition);
  CHECK(signals::equal(signals::part(stage.play(1000), kFade, 1000 - kFade), signals::part(stage.input, kFade, 1000 - kFade)));
  stage.core.audition(2); // from the beginning again
  CHECK(Stage::is_heard(stage.play(1000), kFade, 1000 - kFade, stage.takes[1], kFade, 1));
}

void it_sounds_the_same_at_each_block_size() {
  Stereo want;
  for (const size_t block_frames : {4000, 1, 77, 256, 1000}) {
    Stage stage;
    stage.core.audition(1);
    Stereo output = stage.play(2000, block_frames);
    stage.core.audition(0);
    const Stereo rest = stage.play(2000, block_frames);
    for (size_t channel = 0; channel < 2; ++channel) {
      output[channel].insert(output[channel].end(), rest[channel].begin(), rest[channel].end());
    }
    want = want[0].empty() ? output : want;
    CHECK(signals::equal(want, output));
  }
}

void it_begins_changes_and_ends_without_a_click() {
  Stage stage;
  stage.put(1, {std::vector<float>(kFrames, 0.5F), std::vector<float>(kFrames, 0.5F)}, kPlace);
  stage.put(2, {std::vector<float>(kFrames, -0.5F), std::vector<float>(kFrames, -0.5F)}, kPlace);
  stage.input = {std::vector<float>(4000), std::vector<float>(4000)};
  std::vector<float> heard;
  for (const int number : {1, 2, 1, kNoAudition, 2}) {
    stage.core.audition(number);
    const Stereo output = stage.play(number == 2 ? 300 : 100, 50); // some of them before the last crossfade has ended
    heard.insert(heard.end(), output[0].begin(), output[0].end());
  }
  const Stereo rest = stage.play(kFrames, 50);
  heard.insert(heard.end(), rest[0].begin(), rest[0].end());
  for (size_t i = 1; i < heard.size(); ++i) {
    CHECK(std::abs(heard[i] - heard[i - 1]) < 0.0045F);
  }
  CHECK(heard.back() == 0);
}

void a_rolling_transport_ends_it() {
  Stage stage;
  stage.core.audition(1);
  stage.play(1000);
  stage.host.time.playing = true;
  CHECK(signals::equal(signals::part(stage.play(1000), kFade, 1000 - kFade), signals::part(stage.input, kFade, 1000 - kFade)));
  CHECK(stage.core.auditioning().number == kNoAudition);
  stage.core.audition(1);
  CHECK(signals::equal(stage.play(1000), signals::part(stage.input, 0, 1000)));
  CHECK(stage.core.auditioning().number == kNoAudition);
}

void an_unknown_number_ends_it() {
  Stage stage;
  for (const int wrong : {3, 99, -7, kNoAudition}) {
    stage.core.audition(1);
    stage.core.audition(wrong);
    CHECK(stage.core.auditioning().number == kNoAudition);
  }
  CHECK(signals::equal(stage.play(1000), signals::part(stage.input, 0, 1000)));
  stage.put(1, signals::noise(500, 75), 1000000); // no recording covers this place, the latest
  stage.core.audition(0);
  CHECK(stage.core.auditioning().number == kNoAudition);
  stage.core.select(Selection{kPlace + 100, 100}); // but one covers the place that the selection touches
  stage.core.audition(0);
  CHECK(stage.core.auditioning().number == 0);
  stage.core.clear_takes();
  CHECK(stage.core.auditioning().number == kNoAudition);
  Core empty(48000);
  empty.audition(1);
  CHECK(empty.auditioning().number == kNoAudition);
}

void a_take_that_comes_meanwhile_is_heard_at_the_same_frame() {
  Stage stage;
  stage.core.audition(1);
  stage.play(2000);
  const Stereo fresh = scaled(signals::noise(kFrames, 76), 0.25F);
  stage.put(1, fresh, kPlace);
  CHECK(stage.core.auditioning().number == 1);
  CHECK(Stage::is_heard(stage.play(3000), 2 * kFade, 1000, fresh, 2000 + 2 * kFade, 1)); // out, then in
  stage.core.collect();
}

void loudness_of_known_signals() { // a stereo sine of 997 Hz at full scale has 0 LUFS to the rounding of the Recommendation
  Stereo sine{std::vector<float>(48000), std::vector<float>(48000)};
  for (size_t i = 0; i < 48000; ++i) {
    sine[0][i] = sine[1][i] = static_cast<float>(std::sin(2 * std::acos(-1.0) * 997 * static_cast<double>(i) / 48000));
  }
  CHECK(std::abs(lufs_of(sine)) < 0.02);
  CHECK(std::abs(lufs_of(scaled(sine, 0.1F)) + 20) < 0.02);
  CHECK(lufs_of({std::vector<float>(48000), std::vector<float>(48000)}) == kSilentLufs);
  CHECK(lufs_of({}) == kSilentLufs);
}

} // namespace

int main() {
  return check::run_all({
      {"takes and recording are heard equally loud", takes_and_recording_are_heard_equally_loud},
      {"another number goes on at the same frame", another_number_goes_on_at_the_same_frame},
      {"it sounds the same at each block size", it_sounds_the_same_at_each_block_size},
      {"it begins, changes and ends without a click", it_begins_changes_and_ends_without_a_click},
      {"a rolling transport ends it", a_rolling_transport_ends_it},
      {"an unknown number ends it", an_unknown_number_ends_it},
      {"a take that comes meanwhile is heard at the same frame", a_take_that_comes_meanwhile_is_heard_at_the_same_frame},
      {"loudness of known signals", loudness_of_known_signals},
  });
}
