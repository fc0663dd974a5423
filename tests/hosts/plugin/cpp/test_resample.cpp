#include "check.hpp"
#include "resample.hpp"
#include "signals.hpp"

#include <cmath>

using namespace acebridge;
using signals::Host;
using signals::Stereo;

namespace {

void frame_numbers_are_the_nearest_ones() {
  CHECK(frames_to_frames(44100, 44100, 48000) == 48000 && frames_to_frames(-44100, 44100, 48000) == -48000);
  CHECK(frames_to_frames(1, 96000, 48000) == 1 && frames_to_frames(-1, 96000, 48000) == 0); // halves round up
  CHECK(frames_to_frames(-3, 96000, 48000) == -1 && frames_to_frames(3, 96000, 48000) == 2);
  const int64_t latest = int64_t{1} << 48U;
  CHECK(frames_to_frames(latest, 8000, 768000) == latest * 96 && frames_to_frames(-latest, 8000, 768000) == latest * -96);
}

void the_same_rate_leaves_every_bit() {
  const Stereo audio = signals::noise(100, 81);
  CHECK(signals::equal(resample(audio, 44100, 44100), audio));
}

void a_constant_stays_one_in_the_middle() {
  const Stereo flat{std::vector<float>(2000, 0.5F), std::vector<float>(2000, -0.25F)};
  for (const uint32_t rate_hz : {44100, 32000, 96000, 44101}) { // the last one has more phases than are stored
    const Stereo out = resample(flat, 48000, rate_hz);
    CHECK(frames_of(out) == frames_to_frames(2000, 48000, rate_hz));
    for (size_t i = 400; i + 400 < out[0].size(); ++i) {
      CHECK(std::abs(out[0][i] - 0.5F) < 1e-6F && std::abs(out[1][i] + 0.25F) < 1e-6F);
    }
  }
  CHECK(resample({}, 44100, 48000)[0].empty());
}

void a_take_of_another_rate_plays_at_its_time() {
  for (const int64_t start_frame : {4411, -2205}) {
    Core core(48000);
    Host host;
    host.time.playing = true;
    core.parameters().set(Id::mode, 1);
    const Stereo take = signals::noise(3000, 82);
    TakeRegion region;
    region.start_frame = start_frame;
    region.frames = 3000;
    region.rate_hz = 44100;
    CHECK(core.put_take(region, signals::wav(take, 44100)));
    const Stereo input = signals::noise(12000, 83);
    const Stereo output = signals::play(core, host, -3000, input, 512);
    const int64_t first = frames_to_frames(start_frame, 44100, 48000) + 3000;
    const Stereo want = resample(take, 44100, 48000);
    for (size_t channel = 0; channel < 2; ++channel) {
      for (int64_t i = 0; i < 12000; ++i) {
        const bool is_inside = i >= first && i < first + frames_of(want);
        const float truth = is_inside ? want[channel][static_cast<size_t>(i - first)] : input[channel][static_cast<size_t>(i)];
        CHECK(output[channel][static_cast<size_t>(i)] == truth);
      }
    }
    const std::string saved = core.get_state(Key::regions); // in frames of the file, whatever the project's rate is
    CHECK(saved.find("take 1 " + std::to_string(start_frame) + " 3000 44100 0 ") != std::string::npos);
    core.prepare(44100);
    CHECK(core.status() == Status::ready && core.get_state(Key::regions) == saved);
    CHECK(signals::equal(signals::play(core, host, start_frame, signals::part(input, 0, 3000), 512), take));
  }
}

void a_take_made_again_at_another_rate_takes_the_place() {
  Core core(48000);
  TakeRegion region;
  region.start_frame = 96000;
  region.frames = 500;
  region.rate_hz = 48000;
  CHECK(core.put_take(region, signals::wav(signals::noise(500, 84), 48000)));
  region.start_frame = 88200;
  region.rate_hz = 44100;
  CHECK(core.put_take(region, signals::wav(signals::noise(500, 84), 44100)));
  CHECK(core.takes().size() == 1 && core.takes().at(0).rate_hz == 44100);
}

void rates_that_no_audio_has_are_refused() {
  for (const uint32_t rate_hz : {0U, 1U, kLowestRate - 1, kHighestRate + 1}) {
    Core core(48000);
    TakeRegion region;
    region.frames = 50;
    region.rate_hz = rate_hz;
    CHECK(!core.put_take(region, signals::wav(signals::noise(50, 85), rate_hz)));
    CHECK(core.takes().empty() && core.status() == Status::ready);
  }
}

} // namespace

int main() {
  return check::run_all({
      {"frame numbers are the nearest ones", frame_numbers_are_the_nearest_ones},
      {"the same rate leaves every bit", the_same_rate_leaves_every_bit},
      {"a constant stays one in the middle", a_constant_stays_one_in_the_middle},
      {"a take of another rate plays at its time", a_take_of_another_rate_plays_at_its_time},
      {"a take made again at another rate takes the place", a_take_made_again_at_another_rate_takes_the_place},
      {"rates that no audio has are refused", rates_that_no_audio_has_are_refused},
  });
}
