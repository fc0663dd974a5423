#include "check.hpp"
#include "signals.hpp"

#include <cmath>

using namespace acebridge;
using signals::Host;
using signals::Stereo;

namespace {

constexpr int64_t kStart = 5000;
constexpr size_t kFrames = 3000;
constexpr size_t kFade = 240;

struct Stage {
  Core core;
  Host host;
  Stereo take = signals::noise(kFrames, 21);
  Stereo input = signals::noise(12000, 22);

  explicit Stage(double rate_hz = 48000) : core(rate_hz) {
    host.rate_hz = rate_hz;
    host.time.playing = true;
    TakeRegion region;
    region.number = 1;
    region.start_frame = kStart;
    region.frames = kFrames;
    region.rate_hz = static_cast<uint32_t>(rate_hz);
    region.fade_frames = kFade;
    CHECK(core.put_take(region, signals::wav(take, region.rate_hz)));
  }

  void set(Mode mode) { core.parameters().set(Id::mode, static_cast<float>(mode)); }
};

// What has to come out, from the definition: equal power over kFade frames at both edges.
float truth(Mode mode, float input, float take, size_t i) {
  const size_t edge = std::min(i, kFrames - 1 - i);
  const double angle = edge < kFade ? (static_cast<double>(edge) + 0.5) / kFade * std::acos(-1.0) / 2 : std::acos(-1.0) / 2;
  const double input_gain = mode == Mode::add ? 1 : edge < kFade ? std::cos(angle) : 0;
  return static_cast<float>(input * input_gain + take * std::sin(angle));
}

void plays_at_its_place_at_any_block_size_and_rate() {
  for (const double rate_hz : {44100.0, 48000.0, 88200.0, 96000.0, 176400.0, 192000.0}) {
    for (const size_t block_frames : {1, 7, 64, 333, 512, 4096}) {
      Stage stage(rate_hz);
      stage.set(Mode::replace);
      const Stereo output = signals::play(stage.core, stage.host, 0, stage.input, block_frames);
      const size_t inside = kStart + kFade;
      const size_t inside_frames = kFrames - 2 * kFade;
      for (size_t channel = 0; channel < 2; ++channel) {
        const float* out = output[channel].data();
        CHECK(signals::equal(out, stage.input[channel].data(), kStart));
        CHECK(signals::equal(out + inside, stage.take[channel].data() + kFade, inside_frames));
        CHECK(signals::equal(out + kStart + kFrames, stage.input[channel].data() + kStart + kFrames, 12000 - kStart - kFrames));
      }
    }
  }
}

void crossfades_with_equal_power() {
  for (const Mode mode : {Mode::replace, Mode::add}) {
    Stage stage;
    stage.set(mode);
    const Stereo output = signals::play(stage.core, stage.host, 0, stage.input, 100);
    for (size_t channel = 0; channel < 2; ++channel) {
      for (size_t i = 0; i < kFrames; ++i) {
        const float want = truth(mode, stage.input[channel][kStart + i], stage.take[channel][i], i);
        CHECK(std::abs(output[channel][kStart + i] - want) < 1e-6F);
      }
    }
  }
}

void gives_the_same_at_each_block_size() {
  for (const Mode mode : {Mode::replace, Mode::add}) {
    Stage stage;
    stage.set(mode);
    const Stereo whole = signals::play(stage.core, stage.host, 0, stage.input, 12000);
    for (const size_t block_frames : {1, 50, 127, 1024}) {
      CHECK(signals::equal(whole, signals::play(stage.core, stage.host, 0, stage.input, block_frames)));
    }
  }
}

void passes_the_input_when_off_or_stopped() {
  Stage stage;
  CHECK(signals::equal(stage.input, signals::play(stage.core, stage.host, 0, stage.input, 512)));
  stage.set(Mode::replace);
  stage.host.time.playing = false;
  CHECK(signals::equal(stage.input, signals::play(stage.core, stage.host, 0, stage.input, 512)));
}

void works_in_place() {
  Stage stage;
  stage.set(Mode::add);
  const Stereo want = signals::play(stage.core, stage.host, 0, stage.input, 512);
  Stereo audio = stage.input;
  for (size_t i = 0; i < 12000; i += 500) {
    const std::array<float*, 2> channels{audio[0].data() + i, audio[1].data() + i};
    stage.core.process(stage.host.at(static_cast<int64_t>(i)), channels.data(), channels.data(), 500);
  }
  CHECK(signals::equal(want, audio));
}

void follows_jumps_and_loops() {
  Stage stage;
  stage.set(Mode::replace);
  const Stereo linear = signals::play(stage.core, stage.host, 0, stage.input, 512);
  for (int pass = 0; pass < 3; ++pass) { // a loop whose ends lie inside the take
    const Stereo output = signals::play(stage.core, stage.host, 5500, signals::part(stage.input, 5500, 1700), 64);
    CHECK(signals::equal(output, signals::part(linear, 5500, 1700)));
  }
}

void plays_the_take_that_is_chosen() {
  Stage stage;
  stage.set(Mode::replace);
  TakeRegion region;
  region.number = 2;
  region.start_frame = kStart;
  region.frames = kFrames;
  region.rate_hz = 48000;
  const Stereo second = signals::noise(kFrames, 23);
  CHECK(stage.core.put_take(region, signals::wav(second, 48000)));
  stage.core.parameters().set(Id::take, 2);
  const Stereo output = signals::play(stage.core, stage.host, 0, stage.input, 512);
  CHECK(signals::equal(signals::part(output, kStart, kFrames), second)); // no fade: the whole take
}

void switches_without_a_click() {
  Stage stage;
  const Stereo flat{std::vector<float>(kFrames, 0.5F), std::vector<float>(kFrames, 0.5F)};
  const Stereo silence{std::vector<float>(2000), std::vector<float>(2000)};
  stage.core.clear_takes();
  TakeRegion region;
  region.start_frame = 0;
  region.frames = kFrames;
  region.rate_hz = 48000;
  CHECK(stage.core.put_take(region, signals::wav(flat, 48000)));
  signals::play(stage.core, stage.host, 0, signals::part(silence, 0, 500), 100);
  stage.set(Mode::replace);
  const Stereo output = signals::play(stage.core, stage.host, 500, signals::part(silence, 0, 1000), 100);
  for (size_t i = 1; i < 1000; ++i) {
    CHECK(std::abs(output[0][i] - output[0][i - 1]) < 0.003F);
  }
  CHECK(output[0][0] < 0.01F && output[0][TakePlayer::kSwitchFrames] == 0.5F && output[0][999] == 0.5F);
}

void passes_each_bit_of_odd_values() {
  Stage stage;
  stage.set(Mode::add);
  Stereo odd = signals::noise(64, 24);
  const std::array<uint32_t, 6> bits{0x7fc01234, 0xffc00001, 0x7f800000, 0x80000000, 0x00000001, 0x7f812345};
  for (size_t i = 0; i < bits.size(); ++i) {
    std::memcpy(&odd[0][i], &bits[i], sizeof(float));
  }
  CHECK(signals::equal(odd, signals::play(stage.core, stage.host, 0, odd, 7)));
}

} // namespace

int main() {
  return check::run_all({
      {"plays at its place at any block size and rate", plays_at_its_place_at_any_block_size_and_rate},
      {"crossfades with equal power", crossfades_with_equal_power},
      {"gives the same at each block size", gives_the_same_at_each_block_size},
      {"passes the input when off or stopped", passes_the_input_when_off_or_stopped},
      {"works in place", works_in_place},
      {"follows jumps and loops", follows_jumps_and_loops},
      {"plays the take that is chosen", plays_the_take_that_is_chosen},
      {"switches without a click", switches_without_a_click},
      {"passes each bit of odd values", passes_each_bit_of_odd_values},
  });
}
