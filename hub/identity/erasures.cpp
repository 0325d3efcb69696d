#include "hub/identity/erasures.hpp"

#include <algorithm>

#include "hub/events/event_log.hpp"
#include "hub/identity/audit.hpp"
#include "hub/identity/refresh_families.hpp"
#include "hub/identity/secret.hpp"
#include "hub/identity/user_admin.hpp"
#include "shared/core/stamp.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::hub::identity {
namespace {

Result<std::optional<ErasureState>> find_erasure(db::Transaction& transaction, const UserId& id) {
  auto rows = transaction.query("SELECT requested_at FROM erasure WHERE user_id = $1", {id.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  ErasureState state{
      .user = id, .requested_at = WallTime{Millis{rows->front().integer(0)}}, .stores = {}, .is_new = false};
  auto stores = transaction.query(
      "SELECT erasure_store.store_id, erasure_store.erased_at FROM erasure_store"
      " JOIN store ON store.id = erasure_store.store_id"
      " WHERE user_id = $1 AND (store.retired_at IS NULL OR erasure_store.erased_at IS NOT NULL)"
      " ORDER BY erasure_store.store_id",
      {id.str()});
  if (!stores) return failure(stores);
  for (const db::Row& row : *stores) {
    state.stores.push_back({StoreId(row.text(0)), row.optional_integer(1).transform(
                                                      [](std::int64_t at) { return WallTime{Millis{at}}; })});
  }
  return state;
}

Result<void> open_erasure(db::Transaction& transaction, const Erased& erased) {
  db::Value hash = nullptr;
  db::Value token = nullptr;
  db::Value card_hash = nullptr;
  if (erased.card) {
    auto known_by = member_hash(transaction, *erased.card);
    if (!known_by) return failure(known_by);
    hash = std::move(*known_by);
    token = erased.token->str();
    card_hash = to_hex(sync::member_hash(*erased.card));
  }
  auto opened = transaction.execute(
      "INSERT INTO erasure (user_id, member_hash, member_token, requested_at, card_hash)"
      " VALUES ($1, $2, $3, $4, $5)",
      {erased.user.id.str(), std::move(hash), std::move(token), stamp(erased.at), std::move(card_hash)});
  if (!opened) return failure(opened);
  if (!erased.card) return {};
  // Against sales that are being taken in: they are there by now, or find the erasure.
  auto held = transaction.query("SELECT id FROM store ORDER BY id" + std::string(transaction.for_update()));
  if (!held) return failure(held);
  // Every store: a till may have read the card and sold nothing, and told nobody.
  auto stores = transaction.execute(
      "INSERT INTO erasure_store (user_id, store_id) SELECT CAST($1 AS TEXT), id FROM store"
      " WHERE retired_at IS NULL",
      {erased.user.id.str()});
  if (!stores) return failure(stores);
  return {};
}

}  // namespace

bool ErasureState::is_done() const {
  return std::ranges::all_of(stores, [](const Store& store) { return store.erased_at.has_value(); });
}

/// All that is drawn on the reactor's thread.
struct Erasures::Prepared {
  CustomerId token;
  WallTime now;
  AuditEntry entry;
  events::DomainEvent event;
};

Task<Result<ErasureState>> Erasures::erase(UserId id, std::string actor, std::string traceparent) {
  Digest random{};
  parts_.rng.fill(random);
  const WallTime now = parts_.clock.wall_now();
  const Prepared prepared{.token = CustomerId("erased-" + to_hex(random).substr(0, 32)),
                          .now = now,
                          .entry = {.id = parts_.uuids.next(),
                                    .at = now,
                                    .actor = std::move(actor),
                                    .action = "user.erased",
                                    .subject = "user:" + id.str()},
                          .event = {.id = parts_.uuids.next(),
                                    .type = "USER_DEACTIVATED",
                                    .occurred_at = now,
                                    .traceparent = std::move(traceparent),
                                    .data = R"({"userId":")" + id.str() + R"(","reason":"erased"})"}};
  co_return co_await db::write_for<ErasureState>(
      parts_.database, [&](db::Transaction& transaction) -> Result<ErasureState> {
        auto known = find_erasure(transaction, id);
        if (!known) return failure(known);
        if (*known) return std::move(**known);
        const auto user = hold_user(transaction, id);
        if (!user) return std::unexpected(user.error());
        if (!*user) return fail(Errc::not_found, "no such user");
        if ((*user)->role == Role::admin) {
          const auto last = is_last_admin(transaction, id);
          if (!last) return std::unexpected(last.error());
          if (*last) return fail(Errc::forbidden, "the last active admin must stay");
        }
        if (auto done = forget(transaction, **user, prepared); !done) return failure(done);
        auto begun = find_erasure(transaction, id);
        if (!begun) return failure(begun);
        (*begun)->is_new = true;
        return std::move(**begun);
      });
}

Result<void> Erasures::forget(db::Transaction& transaction, const User& user, const Prepared& prepared) {
  Erased erased{.user = user, .card = std::nullopt, .token = std::nullopt, .at = prepared.now};
  if (user.loyalty_id && user.loyalty_verified) {
    erased.card = user.loyalty_id;
    erased.token = prepared.token;
  }
  if (auto opened = open_erasure(transaction, erased); !opened) return opened;
  for (const auto& hook : parts_.hooks.erased) {
    if (auto done = hook(transaction, erased); !done) return done;
  }
  if (auto ended = end_families_of(transaction, user.id); !ended) return failure(ended);
  auto deleted = transaction.execute("DELETE FROM users WHERE id = $1", {user.id.str()});
  if (!deleted) return failure(deleted);
  if (auto told = events::append(transaction, prepared.event); !told) return told;
  return append_audit(transaction, prepared.entry);
}

Result<std::string> member_hash(db::Transaction& transaction, const CustomerId& card) {
  auto hashes = member_hashes(transaction, {&card, 1});
  if (!hashes) return failure(hashes);
  return std::move(hashes->front());
}

Result<std::vector<std::string>> member_hashes(db::Transaction& transaction,
                                               std::span<const CustomerId> cards) {
  SystemRng rng;
  const auto key = load_or_make_secret(transaction, "member_hash_key", rng);
  if (!key) return std::unexpected(key.error());
  std::vector<std::string> hashes;
  for (const CustomerId& card : cards) hashes.push_back(to_hex(hmac_sha256(*key, card.str())));
  return hashes;
}

Result<std::vector<sync::Erasure>> erasures_due(db::Transaction& transaction, const StoreId& store,
                                                std::int64_t limit) {
  auto rows = transaction.query(
      "SELECT erasure.user_id, erasure.card_hash, erasure.member_token, erasure.requested_at"
      " FROM erasure_store JOIN erasure ON erasure.user_id = erasure_store.user_id"
      " WHERE erasure_store.store_id = $1 AND erasure_store.erased_at IS NULL"
      " AND erasure.card_hash IS NOT NULL ORDER BY erasure.requested_at, erasure.user_id LIMIT $2",
      {store.str(), limit});
  if (!rows) return failure(rows);
  std::vector<sync::Erasure> due;
  for (const db::Row& row : *rows) {
    const auto id = parse_uuid(row.text(0));
    const auto hash = from_hex(row.text(1));
    sync::Erasure erasure{.id = {},
                          .member = {},
                          .token = CustomerId(row.text(2)),
                          .requested_at = WallTime{Millis{row.integer(3)}}};
    if (!id || !hash || hash->size() != erasure.member.size())
      return fail(Errc::corrupt, "an erasure's row does not decode");
    erasure.id = *id;
    std::ranges::copy(*hash, erasure.member.begin());
    due.push_back(std::move(erasure));
  }
  return due;
}

Result<void> forget_once_more(db::Transaction& transaction, const StoreId& store) {
  auto due = transaction.execute(
      "UPDATE erasure_store SET erased_at = NULL WHERE store_id = $1 AND erased_at IS NOT NULL"
      " AND user_id IN (SELECT user_id FROM erasure WHERE card_hash IS NOT NULL)",
      {store.str()});
  if (!due) return failure(due);
  return {};
}

Result<std::int64_t> drop_card_hashes(db::Transaction& transaction, WallTime now) {
  return transaction.execute(
      "UPDATE erasure SET card_hash = NULL WHERE card_hash IS NOT NULL AND requested_at < $1"
      " AND NOT EXISTS (SELECT 1 FROM erasure_store JOIN store ON store.id = erasure_store.store_id"
      " WHERE erasure_store.user_id = erasure.user_id AND erasure_store.erased_at IS NULL"
      " AND store.retired_at IS NULL)",
      {stamp(now - card_hash_kept)});
}

Result<void> note_erased_at_store(db::Transaction& transaction, const UserId& erased, const StoreId& store,
                                  WallTime now) {
  auto noted = transaction.execute(
      "UPDATE erasure_store SET erased_at = $3 WHERE user_id = $1 AND store_id = $2 AND erased_at IS NULL",
      {erased.str(), store.str(), stamp(now)});
  if (!noted) return failure(noted);
  return {};
}

}  // namespace perkline::hub::identity
