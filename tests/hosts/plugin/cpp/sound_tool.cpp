// The core's own calculations, for a comparison with other programs:
//
//   sound_tool loudness FILE          prints LUFS
//   sound_tool resample FILE RATE     writes the left channel to the standard output, as 32-bit floats
//   sound_tool frames FROM TO N...    prints frame numbers at the rate TO
#include "loudness.hpp"
#include "resample.hpp"
#include "wav.hpp"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

using namespace acebridge;

namespace {

std::optional<Audio> read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return read_wav(std::vector<uint8_t>(std::istreambuf_iterator<char>(file), {}));
}

uint32_t rate_of(const char* text) { return static_cast<uint32_t>(std::strtoul(text, nullptr, 10)); }

int print_loudness(const char* path) {
  const auto audio = read(path);
  return audio && std::printf("%.6f\n", integrated_lufs(audio->channels, audio->rate_hz)) > 0 ? 0 : 1;
}

int write_resampled(const char* path, uint32_t rate_hz) {
  const auto audio = read(path);
  if (!audio) {
    return 1;
  }
  const Channels out = resample(audio->channels, audio->rate_hz, rate_hz);
  return std::fwrite(out[0].data(), sizeof(float), out[0].size(), stdout) == out[0].size() ? 0 : 1;
}

} // namespace

int main(int count, char** words) {
  const std::string command = count > 2 ? words[1] : "";
  if (command == "loudness") {
    return print_loudness(words[2]);
  }
  if (command == "resample" && count == 4) {
    return write_resampled(words[2], rate_of(words[3]));
  }
  if (command == "frames" && count > 4) {
    for (int i = 4; i < count; ++i) {
      (void)std::printf("%" PRId64 "\n", frames_to_frames(std::strtoll(words[i], nullptr, 10), rate_of(words[2]), rate_of(words[3])));
    }
    return 0;
  }
  return 2;
}
