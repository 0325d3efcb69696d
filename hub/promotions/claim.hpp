#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "hub/promotions/promotion.hpp"
#include "hub/wallet/wallet.hpp"
#include "shared/core/bytes.hpp"

namespace perkline::hub::promotions {

/// Where a member claims.
enum class Channel : std::uint8_t { web = 1, till };
/// As stored and told: `web`, `till`.
std::string_view name_of(Channel channel);

struct ClaimOrder {
  Uuid promotion;
  UserId user;
  Channel channel = Channel::web;
  WallTime claimed_at;  ///< When the member did; a till's claim may be heard of later.
  Uuid event;           ///< Of PROMOTION_CLAIMED: drawn before the transaction.
  std::optional<Uuid> till_claim = std::nullopt;  ///< By which claim of a till's.
  std::optional<Digest> terms = std::nullopt;     ///< As promotion_as_told() has it.
};

struct Claim {
  Promotion promotion;
  UserId user;
  WallTime claimed_at;
  wallet::Booked booked;    ///< Money in the wallet.
  std::string description;  ///< Of that, for people.
};

/// Claims it, once: the assignment's row, the wallet's credit and both events, in the caller's transaction,
/// web and till alike. The amount is the promotion's by the order's terms; whether it runs is judged by the
/// day of `claimed_at`. Errors: not_found (not assigned to this member), already_claimed,
/// promotion_not_active, balance_limit (the wallet is full), as promotion_as_told, the database's.
Result<Claim> claim(db::Transaction& transaction, const wallet::Cause& cause, const ClaimOrder& order);

/// What that claim of a till's got for the member, with the wallet's balance of now; nullopt: it got nothing.
/// Errors: corrupt, the database's.
Result<std::optional<Claim>> find_till_claim(db::Transaction& transaction, const Uuid& promotion,
                                             const UserId& user, const Uuid& till_claim);

/// `{claim, transaction, balance}` of contract.md §6, appended to `out`.
void write_claim(json::Writer& out, const Claim& claim);

}  // namespace perkline::hub::promotions
