#pragma once

#include <optional>
#include <string_view>

#include "edge/session/outcome.hpp"

/// One line at info for what has become of a sale: finalized, pending (its till was told 202), settled,
/// refused (to the till's face) or rejected (by a person). All lines of one sale belong to one trace, however
/// far they lie apart.
namespace perkline::edge::session {

/// What there is to tell of the way from `before` to `outcome`; empty: nothing that a till or the hub hears
/// of.
std::string_view what_became(Status before, const Outcome& outcome);

/// When the till was told 202; of a sale of which it was not, when finalize was journalled. nullopt: neither.
std::optional<WallTime> asked_at(const Session& session);

/// Of what is durable now.
void log_sale(std::string_view what, const Session& session, Millis since_asked);

}  // namespace perkline::edge::session
