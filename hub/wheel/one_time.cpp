#include "hub/wheel/one_time.hpp"

#include <algorithm>
#include <array>

#include "hub/points/card_owners.hpp"
#include "hub/stores/awaited.hpp"

namespace perkline::hub::wheel {
namespace {

/// nullopt: nobody of that name has it.
Result<std::optional<std::string>> spin_that_won(db::Transaction& transaction, const std::string& winner,
                                                 const std::string& prize) {
  auto rows = transaction.query("SELECT spin_id FROM prize_one_time WHERE winner = $1 AND prize_id = $2",
                                {winner, prize});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  return rows->front().text(0);
}

Result<void> copy_marks(db::Transaction& transaction, const std::string& from, const std::string& to) {
  auto copied = transaction.execute(
      "INSERT INTO prize_one_time (winner, prize_id, spin_id, at)"
      " SELECT CAST($2 AS TEXT), prize_id, spin_id, at FROM prize_one_time WHERE winner = $1"
      " ON CONFLICT (winner, prize_id) DO NOTHING",
      {from, to});
  if (!copied) return failure(copied);
  return {};
}

}  // namespace

std::string winner_name(const UserId& user) {
  return "user:" + user.str();
}

std::string winner_name(const CustomerId& card) {
  return "card:" + card.str();
}

Result<std::vector<std::string>> winners_of(db::Transaction& transaction, const CustomerId& card) {
  const std::array cards{card};
  const auto owners = points::owners_of_cards(transaction, cards);
  if (!owners) return std::unexpected(owners.error());
  std::vector<std::string> names{winner_name(card)};
  if (const auto owner = owners->find(card); owner != owners->end())
    names.push_back(winner_name(owner->second));
  return names;
}

Result<bool> mark_one_time(db::Transaction& transaction, const std::string& prize,
                           std::vector<std::string> winners, const std::string& spin, WallTime at) {
  // In one order, so that two never wait for one another.
  std::ranges::sort(winners);
  std::vector<std::string> marked;
  for (const std::string& winner : winners) {
    auto fresh = transaction.execute(
        "INSERT INTO prize_one_time (winner, prize_id, spin_id, at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (winner, prize_id) DO NOTHING",
        {winner, prize, spin, at.time_since_epoch().count()});
    if (!fresh) return failure(fresh);
    if (*fresh == 1) {
      marked.push_back(winner);
      continue;
    }
    const auto known = spin_that_won(transaction, winner, prize);
    if (!known) return std::unexpected(known.error());
    if (*known == spin) continue;
    for (const std::string& mine : marked) {
      auto unmarked = transaction.execute("DELETE FROM prize_one_time WHERE winner = $1 AND prize_id = $2",
                                          {mine, prize});
      if (!unmarked) return failure(unmarked);
    }
    return false;
  }
  return true;
}

Result<void> unmark_one_time(db::Transaction& transaction, const std::string& spin, const std::string& kept) {
  auto unmarked =
      transaction.execute("DELETE FROM prize_one_time WHERE spin_id = $1 AND prize_id <> $2", {spin, kept});
  if (!unmarked) return failure(unmarked);
  return {};
}

Result<void> forget_one_time(db::Transaction& transaction, const std::string& winner) {
  auto gone = transaction.execute("DELETE FROM prize_one_time WHERE winner = $1", {winner});
  if (!gone) return failure(gone);
  return {};
}

Result<void> forget_one_time(db::Transaction& transaction, const std::string& winner,
                             const std::string& spin) {
  auto gone =
      transaction.execute("DELETE FROM prize_one_time WHERE winner = $1 AND spin_id = $2", {winner, spin});
  if (!gone) return failure(gone);
  return {};
}

Result<void> join_one_time(db::Transaction& transaction, const UserId& user, const CustomerId& card) {
  if (auto copied = copy_marks(transaction, winner_name(card), winner_name(user)); !copied) return copied;
  return copy_marks(transaction, winner_name(user), winner_name(card));
}

Result<std::vector<std::string>> reserve_one_time(db::Transaction& transaction, const CustomerId& card,
                                                  const std::string& spin, WallTime at) {
  const auto winners = winners_of(transaction, card);
  if (!winners) return std::unexpected(winners.error());
  auto prizes = transaction.query("SELECT id FROM prize WHERE one_time = 1 AND active = 1 AND " +
                                  std::string(stores::nobody_is_awaited) + " ORDER BY id");
  if (!prizes) return failure(prizes);
  std::vector<std::string> reserved;
  for (const db::Row& prize : *prizes) {
    const auto marked = mark_one_time(transaction, prize.text(0), *winners, spin, at);
    if (!marked) return std::unexpected(marked.error());
    if (*marked) reserved.push_back(prize.text(0));
  }
  return reserved;
}

}  // namespace perkline::hub::wheel
