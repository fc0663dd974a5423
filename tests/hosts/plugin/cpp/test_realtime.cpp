// The audio thread's part of the core, under the guard; and the guard itself.
#include "check.hpp"
#include "realtime_guard.hpp"
#include "signals.hpp"

#include <fcntl.h>
#include <mutex>
#include <unistd.h>

using namespace acebridge;

namespace {

template <typename Action> int count(Action action) {
  realtime::reset();
  {
    const realtime::Scope scope;
    action();
  }
  return realtime::violations();
}

void guard_counts_what_is_forbidden() {
  CHECK(count([] {}) == 0);
  CHECK(count([] { delete new std::vector<int>(100); }) >= 4);
  CHECK(count([] {
          std::string text(1000, 'x');
          CHECK(text.size() == 1000);
        }) >= 2);
  std::mutex mutex;
  CHECK(count([&] { const std::lock_guard lock(mutex); }) >= 1);
  CHECK(count([] {
          const int file = open("/dev/null", O_RDONLY);
          char byte = 0;
          CHECK(read(file, &byte, 1) == 0);
          close(file);
        }) == 2);
}

// Each thing that `process` does: capture with cuts, tempo changes, overflow; takes that come, play, change and go.
void process_is_safe_for_the_audio_thread() {
  Core core(48000);
  signals::Host host;
  core.parameters().set(Id::capture, 1);
  const signals::Stereo input = signals::noise(512, 51);
  signals::Stereo output = input;
  const std::array<const float*, 2> in{input[0].data(), input[1].data()};
  const std::array<float*, 2> out{output[0].data(), output[1].data()};
  realtime::reset();
  for (int i = 0; i < 3000; ++i) {
    if (i % 500 == 100) {
      TakeRegion region;
      region.number = 1 + i % 2;
      region.start_frame = i * 512;
      region.frames = 3000;
      region.rate_hz = 48000;
      region.fade_frames = 100;
      CHECK(core.put_take(region, signals::wav(signals::noise(3000, 52), 48000)));
    }
    core.parameters().set(Id::mode, static_cast<float>(i / 7 % 3));
    core.parameters().set(Id::take, static_cast<float>(1 + i / 13 % 2));
    core.parameters().set(Id::go, static_cast<float>(i % 3 == 0));
    host.time.playing = i % 50 != 0;
    host.time.tempo_bpm = 100 + i % 10;
    const int64_t frame = (i % 400 < 300 ? i : i + 1000) * 512;
    const HostTime time = host.at(frame);
    {
      const realtime::Scope scope;
      core.process(time, in.data(), out.data(), 512);
      (void)core.value(static_cast<size_t>(Id::state));
    }
    if (i > 2000) {
      core.collect(); // until then the ring overflows
    }
  }
  CHECK(core.status() == Status::lost);
  CHECK(!core.recordings().empty());
  CHECK(realtime::violations() == 0);
  (void)std::printf("first violation: %s\n", realtime::first_violation());
}

// Auditions that begin, change and end, while takes come and memory goes.
void audition_is_safe_for_the_audio_thread() {
  Core core(48000);
  signals::Host host;
  const signals::Stereo input = signals::noise(100, 53);
  signals::Stereo output = input;
  const std::array<const float*, 2> in{input[0].data(), input[1].data()};
  const std::array<float*, 2> out{output[0].data(), output[1].data()};
  realtime::reset();
  int heard = 0;
  for (int i = 0; i < 2000; ++i) {
    if (i % 100 == 0) {
      TakeRegion region;
      region.number = 1 + i / 100 % 3;
      region.frames = 3000;
      region.rate_hz = 48000;
      CHECK(core.put_take(region, signals::wav(signals::noise(3000, 54), 48000)));
    }
    if (i % 7 == 0) {
      core.audition(i / 7 % 6 - 1);
    }
    host.time.playing = i % 300 > 280;
    const HostTime time = host.at(0);
    {
      const realtime::Scope scope;
      core.process(time, in.data(), out.data(), 100);
      heard += core.auditioning().number > 0 ? 1 : 0;
    }
    core.collect();
  }
  CHECK(heard > 500);
  CHECK(realtime::violations() == 0);
  (void)std::printf("first violation: %s\n", realtime::first_violation());
}

} // namespace

int main() {
  return check::run_all({
      {"guard counts what is forbidden", guard_counts_what_is_forbidden},
      {"process is safe for the audio thread", process_is_safe_for_the_audio_thread},
      {"audition is safe for the audio thread", audition_is_safe_for_the_audio_thread},
  });
}
