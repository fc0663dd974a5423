// Audio, WAV files and a host's transport, made in the test.
#pragma once

#include "core.hpp"

#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

namespace signals {

using Stereo = std::array<std::vector<float>, 2>;

inline Stereo noise(size_t frames, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> level(-1, 1);
  Stereo audio;
  for (auto& channel : audio) {
    channel.resize(frames);
    for (float& sample : channel) {
      sample = level(random);
    }
  }
  return audio;
}

inline bool equal(const float* a, const float* b, size_t count) { return std::memcmp(a, b, count * sizeof(float)) == 0; }

inline void append(std::vector<uint8_t>& bytes, uint64_t value, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
  }
}

inline void append(std::vector<uint8_t>& bytes, const char* name) { bytes.insert(bytes.end(), name, name + 4); }

// A file of 32-bit floats.
inline acebridge::Bytes wav(const Stereo& audio, uint32_t rate_hz) {
  std::vector<uint8_t> bytes;
  const auto data_bytes = static_cast<uint32_t>(audio[0].size() * 8);
  append(bytes, "RIFF");
  append(bytes, 36 + data_bytes, 4);
  append(bytes, "WAVE");
  append(bytes, "fmt ");
  append(bytes, 16, 4);
  append(bytes, 3, 2);
  append(bytes, 2, 2);
  append(bytes, rate_hz, 4);
  append(bytes, uint64_t{rate_hz} * 8, 4);
  append(bytes, 8, 2);
  append(bytes, 32, 2);
  append(bytes, "data");
  append(bytes, data_bytes, 4);
  for (size_t i = 0; i < audio[0].size(); ++i) {
    for (const auto& channel : audio) {
      uint32_t raw = 0;
      std::memcpy(&raw, &channel[i], sizeof raw);
      append(bytes, raw, 4);
    }
  }
  return std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
}

// A host that plays: its position, and blocks of a core's audio.
struct Host {
  acebridge::HostTime time;
  double rate_hz = 48000;

  acebridge::HostTime at(int64_t frame) const {
    acebridge::HostTime now = time;
    now.frame = frame;
    now.has_bars = true;
    const double beats = static_cast<double>(frame) / rate_hz * now.tempo_bpm / 60 * now.meter.beat_unit / 4;
    now.bar = static_cast<int32_t>(beats / now.meter.beats_per_bar) + 1;
    now.beat = beats - (now.bar - 1) * now.meter.beats_per_bar + 1;
    return now;
  }
};

// Plays `input` from `frame` on in blocks of `block_frames` and returns what comes out.
inline Stereo play(acebridge::Core& core, const Host& host, int64_t frame, const Stereo& input, size_t block_frames) {
  Stereo output{std::vector<float>(input[0].size()), std::vector<float>(input[0].size())};
  for (size_t i = 0; i < input[0].size(); i += block_frames) {
    const size_t count = std::min(block_frames, input[0].size() - i);
    const std::array<const float*, 2> in{input[0].data() + i, input[1].data() + i};
    const std::array<float*, 2> out{output[0].data() + i, output[1].data() + i};
    core.process(host.at(frame + static_cast<int64_t>(i)), in.data(), out.data(), static_cast<uint32_t>(count));
  }
  return output;
}

inline Stereo part(const Stereo& audio, size_t first, size_t count) {
  Stereo piece;
  for (size_t channel = 0; channel < 2; ++channel) {
    const auto start = audio[channel].begin() + static_cast<std::ptrdiff_t>(first);
    piece[channel].assign(start, start + static_cast<std::ptrdiff_t>(count));
  }
  return piece;
}

inline bool equal(const Stereo& a, const Stereo& b) {
  return a[0].size() == b[0].size() && equal(a[0].data(), b[0].data(), a[0].size()) && equal(a[1].data(), b[1].data(), a[1].size());
}

} // namespace signals
