#include "json.hpp"

#include "text.hpp"

#include <array>
#include <cmath>
#include <locale>
#include <sstream>

namespace acebridge {
namespace {

constexpr double kLargestWhole = 9007199254740992; // 2^53
constexpr int kDeepest = 64;

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0U | code >> 6U);
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0U | code >> 12U);
    out += static_cast<char>(0x80U | (code >> 6U & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else {
    out += static_cast<char>(0xF0U | code >> 18U);
    out += static_cast<char>(0x80U | (code >> 12U & 0x3FU));
    out += static_cast<char>(0x80U | (code >> 6U & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  }
}

void append_quoted(std::string& out, std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : clean_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    } else {
      out += c;
    }
  }
  out += '"';
}

// Hosts set locales, which change what the C library takes for a decimal point.
std::string number_text(double value) {
  if (!std::isfinite(value)) {
    return "null";
  }
  if (value == std::floor(value) && std::abs(value) <= kLargestWhole) {
    return std::to_string(static_cast<int64_t>(value));
  }
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out.precision(17);
  out << value;
  return out.str();
}

class Reader {
public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::optional<Json> read() {
    Json value;
    if (!read_value(value, 0)) {
      return std::nullopt;
    }
    skip_space();
    return at_ == text_.size() ? std::optional(std::move(value)) : std::nullopt;
  }

private:
  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
      ++at_;
    }
  }

  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) {
      return false;
    }
    at_ += word.size();
    return true;
  }

  bool take_mark(char mark) {
    skip_space();
    return take(std::string_view(&mark, 1));
  }

  bool read_value(Json& value, int depth) { // NOLINT(misc-no-recursion): depth is bounded
    skip_space();
    if (at_ == text_.size() || depth > kDeepest) {
      return false;
    }
    switch (text_[at_]) {
    case '{':
      return read_object(value, depth);
    case '[':
      return read_list(value, depth);
    case '"': {
      std::string text;
      const bool is_whole = read_text(text);
      value = Json::of(text);
      return is_whole;
    }
    case 't':
      value = Json::of(true);
      return take("true");
    case 'f':
      value = Json::of(false);
      return take("false");
    case 'n':
      value = Json();
      return take("null");
    default:
      return read_number(value);
    }
  }

  bool read_object(Json& value, int depth) { // NOLINT(misc-no-recursion)
    value = Json::object();
    ++at_;
    if (take_mark('}')) {
      return true;
    }
    do {
      skip_space();
      std::string key;
      Json item;
      if (!read_text(key) || !take_mark(':') || !read_value(item, depth + 1)) {
        return false;
      }
      value.set(key, std::move(item));
    } while (take_mark(','));
    return take_mark('}');
  }

  bool read_list(Json& value, int depth) { // NOLINT(misc-no-recursion)
    value = Json::list();
    ++at_;
    if (take_mark(']')) {
      return true;
    }
    do {
      Json item;
      if (!read_value(item, depth + 1)) {
        return false;
      }
      value.push(std::move(item));
    } while (take_mark(','));
    return take_mark(']');
  }

  bool read_number(Json& value) {
    const size_t start = at_;
    while (at_ < text_.size() && std::string_view("+-.eE0123456789").find(text_[at_]) != std::string_view::npos) {
      ++at_;
    }
    std::istringstream in{std::string(text_.substr(start, at_ - start))};
    in.imbue(std::locale::classic());
    double number = 0;
    if (!(in >> number) || in.peek() != std::istringstream::traits_type::eof() || !std::isfinite(number)) {
      return false;
    }
    value = Json::of(number);
    return true;
  }

  bool read_text(std::string& text) {
    if (!take("\"")) {
      return false;
    }
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') {
        text = clean_utf8(text);
        return true;
      }
      if (c != '\\') {
        text += c;
      } else if (!read_escape(text)) {
        return false;
      }
    }
    return false;
  }

  bool read_escape(std::string& text) {
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (at_ == text_.size()) {
      return false;
    }
    const char c = text_[at_++];
    if (const size_t index = kNames.find(c); index != std::string_view::npos) {
      text += kMeanings[index];
      return true;
    }
    uint32_t code = 0;
    if (c != 'u' || !read_hex(code)) {
      return false;
    }
    if (code >= 0xD800 && code < 0xDC00 && take("\\u")) { // two halves of one letter
      uint32_t low = 0;
      if (!read_hex(low)) {
        return false;
      }
      code = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00) : 0xFFFD;
    }
    append_utf8(text, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
    return true;
  }

  bool read_hex(uint32_t& code) {
    if (text_.size() - at_ < 4) {
      return false;
    }
    for (int i = 0; i < 4; ++i) {
      const char c = text_[at_++];
      const bool is_digit = c >= '0' && c <= '9';
      const auto letter = static_cast<char>(c | 0x20);
      if (!is_digit && (letter < 'a' || letter > 'f')) {
        return false;
      }
      code = code * 16 + static_cast<uint32_t>(is_digit ? c - '0' : letter - 'a' + 10);
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

} // namespace

Json Json::of(bool value) {
  Json json;
  json.type_ = Type::boolean;
  json.number_ = value ? 1 : 0;
  return json;
}

Json Json::of(double value) {
  Json json;
  json.type_ = Type::number;
  json.number_ = value;
  return json;
}

Json Json::of(int64_t value) { return of(static_cast<double>(value)); }

Json Json::of(std::string_view value) {
  Json json;
  json.type_ = Type::text;
  json.text_ = value;
  return json;
}

Json Json::list() {
  Json json;
  json.type_ = Type::list;
  return json;
}

Json Json::object() {
  Json json;
  json.type_ = Type::object;
  return json;
}

Json& Json::set(std::string_view key, Json value) {
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (keys_[i] == key) {
      items_[i] = std::move(value);
      return *this;
    }
  }
  keys_.emplace_back(key);
  items_.push_back(std::move(value));
  return *this;
}

