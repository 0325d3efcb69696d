#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/result.hpp"
#include "shared/json/writer.hpp"
#include "shared/net/http.hpp"

namespace perkline::hub::api {

/// Which part of a list is asked for.
struct Page {
  std::size_t limit = 50;
  std::string after = {};  ///< The sort key of the last item already seen; empty: from the start.

  /// How many to look for: one more than is shown tells whether anything follows.
  std::int64_t wanted() const { return static_cast<std::int64_t>(limit) + 1; }
  /// Where sort keys are numbers that fall: what comes next is below this. A key of anybody's making that is
  /// none names a place too: the list's end.
  std::int64_t below() const;
};

/// Reads `?limit=` (1 to 200, 50) and `&cursor=`, which must be one that cursor_after made for the same list.
/// Errors: validation_failed naming each field at fault.
Result<Page> read_page(const net::Request& request, std::string_view list);

/// The cursor behind the item of this sort key. Opaque to callers, and good for `list` alone.
std::string cursor_after(std::string_view list, std::string_view sort_key);

/// `{items, nextCursor}` of what was found when `wanted` were looked for: the last of so many is not shown.
/// `write(json::Writer&, const Item&)`, and `key(const Item&)`, an item's sort key.
template <class Item, class Write, class Key>
std::string page_json(std::string_view list, const std::vector<Item>& found, std::int64_t wanted, Write write,
                      Key key) {
  const auto limit = static_cast<std::size_t>(wanted) - 1;
  json::Writer out;
  out.begin_object().key("items").begin_array();
  for (std::size_t i = 0; i < std::min(found.size(), limit); ++i) write(out, found[i]);
  out.end_array().key("nextCursor");
  if (found.size() > limit) {
    out.value(cursor_after(list, key(found[limit - 1])));
  } else {
    out.null();
  }
  out.end_object();
  return out.take();
}

}  // namespace perkline::hub::api
