#pragma once

#include <optional>
#include <string_view>

#include "shared/core/clock.hpp"
#include "shared/core/random.hpp"

namespace perkline::pdi {

/// What a Retry-After field asks for (RFC 9110 §10.2.3): seconds, or an IMF-fixdate against the answer's own
/// Date. A past date is 0, at most 600 s; nullopt for garbage.
std::optional<Millis> parse_retry_after(std::string_view value, std::string_view date);

/// What is waited by a caller that nobody waits for: up to a fifth more than was asked, lest all stores come
/// back at once.
Millis stretched(Millis asked, Rng& rng);

}  // namespace perkline::pdi
