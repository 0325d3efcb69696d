#pragma once

#include <optional>

#include "hub/db/database.hpp"
#include "hub/points/cause.hpp"
#include "hub/points/terms.hpp"

/// What points follow when a member joins: called by whoever registers users and verifies cards, inside that
/// transaction.
namespace perkline::hub::points {

struct Registered {
  UserId user;
  std::optional<UserId> referrer;  ///< Whose referral code was given.
};
/// Signup points; `terms.referral` for both of a referral, once a pair; and, where the row in `users` says
/// that a card was verified at once, on_card_verified(). Again it changes nothing. Errors: the database's.
Result<void> on_registered(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                           const Registered& registered);

struct CardVerified {
  UserId user;
  CustomerId card;
};
/// A user has shown a receipt of a card, whose row in `users` says so already: books what the purchase rule
/// gave for the card's sales so far, goods that came back taken off, each with what is left of its life.
/// Again it changes nothing. Errors: the database's.
Result<void> on_card_verified(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                              const CardVerified& verified);

}  // namespace perkline::hub::points
