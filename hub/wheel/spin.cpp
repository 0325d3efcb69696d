#include "hub/wheel/spin.hpp"

#include <algorithm>
#include <utility>

#include "hub/ledger/history.hpp"
#include "hub/points/purse.hpp"
#include "hub/wheel/one_time.hpp"
#include "hub/wheel/seeds.hpp"
#include "hub/wheel/tables.hpp"

namespace perkline::hub::wheel {
namespace {

/// Each time somebody else took the last unit of what was drawn.
constexpr int draws_max = 100;

/// Until the end of the transaction nobody else spins for this member, or erases them. Gives the names of
/// their one-time prizes.
Result<std::vector<std::string>> hold_member(db::Transaction& transaction, const UserId& user) {
  const auto held = identity::hold_user(transaction, user);
  if (!held) return std::unexpected(held.error());
  if (!*held || !(*held)->active) return fail(Errc::account_inactive, "no active member");
  std::vector<std::string> names{winner_name(user)};
  if ((*held)->loyalty_id && (*held)->loyalty_verified) names.push_back(winner_name(*(*held)->loyalty_id));
  return names;
}

Result<void> charge(db::Transaction& transaction, const Terms& terms, const SpinCause& cause,
                    const UserId& user) {
  if (terms.cost == 0) return {};
  const auto spent = points::spend(transaction, cause.spend,
                                   {.user = user,
                                    .amount = terms.cost,
                                    .other = points::programme_account("spins"),
                                    .external_id = "spin:" + cause.spin.str(),
                                    .code = "spin"});
  if (!spent) return std::unexpected(spent.error());
  return {};
}

/// Makes the prize this member's. False: it is not to be had any more; nothing has changed.
Result<bool> take(db::Transaction& transaction, const SpinCause& cause, const Prize& prize,
                  const std::vector<std::string>& winners) {
  if (prize.one_time) {
    auto marked = mark_one_time(transaction, prize.id, winners, cause.spin.str(), cause.at);
    if (!marked || !*marked) return marked;
  }
  if (!prize.stock) return true;
  // Last, as whoever wins this prize waits for the row from here on.
  auto taken = take_unit(transaction, prize.id);
  if (!taken || *taken) return taken;
  if (auto unmarked = unmark_one_time(transaction, cause.spin.str()); !unmarked) return failure(unmarked);
  return false;
}

struct Won {
  Prize prize;
  loyalty::PrizeTable table;
};

/// Draws from what can be won now; where somebody else takes the last unit in between, from what can be won
/// then, by the same seed and nonce. README.md says why that favours nothing.
Result<Won> draw_and_take(db::Transaction& transaction, const SpinCause& cause, const OpenSeed& seed,
                          const loyalty::Draw& draw, const std::vector<std::string>& winners) {
  for (int i = 0; i < draws_max; ++i) {
    auto prizes = drawable(transaction, winners);
    if (!prizes) return failure(prizes);
    if (prizes->empty()) return fail(Errc::no_prize_available, "nothing can be won at present");
    std::vector<loyalty::Prize> candidates;
    for (const Prize& prize : *prizes) candidates.push_back(in_draw(prize, false));
    loyalty::PrizeTable table = loyalty::table_of(candidates);
    const auto drawn = std::ranges::find(*prizes, loyalty::draw_prize(seed.seed, draw, table), &Prize::id);
    const auto taken = take(transaction, cause, *drawn, winners);
    if (!taken) return std::unexpected(taken.error());
    if (*taken) return Won{.prize = std::move(*drawn), .table = std::move(table)};
  }
  return std::unexpected(Error{.code = Errc::overloaded,
                               .detail = "prizes go faster than they can be drawn",
                               .retry_after = Millis(seconds{1})});
}

}  // namespace

SpinCause make_cause(UuidMaker& ids, WallTime at, std::string traceparent) {
  const auto points_cause = [&] {
    return points::Cause{.id = ids.next(), .at = at, .traceparent = traceparent};
  };
  return {.spin = ids.next(),
          .at = at,
          .traceparent = traceparent,
          .spend = points_cause(),
          .award = points_cause(),
          .executed = ids.next(),
          .awarded = ids.next()};
}

Result<Spun> spin(db::Transaction& transaction, const Terms& terms, const SpinCause& cause,
                  const UserId& user, const std::string& client_seed) {
  const auto winners = hold_member(transaction, user);
  if (!winners) return std::unexpected(winners.error());
  if (auto charged = charge(transaction, terms, cause, user); !charged) return failure(charged);
  const auto seed = seed_for_draw(transaction, day_of(cause.at));
  if (!seed) return std::unexpected(seed.error());
  const auto nonce = next_nonce(transaction, *seed, user.str());
  if (!nonce) return std::unexpected(nonce.error());
  const loyalty::Draw draw{.member = user.str(), .client_seed = client_seed, .nonce = *nonce};
  auto won = draw_and_take(transaction, cause, *seed, draw, *winners);
  if (!won) return failure(won);
  const auto table = keep_table(transaction, won->table);
  if (!table) return std::unexpected(table.error());
  Spin made = spin_of(terms, cause, won->prize, client_seed);
  auto booked = book_spin(transaction, terms, cause,
                          {.spin = made,
                           .user = user,
                           .draw = draw,
                           .seed = seed->id,
                           .table = *table,
                           .took_unit = won->prize.stock.has_value()});
  if (!booked) return failure(booked);
  const auto balance = ledger::balance_of(transaction, ledger::points_of(user));
  if (!balance) return std::unexpected(balance.error());
  Proof proof{.spin = made.id,
              .draw = draw,
              .store = std::nullopt,
              .day = seed->day,
              .commitment = seed->commitment,
              .seed = std::nullopt,
              .table = std::move(won->table),
              .prize = made.prize_id};
  return Spun{.spin = std::move(made), .balance = *balance, .proof = std::move(proof)};
}

}  // namespace perkline::hub::wheel
