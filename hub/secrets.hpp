#pragma once

#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/identity/signing_keys.hpp"
#include "shared/core/random.hpp"
#include "shared/sync/catalogue.hpp"

namespace perkline::hub {

/// What a hub keeps secret in its database: one for all replicas, and for as long as the database lives.
struct Secrets {
  std::string log_key;                           ///< Under which logs hash logins (ops::hashed).
  std::string refresh_key;                       ///< Under which refresh tokens are kept.
  std::vector<identity::SigningKey> token_keys;  ///< Of access tokens; empty where a file has them.
  sync::SigningKey catalogue_key;                ///< Stores keep its public half.
};

/// Makes whatever is not there yet. `rng` must be fit for keys. Errors: corrupt, the database's.
Result<Secrets> load_or_make_secrets(db::Transaction& transaction, bool token_keys_in_file, WallTime now,
                                     Rng& rng);

}  // namespace perkline::hub
