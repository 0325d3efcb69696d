#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"

namespace perkline::hub::ledger {

/// Units: what PDI's points are counted in, and the programme's own; money is `money:USD` …
inline constexpr std::string_view rewards_unit = "points:rewards";
inline constexpr std::string_view programme_unit = "points:programme";
std::string money_unit(Currency currency);

/// What a balance of money that may not be negative comes to at most, in minor units: more than any amount
/// that can be written, and so far below 64 bits that nothing of it ever leaves them.
inline constexpr std::int64_t money_balance_max = 1'000'000'000'000'000;

/// Whose account, for what, in which unit. A balance is credits less debits.
struct Account {
  std::string owner_kind;  ///< member (a card), user, store, system
  std::string owner_id;
  std::string code;  ///< rewards, points, wallet, issued, redeemed …
  std::string unit;
  /// Whether a running balance is kept. Not for system accounts, whose row would be hot: theirs is the sum of
  /// their entries since a checkpoint.
  bool keeps_balance = true;
  /// Else a transfer that takes more than is there, held amounts aside, is refused. Needs keeps_balance.
  bool may_be_negative = false;
  /// Whether each credit is a lot with an end (Transfer::expires_at), spent oldest first. Needs
  /// keeps_balance, and never negative.
  bool keeps_lots = false;
  bool operator==(const Account&) const = default;
};

/// PDI's points of a member, as they went through Perkline. May be negative: PDI's opening balance is not
/// ours.
Account rewards_of(const CustomerId& customer);
/// A user's points of the programme's own: never negative, in lots.
Account points_of(const UserId& user);
/// Points of the programme's own that returned goods take back and the user no longer had: what is owed
/// stands here below zero.
Account owed_points_of(const UserId& user);
/// A user's money in one currency: never negative.
Account wallet_of(const UserId& user, Currency currency);

/// What a store has given out and taken back of PDI's points: system accounts.
Account issued_by(const StoreId& store);
Account redeemed_at(const StoreId& store);
/// What a store let members redeem while PDI was away, and PDI then never booked: a system account.
Account standin_loss_of(const StoreId& store);
/// What a store has given of the programme's own points, by the purchase rule: a system account.
Account points_issued_by(const StoreId& store);

/// The hub's own side of transfers: a system account of this unit, such as `issued` or `topups`. Keeps no
/// running balance and may be negative.
Account system_account(std::string code, std::string unit);

}  // namespace perkline::hub::ledger
