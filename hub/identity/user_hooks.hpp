#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/identity/user.hpp"
#include "shared/core/result.hpp"
#include "shared/json/writer.hpp"

/// Where other modules take part in what becomes of a user, in the same transaction: a wallet for who
/// registers, points for who invited, their share of an export, their part of forgetting somebody.
namespace perkline::hub::identity {

/// A member who registers.
struct Registered {
  User user;
  std::optional<UserId> referrer;  ///< Whose referral code was given.
  WallTime at;
  std::string traceparent;
};

/// Somebody whose personal data goes.
struct Erased {
  User user;
  /// The card that was proven to be theirs, and what stands for it from now on; both or neither.
  std::optional<CustomerId> card;
  std::optional<CustomerId> token;
  WallTime at;
};

/// Somebody whose receipt has shown that a card is theirs; registering with one counts as registering alone.
struct CardVerified {
  UserId user;
  CustomerId card;
  WallTime at;
};

struct UserHooks {
  using Work = std::function<Result<void>(db::Transaction&)>;
  /// Called on the reactor's thread before the transaction, so that it may draw ids; gives what is to be done
  /// in it, behind the user's own row. An error of that refuses the registration.
  std::vector<std::function<Work(const Registered&)>> registered = {};

  /// Likewise, behind the user's row that says so.
  std::vector<std::function<Work(const CardVerified&)>> card_verified = {};

  /// Part of an export: `write` writes one JSON value, everything held of the user under that name.
  struct Export {
    std::string name;
    std::function<Result<void>(db::Transaction&, const User&, json::Writer&)> write;
  };
  std::vector<Export> exports = {};

  /// In the transaction that erases, before the user's own row goes. What is booked stays.
  std::vector<std::function<Result<void>(db::Transaction&, const Erased&)>> erased = {};
};

}  // namespace perkline::hub::identity