Json& Json::push(Json value) {
  items_.push_back(std::move(value));
  return *this;
}

bool Json::has(std::string_view key) const { return (*this)[key].type_ != Type::null; }

const Json& Json::operator[](std::string_view key) const {
  static const Json kNull;
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (keys_[i] == key) {
      return items_[i];
    }
  }
  return kNull;
}

const std::vector<Json>& Json::items() const { return items_; }

std::optional<double> Json::number() const {
  return type_ == Type::number ? std::optional(number_) : std::nullopt;
}

std::optional<int64_t> Json::whole() const {
  if (type_ != Type::number || number_ != std::floor(number_) || std::abs(number_) > kLargestWhole) {
    return std::nullopt;
  }
  return static_cast<int64_t>(number_);
}

std::string Json::dump() const {
  std::string out;
  write(out);
  return out;
}

void Json::write(std::string& out) const { // NOLINT(misc-no-recursion): as deep as whoever made it
  switch (type_) {
  case Type::null:
    out += "null";
    break;
  case Type::boolean:
    out += number_ != 0 ? "true" : "false";
    break;
  case Type::number:
    out += number_text(number_);
    break;
  case Type::text:
    append_quoted(out, text_);
    break;
  case Type::list:
  case Type::object: {
    const bool is_object = type_ == Type::object;
    out += is_object ? '{' : '[';
    for (size_t i = 0; i < items_.size(); ++i) {
      out += i == 0 ? "" : ", ";
      if (is_object) {
        append_quoted(out, keys_[i]);
        out += ": ";
      }
      items_[i].write(out);
    }
    out += is_object ? '}' : ']';
    break;
  }
  }
}

std::optional<Json> read_json(std::string_view text) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") {
    text.remove_prefix(3);
  }
  return Reader(text).read();
}

} // namespace acebridge
