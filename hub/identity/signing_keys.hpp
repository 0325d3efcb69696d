#pragma once

#include <span>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/identity/es256_key.hpp"
#include "shared/core/clock.hpp"

/// The keys that sign access tokens, and how one takes over from another: a new key is published and believed
/// at once but signs only when everybody has had time to hear of it; the one before it is believed until the
/// last token it signed has expired.
namespace perkline::hub::identity {

struct SigningKey {
  Es256Key key;
  WallTime signs_from;  ///< It signs from here on, until another one's time has come.
};

/// Longer than anybody may keep the key set (Cache-Control of the route) and than replicas take to read their
/// keys again.
inline constexpr Millis key_lead = minutes{10};
inline constexpr Millis key_refresh = seconds{30};

/// `keys` must not be empty. Pure, as the next.
const SigningKey& signing_key_at(std::span<const SigningKey> keys, WallTime now);
/// The newest first. Those that sign later are among them; those whose last token of `ttl` has expired are
/// not.
std::vector<Es256Key> verifying_keys_at(std::span<const SigningKey> keys, WallTime now, Millis ttl);

/// The keys kept in the database. Errors: corrupt, the database's.
Result<std::vector<SigningKey>> load_signing_keys(db::Transaction& transaction);
/// Likewise; makes one that signs at once where there is none.
Result<std::vector<SigningKey>> load_or_make_signing_keys(db::Transaction& transaction, WallTime now);

/// Adds `fresh`, to sign from `now + key_lead` on, and drops those that verify nothing any more; how many
/// were dropped. Errors: corrupt, the database's.
Result<std::int64_t> rotate_signing_keys(db::Transaction& transaction, const Es256Key& fresh, WallTime now,
                                         Millis ttl);

}  // namespace perkline::hub::identity
