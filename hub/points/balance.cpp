#include "hub/points/balance.hpp"

#include "hub/ledger/lots.hpp"
#include "hub/points/card_owners.hpp"
#include "hub/points/purchase_rule.hpp"
#include "hub/points/tiers.hpp"

namespace perkline::hub::points {
namespace {

Result<void> add_purse(db::Transaction& transaction, const UserId& user, Balance& balance, WallTime now) {
  const ledger::Account purse = ledger::points_of(user);
  const auto holdings = ledger::holdings_of(transaction, purse.owner_kind, purse.owner_id);
  if (!holdings) return std::unexpected(holdings.error());
  for (const ledger::Holding& holding : *holdings) {
    if (holding.account == purse) balance.balance = holding.balance - holding.held;
    if (holding.account == ledger::owed_points_of(user)) balance.owed = -holding.balance;
  }
  if (balance.balance == 0) return {};
  const auto soon =
      ledger::lapsing_by(transaction, purse.owner_kind, purse.owner_id, purse.unit, now + lapsing_soon);
  if (!soon) return std::unexpected(soon.error());
  balance.expiring_soon = *soon;
  return {};
}

/// PDI's word on the card; whether it has said any.
Result<bool> add_card(db::Transaction& transaction, const CustomerId& card, Balance& balance) {
  auto rows = transaction.query(
      "SELECT tier, pdi_balance, pdi_as_of, owed FROM member WHERE customer_id = $1", {card.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return false;
  const db::Row& member = rows->front();
  const auto net = ledger::balance_of(transaction, ledger::rewards_of(card));
  if (!net) return std::unexpected(net.error());
  const auto pending = ledger::pending_of(transaction, ledger::rewards_of(card));
  if (!pending) return std::unexpected(pending.error());
  balance.rewards = {
      .net = *net,
      .pending = *pending,
      .owed = member.integer(3),
      .pdi_balance = member.optional_integer(1),
      .as_of = member.optional_integer(2).transform([](std::int64_t at) { return WallTime{Millis{at}}; })};
  balance.tier = member.text(0);
  return balance.rewards.as_of.has_value();
}

/// Until a receipt is shown, all of the card is only on its way, and what PDI knows is not told.
void hide_card(Balance& balance) {
  balance.rewards = {.net = 0,
                     .pending = balance.rewards.net + balance.rewards.pending,
                     .owed = 0,
                     .pdi_balance = std::nullopt,
                     .as_of = std::nullopt};
}

}  // namespace

Result<std::optional<Holder>> holder_of_card(db::Transaction& transaction, const CustomerId& card) {
  const auto owners = owners_of_cards(transaction, {&card, 1});
  if (!owners) return std::unexpected(owners.error());
  if (const auto owner = owners->find(card); owner != owners->end())
    return Holder{.user = owner->second, .card = card, .verified = true};
  auto rows = transaction.query("SELECT 1 FROM member WHERE customer_id = $1", {card.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  return Holder{.user = std::nullopt, .card = card, .verified = false};
}

Result<Balance> balance_of(db::Transaction& transaction, const Terms& terms, const Holder& holder,
                           WallTime now) {
  Balance balance;
  bool pdi_decides = false;
  // Who asks for a card alone asks for the card, whoever may claim it.
  const bool shown = holder.verified || !holder.user;
  if (holder.card) {
    const auto told = add_card(transaction, *holder.card, balance);
    if (!told) return std::unexpected(told.error());
    pdi_decides = *told && shown;
    if (!shown) hide_card(balance);
    const auto pending = points_pending(transaction, *holder.card, holder.verified);
    if (!pending) return std::unexpected(pending.error());
    balance.pending = *pending;
  }
  if (!holder.user) return balance;
  if (auto added = add_purse(transaction, *holder.user, balance, now); !added) return failure(added);
  if (pdi_decides) return balance;
  const auto earned = earned_by(transaction, *holder.user);
  if (!earned) return std::unexpected(earned.error());
  balance.tier = tier_for(terms, *earned);
  return balance;
}

Result<std::vector<ledger::Entry>> history_of(db::Transaction& transaction, const Holder& holder,
                                              std::int64_t count, std::int64_t before) {
  std::vector<ledger::Account> accounts;
  if (holder.user) accounts.push_back(ledger::points_of(*holder.user));
  if (holder.card && (holder.verified || !holder.user)) accounts.push_back(ledger::rewards_of(*holder.card));
  return ledger::entries_of(transaction, accounts, count, before);
}

}  // namespace perkline::hub::points
