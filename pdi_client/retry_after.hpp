#pragma once

#include <optional>
#include <string_view>

#include "shared/core/clock.hpp"

namespace perkline::pdi {

/// What a Retry-After field asks for (RFC 9110 §10.2.3): seconds, or an IMF-fixdate against the answer's own
/// Date. A past date is 0, at most 600 s; nullopt for garbage.
std::optional<Millis> parse_retry_after(std::string_view value, std::string_view date);

}  // namespace perkline::pdi
