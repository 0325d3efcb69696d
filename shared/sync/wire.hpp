#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shared/core/bytes.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/limits.hpp"

/// Fixed-length fields of sync.proto.
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

inline bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= limits::id_bytes_max;
}

}  // namespace perkline::sync::wire
