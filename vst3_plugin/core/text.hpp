// Base64 for bytes inside a project, text that every host can save, paths as URLs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace acebridge {

std::string encode_base64(const std::vector<uint8_t>& bytes);

// Nothing for text that is no base64.
std::optional<std::vector<uint8_t>> decode_base64(std::string_view text);

// The text with U+FFFD in place of each byte that is no UTF-8: hosts' chunks use such bytes as separators.
std::string clean_utf8(std::string_view text);

// A path as a file: URL, in ASCII without spaces and quotes.
std::string file_url(const std::string& path);

} // namespace acebridge
