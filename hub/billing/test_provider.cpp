#include "hub/billing/test_provider.hpp"

#include <optional>

namespace perkline::hub::billing {
namespace {

bool settles(TestOutcome outcome) {
  return outcome != TestOutcome::declines && outcome != TestOutcome::declines_unheard;
}

bool is_unheard(TestOutcome outcome) {
  return outcome == TestOutcome::settles_unheard || outcome == TestOutcome::declines_unheard;
}

struct Known {
  Charge charge;
  bool settled = false;
  bool refunded = false;
  WallTime known_at;
};

Result<std::optional<Known>> find(db::Transaction& transaction, const std::string& reference) {
  auto rows = transaction.query(
      "SELECT amount, currency, outcome, known_at, refunded_at FROM test_provider_charge WHERE reference = "
      "$1",
      {reference});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  const db::Row& row = rows->front();
  const auto currency = find_currency(row.text(1));
  if (!currency) return fail(Errc::corrupt, "a charge of the test provider is of no currency");
  return Known{.charge = {.reference = reference, .amount = {row.integer(0), *currency}},
               .settled = row.text(2) == "settled",
               .refunded = !row.is_null(4),
               .known_at = WallTime{Millis{row.integer(3)}}};
}

Verdict verdict_of(const Known& known, WallTime now) {
  if (now < known.known_at) return {.state = Verdict::State::pending};
  if (known.refunded) return {.state = Verdict::State::refunded};
  if (known.settled) return {.state = Verdict::State::settled};
  return {.state = Verdict::State::declined, .reason = "DECLINED"};
}

/// Whether the charge is new.
Result<bool> insert(db::Transaction& transaction, const Charge& charge, TestOutcome outcome, WallTime now) {
  const WallTime known_at = outcome == TestOutcome::settles_late ? now + test_provider_delay : now;
  auto made = transaction.execute(
      "INSERT INTO test_provider_charge (reference, amount, currency, outcome, known_at)"
      " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (reference) DO NOTHING",
      {charge.reference, charge.amount.minor, std::string(charge.amount.currency.code()),
       settles(outcome) ? "settled" : "declined", known_at.time_since_epoch().count()});
  if (!made) return failure(made);
  return *made == 1;
}

}  // namespace

TestOutcome test_outcome(const Money& amount) {
  switch (amount.minor % 10'000) {
    case 9901:
      return TestOutcome::declines;
    case 9902:
      return TestOutcome::settles_late;
    case 9903:
      return TestOutcome::settles_unheard;
    case 9904:
      return TestOutcome::declines_unheard;
    default:
      return TestOutcome::settles;
  }
}

Task<Result<Verdict>> TestProvider::settle(Charge charge) {
  const WallTime now = clock_.wall_now();
  const TestOutcome outcome = test_outcome(charge.amount);
  bool is_new = false;
  auto verdict =
      co_await db::write_for<Verdict>(database_, [&](db::Transaction& transaction) -> Result<Verdict> {
        const auto inserted = insert(transaction, charge, outcome, now);
        if (!inserted) return std::unexpected(inserted.error());
        is_new = *inserted;
        const auto known = find(transaction, charge.reference);
        if (!known) return std::unexpected(known.error());
        if ((*known)->charge.amount != charge.amount)
          return fail(Errc::already_exists, "the reference is another charge's");
        return verdict_of(**known, now);
      });
  if (verdict && is_new && is_unheard(outcome))
    co_return fail(Errc::connection_lost, "the test provider's answer is lost, as asked for");
  co_return verdict;
}

Task<Result<Verdict>> TestProvider::refund(std::string reference) {
  const WallTime now = clock_.wall_now();
  bool is_unheard_now = false;
  auto verdict =
      co_await db::write_for<Verdict>(database_, [&](db::Transaction& transaction) -> Result<Verdict> {
        auto given = transaction.execute(
            "UPDATE test_provider_charge SET refunded_at = $2 WHERE reference = $1 AND outcome = 'settled'"
            " AND known_at <= $2 AND refunded_at IS NULL",
            {reference, now.time_since_epoch().count()});
        if (!given) return failure(given);
        const auto known = find(transaction, reference);
        if (!known) return std::unexpected(known.error());
        if (!*known) return Verdict{.state = Verdict::State::declined, .reason = "UNKNOWN"};
        is_unheard_now = *given == 1 && is_unheard(test_outcome((*known)->charge.amount));
        return verdict_of(**known, now);
      });
  if (verdict && is_unheard_now)
    co_return fail(Errc::connection_lost, "the test provider's answer is lost, as asked for");
  co_return verdict;
}

Task<Result<Verdict>> TestProvider::status(std::string reference) {
  const WallTime now = clock_.wall_now();
  co_return co_await db::read_for<Verdict>(
      database_, [&reference, now](db::Transaction& transaction) -> Result<Verdict> {
        const auto known = find(transaction, reference);
        if (!known) return std::unexpected(known.error());
        return *known ? verdict_of(**known, now) : Verdict{};
      });
}

}  // namespace perkline::hub::billing
