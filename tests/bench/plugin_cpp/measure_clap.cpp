// Measures a CLAP plug-in:
//
//   measure_clap cpu FILE MODE BLOCK        prints the median time of a block in nanoseconds; MODE: plain, capture or take
//   measure_clap memory FILE INSTANCES      prints the resident size in bytes with this many instances at work
#include "clap_host.hpp"
#include "sha256.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <thread>
#include <unistd.h>

using namespace acebridge;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int kBlocks = 4000;
constexpr size_t kTakeFrames = 400000;
constexpr int64_t kFramesOfANap = 65536; // then the plug-in's own thread takes over what was captured

Clock::time_point began;
std::vector<double> times_ns;

void begin() { began = Clock::now(); }
void end() { times_ns.push_back(std::chrono::duration<double, std::nano>(Clock::now() - began).count()); }

// The state of a project with one take from frame 0 on.
std::string make_state() {
  TakeState state;
  const Bytes file = signals::wav(signals::noise(kTakeFrames, 1), 48000);
  TakeRegion region;
  region.frames = kTakeFrames;
  region.rate_hz = 48000;
  region.sha256 = sha256(file->data(), file->size());
  state.takes.push_back(region);
  state.assets[region.sha256] = file;
  const std::string end(1, '\0');
  return "__dpf_state_begin__" + end + "regions" + end + encode_state(state) + end + "__dpf_state_end__" + end + "\xFE" + end;
}

int print_cpu(const char* path, const std::string& mode, size_t block_frames) {
  const small_host::Library library(path);
  small_host::Instance instance(library, 48000);
  if (mode == "take") {
    instance.load(make_state());
    instance.set(Id::mode, 1);
  }
  if (mode == "capture") {
    instance.set(Id::capture, 1);
  }
  const signals::Stereo input = signals::noise(block_frames, 2);
  times_ns.reserve(kBlocks);
  int64_t frame = 0;
  int64_t nap = kFramesOfANap;
  for (int i = 0; i < kBlocks; ++i) {
    instance.process(frame, true, input, block_frames, begin, end);
    frame += static_cast<int64_t>(block_frames);
    if (mode == "take") {
      frame %= static_cast<int64_t>(kTakeFrames - 2 * block_frames);
    }
    if (mode == "capture" && frame >= nap) {
      std::this_thread::sleep_for(std::chrono::milliseconds(40));
      nap += kFramesOfANap;
    }
  }
  std::sort(times_ns.begin(), times_ns.end());
  return std::printf("%.1f\n", times_ns[times_ns.size() / 2]) > 0 ? 0 : 1;
}

int print_memory(const char* path, size_t count) {
  const small_host::Library library(path);
  std::vector<std::unique_ptr<small_host::Instance>> instances;
  const signals::Stereo input = signals::noise(512, 3);
  for (size_t i = 0; i < count; ++i) {
    instances.push_back(std::make_unique<small_host::Instance>(library, 48000));
    instances.back()->process(0, true, input, 512);
  }
  long pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return std::printf("%ld\n", pages * sysconf(_SC_PAGESIZE)) > 0 ? 0 : 1;
}

} // namespace

int main(int count, char** words) {
  const std::string command = count > 3 ? words[1] : "";
  if (command == "cpu" && count == 5) {
    return print_cpu(words[2], words[3], std::strtoul(words[4], nullptr, 10));
  }
  return command == "memory" ? print_memory(words[2], std::strtoul(words[3], nullptr, 10)) : 2;
}
