#include "state.hpp"

#include "resample.hpp"
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
constexpr int kMostNumber = 8;

std::string_view take_until(std::string_view& text, char end) {
  const size_t length = text.find(end);
  const std::string_view part = text.substr(0, length);
  text.remove_prefix(length == std::string_view::npos ? text.size() : length + 1);
  return part;
}

template <typename Number> bool take_number(std::string_view& text, Number& value) {
  const std::string_view word = take_until(text, ' ');
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc() && end == word.data() + word.size() && !word.empty();
}

bool is_hash(std::string_view text) {
  return text.size() == kHashDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_in(int64_t value, int64_t low, int64_t high) { return value >= low && value <= high; }

bool read_take(std::string_view line, TakeState& state) {
  TakeRegion take;
  const bool is_read = take_number(line, take.number) && take_number(line, take.start_frame) && take_number(line, take.frames) &&
                       take_number(line, take.rate_hz) && take_number(line, take.fade_frames);
  take.sha256 = take_until(line, ' ');
  if (!is_read || !is_valid(take) || state.takes.size() == kMostTakes) {
    return false;
  }
  state.takes.push_back(take);
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

bool is_valid(const TakeRegion& region) {
  return is_in(region.number, 1, kMostNumber) && is_in(region.start_frame, -kLatestFrame, kLatestFrame) &&
         is_in(region.frames, 1, kMostFrames) && is_in(region.rate_hz, kLowestRate, kHighestRate) &&
         is_in(region.fade_frames, 0, kHighestRate) && is_hash(region.sha256);
}

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
  int version = 0;
  const bool has_version = has_name && take_number(line, version) && version > 0;
  if (has_version && version > kStateVersion) {
    decoded.error = StateError::newer;
    return decoded;
  }
  const bool is_whole = has_version && line == sha256(text.data(), text.size()).substr(0, kCheckDigits);
  if (!is_whole || !read_lines(text, decoded.state)) {
    decoded.state = TakeState{};
    decoded.error = StateError::damaged;
  }
  return decoded;
}

} // namespace acebridge
