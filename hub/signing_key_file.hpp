#pragma once

#include <string>
#include <vector>

#include "hub/identity/signing_keys.hpp"

namespace perkline::hub {

/// The keys of `jwt.key_file`, PEM after PEM: the first signs, all verify, so that a key can be put before
/// the one it takes over from. Errors: validation_failed, its detail fit for the key's fault.
Result<std::vector<identity::SigningKey>> read_signing_keys(const std::string& path);

}  // namespace perkline::hub
