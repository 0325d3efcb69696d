#include "hub/stores/store_row.hpp"

#include <algorithm>
#include <limits>

#include "shared/core/bytes.hpp"

namespace perkline::hub::stores {

Result<Store> store_of(const db::Row& row) {
  const auto hash = from_hex(row.text(3));
  Store store{.id = StoreId(row.text(0)),
              .cursor = {.epoch = static_cast<std::uint64_t>(row.integer(1)),
                         .sequence = static_cast<std::uint64_t>(row.integer(2)),
                         .hash = {}},
              .tail = std::nullopt,
              .last_seen = std::nullopt,
              .breaker = row.optional_text(6).value_or(""),
              .queue_depth = row.optional_integer(7).value_or(0),
              .version = row.optional_text(8).value_or(""),
              .retired = !row.is_null(9)};
  if (!hash || hash->size() != store.cursor.hash.size())
    return fail(Errc::corrupt, "the cursor of store " + store.id.str());
  std::ranges::copy(*hash, store.cursor.hash.begin());
  if (const auto tail = row.optional_integer(4)) store.tail = static_cast<std::uint64_t>(*tail);
  if (const auto seen = row.optional_integer(5)) store.last_seen = WallTime{Millis{*seen}};
  return store;
}

std::int64_t to_sql(std::uint64_t count) {
  return static_cast<std::int64_t>(
      std::min(count, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())));
}

}  // namespace perkline::hub::stores
