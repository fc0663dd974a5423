// The audio thread beside threads that collect, save, restore and change takes. TSan looks on.
#include "check.hpp"
#include "signals.hpp"

#include <atomic>
#include <thread>

using namespace acebridge;

namespace {

constexpr uint32_t kBlock = 64;
constexpr int64_t kLoop = int64_t{1} << 20U;

// A sample that says which frame it is.
float sample_of(int64_t frame) { return static_cast<float>(frame); }

void play(Core& core, int blocks) {
  signals::Host host;
  host.time.playing = true;
  signals::Stereo input = signals::noise(kBlock, 61);
  signals::Stereo output = input;
  const std::array<const float*, 2> in{input[0].data(), input[1].data()};
  const std::array<float*, 2> out{output[0].data(), output[1].data()};
  for (int i = 0; i < blocks; ++i) {
    const int64_t frame = int64_t{i} * kBlock % kLoop;
    for (uint32_t k = 0; k < kBlock; ++k) {
      input[0][k] = sample_of(frame + k);
      input[1][k] = -sample_of(frame + k);
    }
    host.time.tempo_bpm = 120 + i / 1000 % 3;
    host.time.playing = i % 2000 < 1500;
    core.process(host.at(frame), in.data(), out.data(), kBlock);
    (void)core.value(static_cast<size_t>(Id::state));
  }
}

void change(Core& core, const std::atomic<bool>& stop) {
  for (int i = 0; !stop.load(); ++i) {
    TakeRegion region;
    region.number = 1 + i % 3;
    region.start_frame = 1000 * (i % 5);
    region.frames = 200 + i % 7;
    region.rate_hz = 48000;
    core.put_take(region, signals::wav(signals::noise(static_cast<size_t>(region.frames), 62), 48000));
    core.set_state(Key::caption, "caption " + std::to_string(i));
    core.set_state(Key::regions, core.get_state(Key::regions));
    core.parameters().set(Id::mode, static_cast<float>(i % 3));
    core.report({Status::working, 0.5F, -1, "", false});
    core.audition(i % 5 - 1);
    core.collect();
    std::this_thread::yield();
  }
}

void read(Core& core, const std::atomic<bool>& stop) {
  while (!stop.load()) {
    (void)core.get_state(Key::captures);
    (void)core.status();
    (void)core.auditioning();
    std::this_thread::yield();
  }
}

void threads_do_not_disturb_each_other() {
  Core core(48000);
  core.parameters().set(Id::capture, 1);
  std::atomic<bool> stop{false};
  std::thread changer([&] { change(core, stop); });
  std::thread reader([&] { read(core, stop); });
  std::thread player([&] { play(core, 40000); });
  player.join();
  stop = true;
  changer.join();
  reader.join();
  core.parameters().set(Id::capture, 0);
  play(core, 1);
  const auto recordings = core.recordings();
  CHECK(!recordings.empty());
  bool is_right = true;
  for (const auto& recording : recordings) {
    for (int64_t i = 0; i < recording->frames(); ++i) {
      const auto left = static_cast<size_t>(2 * i);
      const float want = sample_of(recording->start.frame + i);
      is_right = is_right && recording->samples[left] == want && recording->samples[left + 1] == -want;
    }
  }
  CHECK(is_right);
}

// A host changes the rate while its audio stands still; a window goes on looking.
void the_rate_changes_while_others_look() {
  Core core(48000);
  core.parameters().set(Id::capture, 1);
  std::atomic<bool> stop{false};
  std::thread reader([&] { read(core, stop); });
  for (int i = 0; i < 20; ++i) {
    core.prepare(i % 2 == 0 ? 44100 : 48000);
    play(core, 10);
  }
  stop = true;
  reader.join();
  CHECK(core.status() == Status::capturing);
}

} // namespace

int main() {
  return check::run_all({
      {"threads do not disturb each other", threads_do_not_disturb_each_other},
      {"the rate changes while others look", the_rate_changes_while_others_look},
  });
}
