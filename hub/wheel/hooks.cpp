#include "hub/wheel/hooks.hpp"

#include "hub/wheel/spin.hpp"

namespace perkline::hub::wheel {
namespace {

constexpr std::int64_t page = 1'000;

Result<void> copy_marks(db::Transaction& transaction, const std::string& from, const std::string& to) {
  auto copied = transaction.execute(
      "INSERT INTO prize_one_time (winner, prize_id, spin_id, at)"
      " SELECT CAST($2 AS TEXT), prize_id, spin_id, at FROM prize_one_time WHERE winner = $1"
      " ON CONFLICT (winner, prize_id) DO NOTHING",
      {from, to});
  if (!copied) return failure(copied);
  return {};
}

/// One person's from here on.
Result<void> join_marks(db::Transaction& transaction, const UserId& user, const CustomerId& card) {
  if (auto copied = copy_marks(transaction, winner_name(card), winner_name(user)); !copied) return copied;
  return copy_marks(transaction, winner_name(user), winner_name(card));
}

Result<void> write_spins(db::Transaction& transaction, const UserId& user, json::Writer& out) {
  out.begin_array();
  std::string before;
  while (true) {
    auto spins = spins_of(transaction, user, page, before);
    if (!spins) return failure(spins);
    for (const Spin& spin : *spins) write_spin(out, spin);
    if (std::ssize(*spins) < page) break;
    before = spins->back().id;
  }
  out.end_array();
  return {};
}

Result<void> forget_marks(db::Transaction& transaction, const std::string& winner) {
  auto gone = transaction.execute("DELETE FROM prize_one_time WHERE winner = $1", {winner});
  if (!gone) return failure(gone);
  return {};
}

}  // namespace

void add_hooks(identity::UserHooks& hooks) {
  hooks.registered.emplace_back([](const identity::Registered& registered) {
    return [user = registered.user](db::Transaction& transaction) -> Result<void> {
      if (!user.loyalty_id || !user.loyalty_verified) return {};
      return join_marks(transaction, user.id, *user.loyalty_id);
    };
  });
  hooks.card_verified.emplace_back([](const identity::CardVerified& verified) {
    return [verified](db::Transaction& transaction) {
      return join_marks(transaction, verified.user, verified.card);
    };
  });
  hooks.exports.push_back(
      {.name = "spins",
       .write = [](db::Transaction& transaction, const identity::User& user, json::Writer& out) {
         return write_spins(transaction, user.id, out);
       }});
  hooks.erased.emplace_back([](db::Transaction& transaction, const identity::Erased& erased) -> Result<void> {
    if (erased.card) {
      if (auto gone = forget_marks(transaction, winner_name(*erased.card)); !gone) return gone;
    }
    return forget_marks(transaction, winner_name(erased.user.id));
  });
}

}  // namespace perkline::hub::wheel
