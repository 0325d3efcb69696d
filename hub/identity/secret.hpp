#pragma once

#include <string>
#include <string_view>

#include "hub/db/database.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/random.hpp"
#include "shared/core/result.hpp"

namespace perkline::hub::identity {

/// 32 random bytes that the hub keeps in its database under `name`, drawn by whoever asks first. `rng` must
/// be fit for keys. Errors: corrupt, the database's.
Result<std::string> load_or_make_secret(db::Transaction& transaction, const std::string& name, Rng& rng);

Digest hmac_sha256(std::string_view key, std::string_view message);

}  // namespace perkline::hub::identity
