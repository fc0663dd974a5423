// Steps through text in UTF-8. Marks that belong to the character before them (accents that combine, joiners, variants) stay
// with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace acebridge::window {

// The code point that begins at `offset`. The text is valid (core/text.hpp has clean_utf8).
inline uint32_t decode_utf8(std::string_view text, size_t offset) {
  const auto byte = [&](size_t i) { return offset + i < text.size() ? static_cast<uint8_t>(text[offset + i]) : uint8_t{0}; };
  const uint8_t first = byte(0);
  const size_t rest = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  uint32_t code = rest == 3 ? first & 0x07U : rest == 2 ? first & 0x0FU : rest == 1 ? first & 0x1FU : first;
  for (size_t i = 1; i <= rest; ++i) {
    code = code << 6U | (byte(i) & 0x3FU);
  }
  return code;
}

inline void append_utf8(std::string& text, uint32_t code) {
  const auto tail = [&](unsigned shift) { text += static_cast<char>(0x80U | (code >> shift & 0x3FU)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0U | code >> 6U);
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0U | code >> 12U);
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0U | code >> 18U);
    tail(12);
    tail(6);
    tail(0);
  }
}

inline bool is_code_start(std::string_view text, size_t offset) {
  return offset >= text.size() || (static_cast<uint8_t>(text[offset]) & 0xC0U) != 0x80;
}

inline bool belongs_to_the_one_before(uint32_t code) {
  return (code >= 0x300 && code <= 0x36F) || code == 0x200D || (code >= 0xFE00 && code <= 0xFE0F) || (code >= 0x1F3FB && code <= 0x1F3FF) ||
         (code >= 0x3099 && code <= 0x309A) || (code >= 0x20D0 && code <= 0x20FF);
}

// Whether a caret may stand here.
inline bool is_boundary(std::string_view text, size_t offset) {
  if (offset == 0 || offset >= text.size()) {
    return offset == 0 || offset == text.size();
  }
  if (!is_code_start(text, offset)) {
    return false;
  }
  const bool after_line = text[offset - 1] == '\n';
  const bool after_joiner = offset >= 3 && text.compare(offset - 3, 3, "\xE2\x80\x8D") == 0;
  return after_line || !(after_joiner || belongs_to_the_one_before(decode_utf8(text, offset)));
}

inline size_t next_boundary(std::string_view text, size_t offset) {
  do {
    ++offset;
  } while (offset < text.size() && !is_boundary(text, offset));
  return offset < text.size() ? offset : text.size();
}

inline size_t previous_boundary(std::string_view text, size_t offset) {
  do {
    offset -= offset > 0 ? 1 : 0;
  } while (!is_boundary(text, offset));
  return offset;
}

// Letters and digits of any script are words; of ASCII, what is neither a letter nor a digit is not.
inline bool is_word(uint32_t code) {
  const bool ascii = (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') || code == '_';
  return ascii || (code >= 0xC0 && !(code >= 0x2000 && code <= 0x206F) && !(code >= 0x3000 && code <= 0x3003));
}

} // namespace acebridge::window
