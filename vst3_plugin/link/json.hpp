// JSON as the daemon's small files hold it: a value, its text, and a reader that survives any bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace acebridge {

// A value. What is asked of the wrong type, or of a key that is not there, is null, empty or nothing.
class Json {
public:
  enum class Type { null, boolean, number, text, list, object };

  Json() = default;
  static Json of(bool value);
  static Json of(double value);
  static Json of(int64_t value);
  static Json of(std::string_view value);
  static Json of(const char* value) { return of(std::string_view(value)); }
  static Json list();
  static Json object();

  // Add an entry to an object, or replace the one of that key; add one to a list.
  Json& set(std::string_view key, Json value);
  Json& push(Json value);

  Type type() const { return type_; }
  bool is_object() const { return type_ == Type::object; }
  bool has(std::string_view key) const;
  const Json& operator[](std::string_view key) const;
  const std::vector<Json>& items() const;
  // Empty for what is no text.
  const std::string& text() const { return text_; }
  std::optional<double> number() const;
  // Whole numbers up to 2^53.
  std::optional<int64_t> whole() const;
  bool is_true() const { return type_ == Type::boolean && number_ != 0; }

  // In one line. Bytes that are no UTF-8 become U+FFFD, numbers that JSON does not have null.
  std::string dump() const;

private:
  void write(std::string& out) const;

  Type type_ = Type::null;
  double number_ = 0;
  std::string text_;
  std::vector<std::string> keys_; // of an object, in the order of its items
  std::vector<Json> items_;
};

// Nothing for text that is no JSON, or is nested deeper than 64 levels.
std::optional<Json> read_json(std::string_view text);

} // namespace acebridge
