#pragma once

#include <string>

#include "hub/db/database.hpp"
#include "shared/core/random.hpp"

namespace perkline::hub {

/// The key under which logs hash logins (ops::hashed): this hub's own, kept in its database, so that every
/// process on it writes the same hashes. Made when there is none. Errors: the database's, corrupt.
Result<std::string> load_or_make_log_key(db::Transaction& transaction, Rng& rng);

}  // namespace perkline::hub
