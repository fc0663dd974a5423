#include "wav.hpp"

#include <cstring>

namespace acebridge {
namespace {

constexpr uint16_t kInteger = 1;
constexpr uint16_t kFloat = 3;
constexpr uint16_t kExtensible = 0xFFFE;
constexpr size_t kChunkHeader = 8;

struct Format {
  uint16_t code = 0;
  uint16_t channels = 0;
  uint32_t rate_hz = 0;
  uint16_t bits = 0;
};

uint32_t little_endian(const uint8_t* bytes, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    value |= uint32_t{bytes[i]} << (8 * i);
  }
  return value;
}

std::optional<Format> read_format(const uint8_t* chunk, size_t size) {
  if (size < 16) {
    return std::nullopt;
  }
  Format format;
  format.code = static_cast<uint16_t>(little_endian(chunk, 2));
  format.channels = static_cast<uint16_t>(little_endian(chunk + 2, 2));
  format.rate_hz = little_endian(chunk + 4, 4);
  format.bits = static_cast<uint16_t>(little_endian(chunk + 14, 2));
  if (format.code == kExtensible && size >= 26) {
    format.code = static_cast<uint16_t>(little_endian(chunk + 24, 2));
  }
  const bool is_float = format.code == kFloat && format.bits == 32;
  const bool is_integer = format.code == kInteger && (format.bits == 16 || format.bits == 24 || format.bits == 32);
  const bool has_channels = format.channels == 1 || format.channels == 2;
  return (is_float || is_integer) && has_channels && format.rate_hz > 0 ? std::optional(format) : std::nullopt;
}

float read_sample(const uint8_t* bytes, const Format& format) {
  const uint32_t raw = little_endian(bytes, format.bits / 8U);
  if (format.code == kFloat) {
    float value = 0;
    std::memcpy(&value, &raw, sizeof value);
    return value;
  }
  const auto full_scale = static_cast<int32_t>(raw << (32U - format.bits));
  return static_cast<float>(static_cast<double>(full_scale) / 2147483648.0);
}

Audio read_samples(const uint8_t* data, size_t size, const Format& format) {
  const size_t sample_bytes = format.bits / 8U;
  const size_t frame_bytes = sample_bytes * format.channels;
  const size_t frames = size / frame_bytes;
  Audio audio;
  audio.rate_hz = format.rate_hz;
  for (size_t channel = 0; channel < 2; ++channel) {
    const size_t offset = channel < format.channels ? channel * sample_bytes : 0;
    audio.channels[channel].resize(frames);
    for (size_t i = 0; i < frames; ++i) {
      audio.channels[channel][i] = read_sample(data + i * frame_bytes + offset, format);
    }
  }
  return audio;
}

} // namespace

std::optional<Audio> read_wav(const std::vector<uint8_t>& bytes) {
  if (bytes.size() < 12 || std::memcmp(bytes.data(), "RIFF", 4) != 0 || std::memcmp(bytes.data() + 8, "WAVE", 4) != 0) {
    return std::nullopt;
  }
  std::optional<Format> format;
  size_t position = 12;
  while (bytes.size() - position >= kChunkHeader) {
    const uint8_t* header = bytes.data() + position;
    const size_t size = little_endian(header + 4, 4);
    position += kChunkHeader;
    if (size > bytes.size() - position) {
      return std::nullopt;
    }
    if (std::memcmp(header, "fmt ", 4) == 0) {
      format = read_format(bytes.data() + position, size);
    } else if (std::memcmp(header, "data", 4) == 0) {
      return format ? std::optional(read_samples(bytes.data() + position, size, *format)) : std::nullopt;
    }
    position += size + size % 2; // chunks begin at even positions
    if (position > bytes.size()) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

} // namespace acebridge
