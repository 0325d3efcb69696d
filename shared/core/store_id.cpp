#include "shared/core/store_id.hpp"

#include <algorithm>

#include "shared/core/limits.hpp"

namespace perkline {

bool is_store_id(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= limits::id_bytes_max && std::ranges::all_of(text, fits);
}

}  // namespace perkline
