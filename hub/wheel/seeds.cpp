#include "hub/wheel/seeds.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "hub/db/bulk_statement.hpp"
#include "hub/identity/secret.hpp"
#include "hub/wheel/down.hpp"

namespace perkline::hub::wheel {
namespace {

using db::Value;

constexpr std::int64_t revealed_at_once = 10;
/// A day's counters of all members go with its secret.
constexpr minutes reveal_time_max{5};
constexpr seconds try_again{5};

std::int64_t number_of(Day day) {
  return day.time_since_epoch().count();
}

Day day_in(std::int64_t number) {
  return Day{days{number}};
}

Result<loyalty::ServerSeed> seed_in(const std::string& hex) {
  const auto bytes = from_hex(hex);
  loyalty::ServerSeed seed;
  if (!bytes || bytes->size() != seed.bytes.size()) return fail(Errc::corrupt, "a wheel's seed is none");
  std::ranges::copy(*bytes, seed.bytes.begin());
  return seed;
}

/// id, day, commitment, seed
Result<std::vector<OpenSeed>> seeds_in(const Result<db::Rows>& rows) {
  if (!rows) return std::unexpected(rows.error());
  std::vector<OpenSeed> seeds;
  for (const db::Row& row : *rows) {
    const auto seed = seed_in(row.text(3));
    if (!seed) return std::unexpected(seed.error());
    seeds.push_back(
        {.id = row.integer(0), .day = day_in(row.integer(1)), .commitment = row.text(2), .seed = *seed});
  }
  return seeds;
}

std::unexpected<Error> come_again(std::string why) {
  return std::unexpected(
      Error{.code = Errc::overloaded, .detail = std::move(why), .retry_after = Millis(try_again)});
}

struct Missing {
  StoreId store;
  Day day;
};

/// What is not there of today and the days ahead.
Result<std::vector<Missing>> missing_seeds(db::Transaction& transaction, const std::vector<StoreId>& stores,
                                           Day today) {
  std::vector<Missing> missing;
  for (const StoreId& store : stores) {
    auto rows =
        transaction.query("SELECT day FROM wheel_seed WHERE store_id = $1 AND day >= $2 AND day <= $3",
                          {store.str(), number_of(today), number_of(today + seeds_ahead)});
    if (!rows) return failure(rows);
    std::set<std::int64_t> known;
    for (const db::Row& row : *rows) known.insert(row.integer(0));
    for (Day day = today; day <= today + seeds_ahead; day += days{1}) {
      if (!known.contains(number_of(day))) missing.push_back({store, day});
    }
  }
  return missing;
}

struct FreshSeed {
  StoreId store;
  Day day;
  loyalty::ServerSeed seed;
};

/// Those whose day somebody else has made one for meanwhile stay out.
Result<std::int64_t> add_seeds(db::Transaction& transaction, std::span<const FreshSeed> fresh, WallTime now) {
  static const db::BulkStatement insert_seed(
      "INSERT INTO wheel_seed (store_id, day, commitment, made_at) VALUES ", "(?, ?, ?, ?)",
      " ON CONFLICT (store_id, day) DO NOTHING RETURNING id, commitment");
  static const db::BulkStatement insert_secret("INSERT INTO wheel_secret (seed_id, seed) VALUES ", "(?, ?)");
  std::vector<Value> seeds;
  std::map<std::string, StoreSeed> secrets;
  for (const FreshSeed& each : fresh) {
    const std::string commitment = to_hex(loyalty::commitment_of(each.seed));
    secrets[commitment] = {
        .store = each.store, .day = each.day, .commitment = commitment, .seed = to_hex(each.seed.bytes)};
    db::append_row(seeds, each.store.str(), number_of(each.day), commitment, now.time_since_epoch().count());
  }
  auto added = insert_seed.run(transaction, std::move(seeds));
  if (!added) return failure(added);
  std::vector<Value> values;
  std::vector<StoreSeed> down;
  for (const db::Row& row : *added) {
    const StoreSeed& seed = secrets.at(row.text(1));
    db::append_row(values, row.integer(0), seed.seed);
    down.push_back(seed);
  }
  if (auto kept = insert_secret.run(transaction, std::move(values)); !kept) return failure(kept);
  if (auto put = put_seeds_down(transaction, down); !put) return failure(put);
  return static_cast<std::int64_t>(added->size());
}

Result<std::vector<StoreId>> open_stores(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT id FROM store WHERE retired_at IS NULL ORDER BY id");
  if (!rows) return failure(rows);
  std::vector<StoreId> stores;
  for (const db::Row& row : *rows) stores.emplace_back(row.text(0));
  return stores;
}

}  // namespace

Result<MemberKeys> MemberKeys::load(db::Transaction& transaction) {
  SystemRng rng;
  auto secret = identity::load_or_make_secret(transaction, std::string(member_secret), rng);
  if (!secret) return failure(secret);
  return MemberKeys(std::move(*secret));
}

loyalty::MemberKey MemberKeys::of(const std::string& commitment) const {
  return identity::hmac_sha256(secret_, commitment);
}

std::string day_text(Day day) {
  const std::chrono::year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

Result<OpenSeed> seed_for_draw(db::Transaction& transaction, Day today) {
  const auto rows = transaction.query(
      "SELECT wheel_seed.id, wheel_seed.day, wheel_seed.commitment, wheel_secret.seed FROM wheel_seed"
      " JOIN wheel_secret ON wheel_secret.seed_id = wheel_seed.id"
      " WHERE wheel_seed.store_id = '' AND wheel_seed.day >= $1 AND wheel_secret.closed = 0"
      " ORDER BY wheel_seed.day LIMIT 1",
      {number_of(today)});
  auto seeds = seeds_in(rows);
  if (!seeds) return failure(seeds);
  if (seeds->empty()) return come_again("no seed is committed for a draw yet");
  return std::move(seeds->front());
}

Result<std::int64_t> next_nonce(db::Transaction& transaction, const OpenSeed& seed,
                                const std::string& member) {
  // The reference to the secret: reveal_seeds() takes that row away, and waits for who refers to it.
  auto next = transaction.query(
      "INSERT INTO wheel_nonce (seed_id, member, nonce) VALUES ($1, $2, 1) ON CONFLICT (seed_id, member)"
      " DO UPDATE SET nonce = wheel_nonce.nonce + 1 RETURNING nonce",
      {seed.id, member});
  if (!next && next.error().code == Errc::validation_failed)
    return come_again("the day's seed was revealed just now");
  if (!next) return failure(next);
  return next->front().integer(0);
}

Result<void> close_seeds(db::Transaction& transaction, Day through) {
  auto closed = transaction.execute(
      "UPDATE wheel_secret SET closed = 1 WHERE seed_id IN (SELECT id FROM wheel_seed WHERE store_id = ''"
      " AND day <= $1)",
      {number_of(through)});
  if (!closed) return failure(closed);
  return {};
}

Result<std::optional<Day>> seeds_told_through(db::Transaction& transaction, const StoreId& store) {
  auto rows = transaction.query(
      "SELECT MAX(wheel_seed.day) FROM wheel_seed JOIN store ON store.id = wheel_seed.store_id WHERE "
      "store.id ="
      " $1 AND wheel_seed.made_at <= store.last_seen",
      {store.str()});
  if (!rows) return failure(rows);
  const auto day = rows->front().optional_integer(0);
  if (!day) return std::nullopt;
  return day_in(*day);
}

Result<std::optional<OpenSeed>> find_seed(db::Transaction& transaction, const StoreId& store,
                                          const std::string& commitment) {
  auto seeds = seeds_in(transaction.query(
      "SELECT wheel_seed.id, wheel_seed.day, wheel_seed.commitment, COALESCE(wheel_seed.seed,"
      " wheel_secret.seed) FROM wheel_seed LEFT JOIN wheel_secret ON wheel_secret.seed_id = wheel_seed.id"
      " WHERE wheel_seed.commitment = $1 AND wheel_seed.store_id = $2",
      {commitment, store.str()}));
  if (!seeds) return failure(seeds);
  if (seeds->empty()) return std::nullopt;
  return std::move(seeds->front());
}

Result<std::vector<SeedNotice>> list_seeds(db::Transaction& transaction, const StoreId& store,
                                           std::int64_t count, std::optional<Day> before) {
  const Day end = before.value_or(Day::max());
  auto rows = transaction.query(
      "SELECT day, commitment, seed, revealed_at FROM wheel_seed WHERE store_id = $1 AND day < $2"
      " ORDER BY day DESC LIMIT $3",
      {store.str(), number_of(end), count});
  if (!rows) return failure(rows);
  std::vector<SeedNotice> notices;
  for (const db::Row& row : *rows) {
    SeedNotice notice{.day = day_in(row.integer(0)),
                      .commitment = row.text(1),
                      .seed = row.optional_text(2),
                      .revealed_at = std::nullopt};
    if (const auto at = row.optional_integer(3)) notice.revealed_at = WallTime{Millis{*at}};
    notices.push_back(std::move(notice));
  }
  return notices;
}

Task<Result<std::int64_t>> commit_seeds(db::Database& database, std::vector<StoreId> stores, WallTime now,
                                        Rng& rng) {
  const auto missing = co_await db::read_for<std::vector<Missing>>(
      database, [&stores, now](db::Transaction& t) { return missing_seeds(t, stores, day_of(now)); });
  if (!missing) co_return std::unexpected(missing.error());
  constexpr std::size_t at_once = 512;
  std::int64_t made = 0;
  for (std::size_t begin = 0; begin < missing->size(); begin += at_once) {
    std::vector<FreshSeed> fresh;
    for (std::size_t i = begin; i < std::min(begin + at_once, missing->size()); ++i) {
      fresh.push_back({(*missing)[i].store, (*missing)[i].day, {}});
      rng.fill(fresh.back().seed.bytes);
    }
    const auto added = co_await db::write_for<std::int64_t>(
        database, [&fresh, now](db::Transaction& t) { return add_seeds(t, fresh, now); });
    if (!added) co_return std::unexpected(added.error());
    made += *added;
  }
  co_return made;
}

Task<Result<std::int64_t>> keep_seeds(db::Database& database, const Clock& clock,
                                      const hub::clock::ClockGuard& guard, Rng& rng) {
  auto stores = co_await db::read_for<std::vector<StoreId>>(
      database, [](db::Transaction& t) { return open_stores(t); });
  if (!stores) co_return failure(stores);
  stores->insert(stores->begin(), the_hub);
  const auto made = co_await commit_seeds(database, std::move(*stores), clock.wall_now(), rng);
  if (!made) co_return std::unexpected(made.error());
  std::int64_t done = *made;
  while (true) {
    // A seed is shown for ever, and no clock that was wrong takes that back.
    const auto now = guard.now_for_good();
    if (!now) co_return done;
    const auto revealed = co_await db::write_for<std::int64_t>(
        database, [now = *now](db::Transaction& t) { return reveal_seeds(t, now, revealed_at_once); });
    if (!revealed) co_return std::unexpected(revealed.error());
    done += *revealed;
    if (*revealed < revealed_at_once) co_return done;
  }
}

Result<std::int64_t> reveal_seeds(db::Transaction& transaction, WallTime now, std::int64_t count) {
  transaction.allow(reveal_time_max);
  // Days that were over by then. Held, so that whoever draws with one has ended, and nobody begins to.
  const Day end = day_of(now - reveal_after);
  const std::int64_t at = now.time_since_epoch().count();
  auto over = transaction.query(
      "SELECT seed_id, seed FROM wheel_secret WHERE seed_id IN (SELECT wheel_seed.id FROM wheel_seed"
      " LEFT JOIN store ON store.id = wheel_seed.store_id AND store.retired_at IS NULL"
      " WHERE wheel_seed.day < $1 AND (store.id IS NULL OR wheel_seed.day < $3"
      " OR (store.all_told_at <= $4 AND store.all_told_at >= (wheel_seed.day + 1) * $5 + $6)))"
      " ORDER BY seed_id LIMIT $2" +
          std::string(transaction.for_update()),
      {number_of(end), count, number_of(end - reveal_untold_after), at, Millis{days{1}}.count(),
       Millis{reveal_after}.count()});
  if (!over) return failure(over);
  std::vector<StoreSeed> known;
  for (const db::Row& row : *over) {
    const std::int64_t id = row.integer(0);
    auto counters = transaction.execute("DELETE FROM wheel_nonce WHERE seed_id = $1", {id});
    if (!counters) return failure(counters);
    auto secret = transaction.execute("DELETE FROM wheel_secret WHERE seed_id = $1", {id});
    if (!secret) return failure(secret);
    auto revealed = transaction.query(
        "UPDATE wheel_seed SET seed = $2, revealed_at = $3 WHERE id = $1 RETURNING store_id, day",
        {id, row.text(1), at});
    if (!revealed) return failure(revealed);
    known.push_back({.store = StoreId(revealed->front().text(0)),
                     .day = day_in(revealed->front().integer(1)),
                     .commitment = {},
                     .seed = {}});
  }
  if (auto gone = put_seeds_down(transaction, known); !gone) return failure(gone);
  return static_cast<std::int64_t>(over->size());
}

}  // namespace perkline::hub::wheel
