#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "shared/core/result.hpp"
#include "shared/net/http.hpp"

namespace perkline::hub::api {

/// Which part of a list is asked for.
struct Page {
  std::size_t limit = 50;
  std::string after;  ///< The sort key of the last item already seen; empty: from the start.
};

/// Reads `?limit=` (1 to 200, 50) and `&cursor=`, which must be one that cursor_after made for the same list.
/// Errors: validation_failed naming each field at fault.
Result<Page> read_page(const net::Request& request, std::string_view list);

/// The cursor behind the item of this sort key. Opaque to callers, and good for `list` alone.
std::string cursor_after(std::string_view list, std::string_view sort_key);

}  // namespace perkline::hub::api
