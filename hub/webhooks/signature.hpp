#pragma once

#include <string>
#include <string_view>

#include "shared/core/clock.hpp"
#include "shared/core/random.hpp"

namespace perkline::hub::webhooks {

/// What `Perkline-Signature` says of a body sent at that time: `t=<seconds since 1970>,v1=<hex of
/// HMAC-SHA256(secret, "<t>.<body>")>`. Pure.
std::string signature_of(std::string_view secret, WallTime sent_at, std::string_view body);

/// A new key for signatures: `whsec_` and 32 random bytes in base64url; all of its text is the key. `rng`
/// must be fit for keys.
std::string draw_secret(Rng& rng);

}  // namespace perkline::hub::webhooks
