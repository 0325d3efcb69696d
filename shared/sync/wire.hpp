#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "shared/core/bytes.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/limits.hpp"

/// The rules that every field of sync.proto keeps to, whichever message it is in.
namespace perkline::sync::wire {

inline std::string bytes_of(const Uuid& uuid) {
  return {reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size()};
}
inline std::string bytes_of(const Digest& digest) {
  return std::string(as_chars(digest));
}

template <class Fixed>
bool read_fixed(std::string_view bytes, Fixed& out) {
  if (bytes.size() != out.size()) return false;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(bytes[i]);
  return true;
}

/// A field that may be absent. False: it is there, and no `Fixed`.
template <class Fixed>
bool read_optional(std::string_view bytes, std::optional<Fixed>& out) {
  return bytes.empty() || read_fixed(bytes, out.emplace());
}

inline bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= limits::id_bytes_max;
}

/// Numbers end up in SQL's BIGINT and in JSON, so none is larger than int64's.
inline bool is_number(std::uint64_t number) {
  return number <= std::numeric_limits<std::int64_t>::max();
}
/// Epochs and sequences count from 1.
inline bool is_ordinal(std::uint64_t number) {
  return number >= 1 && is_number(number);
}
/// From 1970 to the year 9999, which is what format_time can write.
inline bool is_time(std::int64_t millis) {
  constexpr WallTime end = std::chrono::sys_days{std::chrono::year{10000} / 1 / 1};
  return millis >= 0 && WallTime(Millis(millis)) < end;
}

}  // namespace perkline::sync::wire
