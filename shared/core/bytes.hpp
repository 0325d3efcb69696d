#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace perkline {

/// A SHA-256 value.
using Digest = std::array<std::uint8_t, 32>;

/// Lower-case hex digits.
std::string to_hex(std::string_view bytes);
std::string to_hex(const Digest& digest);

/// nullopt for an odd length or anything but [0-9a-f].
std::optional<std::string> from_hex(std::string_view hex);

/// Big-endian, so that keys sort as their numbers do.
void append_u32(std::string& out, std::uint32_t value);
void append_u64(std::string& out, std::uint64_t value);

/// The number at the start of `bytes`, which must hold eight of them.
std::uint64_t read_u64(std::string_view bytes);

inline std::string_view as_chars(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// Compares without telling by its duration where the difference lies (lengths do show).
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace perkline
