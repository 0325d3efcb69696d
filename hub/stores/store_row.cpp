#include "hub/stores/store_row.hpp"

#include <algorithm>
#include <limits>

#include "shared/core/bytes.hpp"

namespace perkline::hub::stores {
namespace {

constexpr std::size_t hello_epoch = 10;
constexpr std::size_t applied = 11;
constexpr std::size_t granted = 14;
constexpr std::size_t forked = 17;
constexpr std::size_t lost = 20;

bool read_hash(const std::string& hex, Digest& out) {
  const auto bytes = from_hex(hex);
  if (!bytes || bytes->size() != out.size()) return false;
  std::ranges::copy(*bytes, out.begin());
  return true;
}

std::uint64_t count_at(const db::Row& row, std::size_t column) {
  return static_cast<std::uint64_t>(row.integer(column));
}

WallTime time_at(const db::Row& row, std::size_t column) {
  return WallTime{Millis{row.integer(column)}};
}

/// What concerns epochs and forks. False: a hash is none.
bool read_epochs(const db::Row& row, Store& store) {
  if (!row.is_null(hello_epoch)) store.hello_epoch = count_at(row, hello_epoch);
  bool sound = true;
  if (!row.is_null(applied)) {
    store.applied = {.epoch = count_at(row, applied), .through = count_at(row, applied + 1)};
    sound = read_hash(row.text(applied + 2), store.applied->hash);
  }
  if (!row.is_null(granted))
    store.grant = {.at = time_at(row, granted), .by = row.text(granted + 1), .reason = row.text(granted + 2)};
  if (!row.is_null(forked))
    store.fork = {
        .reason = row.text(forked), .since = time_at(row, forked + 1), .seen = time_at(row, forked + 2)};
  if (!row.is_null(lost)) {
    store.kept_from = {.epoch = store.cursor.epoch, .sequence = count_at(row, lost)};
    sound = read_hash(row.text(lost + 1), store.kept_from->hash) && sound;
  }
  return sound;
}

}  // namespace

Result<Store> store_of(const db::Row& row) {
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
  if (!read_hash(row.text(3), store.cursor.hash) || !read_epochs(row, store))
    return fail(Errc::corrupt, "the cursor of store " + store.id.str());
  if (const auto tail = row.optional_integer(4)) store.tail = static_cast<std::uint64_t>(*tail);
  if (const auto seen = row.optional_integer(5)) store.last_seen = WallTime{Millis{*seen}};
  return store;
}

std::int64_t to_sql(std::uint64_t count) {
  return static_cast<std::int64_t>(
      std::min(count, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())));
}

}  // namespace perkline::hub::stores
