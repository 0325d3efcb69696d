#pragma once

#include <string>

#include "hub/identity/es256_key.hpp"

namespace perkline::hub {

/// The key of `jwt.key_file`. Errors: validation_failed, its detail fit for the key's fault.
Result<identity::Es256Key> read_signing_key(const std::string& path);

}  // namespace perkline::hub
