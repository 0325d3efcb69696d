#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace perkline::hub::identity {

/// A to Z become a to z, in any locale; every other byte stays.
inline std::string ascii_lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(
      out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return out;
}

}  // namespace perkline::hub::identity
