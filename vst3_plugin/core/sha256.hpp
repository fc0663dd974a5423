// SHA-256 (FIPS 180-4): the name of an asset, and the check of a saved project.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace acebridge {

// As 64 hexadecimal digits, lower case.
std::string sha256(const void* data, size_t size);

} // namespace acebridge
