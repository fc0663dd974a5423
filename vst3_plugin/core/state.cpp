#include "state.hpp"

#include "sha256.hpp"
#include "text.hpp"

#include <charconv>
#include <optional>

namespace acebridge {
namespace {

constexpr std::string_view kName = "acebridge-takes";
constexpr size_t kCheckDigits = 16;
constexpr size_t kHashDigits = 64;
constexpr int64_t kMostFrames = int64_t{1} << 32U;
constexpr int64_t kLatestFrame = int64_t{1} << 48U;
constexpr int64_t kHighestRate = 768000;
constexpr int kMostNumber = 8;

std::string_view take_until(std::string_view& text, char end) {
  const size_t length = text.find(end);
  const std::string_view part = text.substr(0, length);
  text.remove_prefix(length == std::string_view::npos ? text.size() : length + 1);
  return part;
}

std::optional<int64_t> take_number(std::string_view& text, int64_t low, int64_t high) {
  const std::string_view word = take_until(text, ' ');
  int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  const bool is_number = error == std::errc() && end == word.data() + word.size() && !word.empty();
  return is_number && value >= low && value <= high ? std::optional(value) : std::nullopt;
}

bool is_hash(std::string_view text) {
  return text.size() == kHashDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool read_take(std::string_view line, TakeState& state) {
  const auto number = take_number(line, 1, kMostNumber);
  const auto start = take_number(line, -kLatestFrame, kLatestFrame);
  const auto frames = take_number(line, 1, kMostFrames);
  const auto rate = take_number(line, 1, kHighestRate);
  const auto fade = take_number(line, 0, kHighestRate);
  const std::string_view hash = take_until(line, ' ');
  if (!number || !start || !frames || !rate || !fade || !is_hash(hash) || state.takes.size() == kMostTakes) {
    return false;
  }
  state.takes.push_back({static_cast<int>(*number), *start, *frames, static_cast<uint32_t>(*rate),
                         static_cast<uint32_t>(*fade), std::string(hash)});
  return true;
}

bool read_asset(std::string_view line, TakeState& state) {
  const std::string hash(take_until(line, ' '));
  auto bytes = decode_base64(line);
  if (!bytes || sha256(bytes->data(), bytes->size()) != hash) {
    return false;
  }
  state.assets[hash] = std::make_shared<const std::vector<uint8_t>>(std::move(*bytes));
  return true;
}

bool read_lines(std::string_view text, TakeState& state) {
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    const std::string_view kind = take_until(line, ' ');
    const bool is_read = kind == "take" ? read_take(line, state) : kind == "asset" && read_asset(line, state);
    if (!is_read) {
      return false;
    }
  }
  return true;
}

} // namespace

std::string encode_state(const TakeState& state) {
  std::string body;
  for (const TakeRegion& take : state.takes) {
    body += "take " + std::to_string(take.number) + " " + std::to_string(take.start_frame) + " " +
            std::to_string(take.frames) + " " + std::to_string(take.rate_hz) + " " + std::to_string(take.fade_frames) +
            " " + take.sha256 + "\n";
  }
  size_t total = 0;
  for (const auto& [hash, bytes] : state.assets) {
    if (bytes->size() <= kEmbedBytes && total + bytes->size() <= kEmbedTotalBytes) {
      total += bytes->size();
      body += "asset " + hash + " " + encode_base64(*bytes) + "\n";
    }
  }
  if (body.empty()) {
    return body;
  }
  const std::string check = sha256(body.data(), body.size()).substr(0, kCheckDigits);
  return std::string(kName) + " " + std::to_string(kStateVersion) + " " + check + "\n" + body;
}

DecodedState decode_state(std::string_view text) {
  DecodedState decoded;
  if (text.empty()) {
    return decoded;
  }
  std::string_view line = take_until(text, '\n');
  const bool has_name = take_until(line, ' ') == kName;
  const auto version = take_number(line, 1, 1000000);
  if (has_name && version && *version > kStateVersion) {
    decoded.error = StateError::newer;
    return decoded;
  }
  const bool is_whole = has_name && version && line == sha256(text.data(), text.size()).substr(0, kCheckDigits);
  if (!is_whole || !read_lines(text, decoded.state)) {
    decoded.state = TakeState{};
    decoded.error = StateError::damaged;
  }
  return decoded;
}

} // namespace acebridge
