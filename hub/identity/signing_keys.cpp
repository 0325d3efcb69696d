#include "hub/identity/signing_keys.hpp"

#include <algorithm>

#include "shared/core/assert.hpp"

namespace perkline::hub::identity {
namespace {

/// The clocks of replicas differ a little.
constexpr Millis margin = minutes{1};

/// Nobody checks for its tokens any more: the one after it has signed alone for long enough.
bool is_spent(std::span<const SigningKey> keys, const SigningKey& key, WallTime now, Millis ttl) {
  return std::ranges::any_of(keys, [&](const SigningKey& later) {
    return later.signs_from > key.signs_from && later.signs_from + ttl + margin < now;
  });
}

Result<void> insert(db::Transaction& transaction, const SigningKey& added, WallTime now) {
  auto inserted = transaction.execute(
      "INSERT INTO signing_keys (id, private_pem, created_at, signs_from) VALUES ($1, $2, $3, $4)",
      {added.key.id(), added.key.private_pem(), now.time_since_epoch().count(),
       added.signs_from.time_since_epoch().count()});
  if (!inserted) return failure(inserted);
  return {};
}

}  // namespace

const SigningKey& signing_key_at(std::span<const SigningKey> keys, WallTime now) {
  PERKLINE_ASSERT(!keys.empty());
  const SigningKey* newest = nullptr;
  const SigningKey* first = &keys.front();
  for (const SigningKey& key : keys) {
    if (key.signs_from < first->signs_from) first = &key;
    if (key.signs_from <= now && (newest == nullptr || key.signs_from > newest->signs_from)) newest = &key;
  }
  // A clock that has gone back before the first key's time.
  return newest != nullptr ? *newest : *first;
}

std::vector<Es256Key> verifying_keys_at(std::span<const SigningKey> keys, WallTime now, Millis ttl) {
  std::vector<SigningKey> counting;
  for (const SigningKey& key : keys) {
    if (!is_spent(keys, key, now, ttl)) counting.push_back(key);
  }
  std::ranges::sort(counting, std::ranges::greater{}, &SigningKey::signs_from);
  std::vector<Es256Key> verifying;
  verifying.reserve(counting.size());
  for (SigningKey& key : counting) verifying.push_back(std::move(key.key));
  return verifying;
}

Result<std::vector<SigningKey>> load_signing_keys(db::Transaction& transaction) {
  auto rows =
      transaction.query("SELECT id, private_pem, signs_from FROM signing_keys ORDER BY signs_from DESC, id");
  if (!rows) return failure(rows);
  std::vector<SigningKey> keys;
  for (const db::Row& row : *rows) {
    auto key = Es256Key::from_pem(row.text(1));
    if (!key) return fail(Errc::corrupt, "signing key " + row.text(0) + " " + key.error().detail);
    keys.push_back({std::move(*key), WallTime{Millis{row.integer(2)}}});
  }
  return keys;
}

Result<std::vector<SigningKey>> load_or_make_signing_keys(db::Transaction& transaction, WallTime now) {
  auto keys = load_signing_keys(transaction);
  if (!keys || !keys->empty()) return keys;
  // Replicas that start together make one between them.
  auto locked = transaction.query("SELECT value FROM hub_meta WHERE name = 'hub_incarnation'" +
                                  std::string(transaction.for_update()));
  if (!locked) return failure(locked);
  keys = load_signing_keys(transaction);
  if (!keys || !keys->empty()) return keys;
  SigningKey made{Es256Key::generate(), now};
  if (auto inserted = insert(transaction, made, now); !inserted) return failure(inserted);
  keys->push_back(std::move(made));
  return keys;
}

Result<std::int64_t> rotate_signing_keys(db::Transaction& transaction, const Es256Key& fresh, WallTime now,
                                         Millis ttl) {
  const auto keys = load_signing_keys(transaction);
  if (!keys) return std::unexpected(keys.error());
  std::int64_t dropped = 0;
  for (const SigningKey& key : *keys) {
    if (!is_spent(*keys, key, now, ttl)) continue;
    auto gone = transaction.execute("DELETE FROM signing_keys WHERE id = $1", {key.key.id()});
    if (!gone) return failure(gone);
    dropped += *gone;
  }
  // Where there was none, nobody's tokens wait for it.
  const WallTime signs_from = keys->empty() ? now : now + key_lead;
  if (auto inserted = insert(transaction, {fresh, signs_from}, now); !inserted) return failure(inserted);
  return dropped;
}

}  // namespace perkline::hub::identity
