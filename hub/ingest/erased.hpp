#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/identity/user_hooks.hpp"
#include "hub/ingest/apply.hpp"
#include "shared/json/writer.hpp"

/// What stores have told of somebody who wants it known, or forgotten.
namespace perkline::hub::ingest {

/// In the card's place stands the token, in all that stores told: sales, voids, differences, returns and dead
/// letters with the events they hold, domain events, the ledger's accounts. Errors: the database's.
Result<void> erase_card(db::Transaction& transaction, const identity::Erased& erased);

/// What tills have told of this card, as a JSON object. Errors: the database's.
Result<void> write_card(db::Transaction& transaction, const std::optional<CustomerId>& card,
                        json::Writer& out);

/// Events in which erased cards are replaced by their tokens; refers to those it was made of.
struct WithoutErased {
  std::deque<sync::Event> changed;
  std::vector<ToldEvent> told;
};
/// A store may tell of an erased card for as long as it waits for the hub, or for PDI: what is from before
/// the erasure, or of a sale that was opened before it, is the token's; what came after is a new member's.
/// `clock_off`:
/// what the hub's clock is ahead of the store's, by which events are stamped. nullopt: no erased card is
/// among these. Errors: the database's.
Result<std::optional<WithoutErased>> without_erased(db::Transaction& transaction,
                                                    std::span<const ToldEvent> events, Millis clock_off);
/// One event's bytes, for whoever keeps them: the same, or with the token. Errors: the database's.
Result<std::string> without_erased(db::Transaction& transaction, std::string_view bytes, Millis clock_off);
/// The same where that is decided: `told` is the event as without_erased() has made it.
std::string without_erased(const sync::Event& told, std::string_view bytes);

/// Whom an event names, for the column that it is found by: the card, nothing, or `?` where nobody can read
/// it yet.
db::Value card_named_in(std::string_view bytes);

}  // namespace perkline::hub::ingest
