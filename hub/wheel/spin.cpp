#include "hub/wheel/spin.hpp"

#include <algorithm>
#include <utility>

#include "hub/events/event_log.hpp"
#include "hub/ledger/history.hpp"
#include "hub/points/purse.hpp"
#include "hub/wheel/seeds.hpp"
#include "hub/wheel/tables.hpp"

namespace perkline::hub::wheel {
namespace {

/// Each time somebody else took the last unit of what was drawn.
constexpr int draws_max = 100;

std::int64_t stamp(WallTime at) {
  return at.time_since_epoch().count();
}

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

/// False: somebody else had the prize first, in this member's name; nothing has changed.
Result<bool> mark_one_time(db::Transaction& transaction, const SpinCause& cause, const Prize& prize,
                           const std::vector<std::string>& winners) {
  for (const std::string& winner : winners) {
    auto marked = transaction.execute(
        "INSERT INTO prize_one_time (winner, prize_id, spin_id, at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (winner, prize_id) DO NOTHING",
        {winner, prize.id, cause.spin.str(), stamp(cause.at)});
    if (!marked) return failure(marked);
    if (*marked == 1) continue;
    auto unmarked = transaction.execute("DELETE FROM prize_one_time WHERE spin_id = $1", {cause.spin.str()});
    if (!unmarked) return failure(unmarked);
    return false;
  }
  return true;
}

/// Makes the prize this member's. False: it is not to be had any more; nothing has changed.
Result<bool> take(db::Transaction& transaction, const SpinCause& cause, const Prize& prize,
                  const std::vector<std::string>& winners) {
  if (prize.one_time) {
    auto marked = mark_one_time(transaction, cause, prize, winners);
    if (!marked || !*marked) return marked;
  }
  if (!prize.stock) return true;
  // Last, as whoever wins this prize waits for the row from here on.
  auto taken = take_unit(transaction, prize.id);
  if (!taken || *taken) return taken;
  auto unmarked = transaction.execute("DELETE FROM prize_one_time WHERE spin_id = $1", {cause.spin.str()});
  if (!unmarked) return failure(unmarked);
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

Result<void> award_points(db::Transaction& transaction, const Terms& terms, const SpinCause& cause,
                          const UserId& user, std::int64_t amount) {
  if (amount == 0) return {};
  const auto given = points::give(transaction, terms.programme, cause.award,
                                  {.user = user,
                                   .amount = amount,
                                   .other = points::programme_account("prizes"),
                                   .external_id = "prize:" + cause.spin.str(),
                                   .code = "prize"});
  if (!given) return std::unexpected(given.error());
  return {};
}

Result<void> write_down(db::Transaction& transaction, const UserId& user, const Spin& spin,
                        const loyalty::Draw& draw, const OpenSeed& seed, std::int64_t table) {
  auto written = transaction.execute(
      "INSERT INTO spin (id, user_id, member, client_seed, seed_id, nonce, table_id, prize_id, prize_name,"
      " prize_type, cost, points, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
      "$13)",
      {spin.id, user.str(), draw.member, draw.client_seed, seed.id, draw.nonce, table, spin.prize_id,
       spin.prize_name, std::string(name_of(spin.prize_type)), spin.cost, spin.points, stamp(spin.at)});
  if (!written) return failure(written);
  return {};
}

json::Writer begin_event(const Spin& spin, const UserId& user) {
  json::Writer data;
  data.begin_object().field("spinId", spin.id).field("userId", user.str()).field("prizeId", spin.prize_id);
  data.field("prizeName", spin.prize_name).field("prizeType", name_of(spin.prize_type));
  return data;
}

Result<void> tell(db::Transaction& transaction, const SpinCause& cause, const UserId& user,
                  const Spin& spin) {
  json::Writer executed = begin_event(spin, user);
  executed.field("cost", spin.cost).field("pointsAwarded", spin.points).field("channel", "web").end_object();
  std::vector<events::DomainEvent> told{{.id = cause.executed,
                                         .type = "SPIN_EXECUTED",
                                         .occurred_at = cause.at,
                                         .traceparent = cause.traceparent,
                                         .data = executed.take()}};
  if (spin.prize_type != PrizeType::none) {
    json::Writer awarded = begin_event(spin, user);
    awarded.field("points", spin.points).field("channel", "web").end_object();
    told.push_back({.id = cause.awarded,
                    .type = "PRIZE_AWARDED",
                    .occurred_at = cause.at,
                    .traceparent = cause.traceparent,
                    .data = awarded.take()});
  }
  return events::append(transaction, told);
}

Spin spin_of(const Terms& terms, const SpinCause& cause, const Prize& prize, const std::string& client_seed) {
  return {.id = cause.spin.str(),
          .prize_id = prize.id,
          .prize_name = prize.name,
          .prize_type = prize.type,
          .cost = terms.cost,
          .points = points_for(terms, prize),
          .store = std::nullopt,
          .client_seed = client_seed,
          .at = cause.at};
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
  Spin made = spin_of(terms, cause, won->prize, client_seed);
  if (auto given = award_points(transaction, terms, cause, user, made.points); !given) return failure(given);
  const auto table = keep_table(transaction, won->table);
  if (!table) return std::unexpected(table.error());
  if (auto kept = write_down(transaction, user, made, draw, *seed, *table); !kept) return failure(kept);
  if (auto told = tell(transaction, cause, user, made); !told) return failure(told);
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

Result<std::vector<Spin>> spins_of(db::Transaction& transaction, const UserId& user, std::int64_t count,
                                   const std::string& before) {
  constexpr std::string_view behind_all = "~";  // Greater than any id.
  auto rows = transaction.query(
      "SELECT id, prize_id, prize_name, prize_type, cost, points, store_id, client_seed, created_at FROM spin"
      " WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
      {user.str(), before.empty() ? std::string(behind_all) : before, count});
  if (!rows) return failure(rows);
  std::vector<Spin> spins;
  for (const db::Row& row : *rows) {
    const auto type = find_prize_type(row.text(3));
    if (!type) return fail(Errc::corrupt, "a spin's prize has a type that is none");
    Spin spin{.id = row.text(0),
              .prize_id = row.text(1),
              .prize_name = row.text(2),
              .prize_type = *type,
              .cost = row.integer(4),
              .points = row.integer(5),
              .store = std::nullopt,
              .client_seed = row.text(7),
              .at = WallTime{Millis{row.integer(8)}}};
    if (const auto store = row.optional_text(6)) spin.store = StoreId(*store);
    spins.push_back(std::move(spin));
  }
  return spins;
}

void write_prize_won(json::Writer& out, const Spin& spin) {
  out.begin_object().field("id", spin.prize_id).field("name", spin.prize_name);
  out.field("type", name_of(spin.prize_type)).end_object();
}

void write_spin(json::Writer& out, const Spin& spin) {
  out.begin_object().field("spinId", spin.id).key("prize");
  write_prize_won(out, spin);
  out.field("cost", spin.cost).field("pointsAwarded", spin.points);
  out.field("channel", spin.store ? "till" : "web").key("storeId");
  spin.store ? out.value(spin.store->str()) : out.null();
  out.field("clientSeed", spin.client_seed).field("createdAt", format_time(spin.at)).end_object();
}

std::string winner_name(const UserId& user) {
  return "user:" + user.str();
}

std::string winner_name(const CustomerId& card) {
  return "card:" + card.str();
}

}  // namespace perkline::hub::wheel
