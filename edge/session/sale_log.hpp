#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edge/session/outcome.hpp"

/// One line at info for what has become of a session: its sale is finalized, pending (its till was told 202),
/// settled, refused (to the till's face) or rejected (by a person), goods of it were returned, it was voided
/// or it has expired. All lines of one sale belong to one trace, however far they lie apart; a return's and a
/// void's belong to that of their own call.
namespace perkline::edge::session {

/// What there is to tell of the way from `before` to `outcome`; empty: nothing.
std::string_view what_became(Status before, const Outcome& outcome);

/// When the till was told 202; of a sale of which it was not, when finalize was journalled. nullopt: neither.
std::optional<WallTime> asked_at(const Session& session);

/// What is told of a change besides the session.
struct Told {
  std::string_view what = {};
  std::string traceparent = {};                  ///< Of the call that it is part of.
  std::int64_t owed = 0;                         ///< By the member more than before.
  std::optional<WallTime> asked = std::nullopt;  ///< asked_at() before the change.
};
/// Of what is durable now. Its duration is a sale's since it was asked for, a return's since its call, that
/// of a session without a sale since it was opened.
void log_change(const Told& told, const Session& session, WallTime now);
/// Goods of another store's sale: only the hub knows the points.
void log_foreign_return(const ForeignReturn& foreign, std::string_view traceparent);

}  // namespace perkline::edge::session
