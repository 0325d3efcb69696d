#include "hub/billing/worker.hpp"

#include <algorithm>

#include "shared/net/either.hpp"
#include "shared/net/reactor.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::billing {
namespace {

constexpr std::string_view context = "payments";

bool is_final(const Result<Verdict>& verdict) {
  using State = Verdict::State;
  return verdict && (verdict->state == State::settled || verdict->state == State::declined ||
                     verdict->state == State::refunded);
}

/// What a provider usually knows by then.
constexpr std::int64_t asked_usually = 4;

void tell_doubt(std::string_view what, const Uuid& payment, std::int64_t asked,
                const Result<Verdict>& verdict) {
  if (asked < asked_usually) return;
  ops::log(ops::Level::warn, context, what,
           {{"payment", payment.str()},
            {"attempts", asked + 1},
            {"provider", verdict ? "pending" : name_of(verdict.error().code)}});
}

/// After the first attempt, and whenever their number has doubled.
void tell_unbooked(const Intent& intent, const Error& error) {
  if ((intent.asked & (intent.asked - 1)) != 0) return;
  ops::log(ops::Level::warn, context, "a payment's outcome could not be booked",
           {{"payment", intent.payment.id.str()},
            {"attempts", intent.asked + 1},
            {"error", name_of(error.code)},
            {"detail", error.detail}});
}

/// What says nothing of the payment, and may be otherwise next time.
bool is_of_database(const Error& error) {
  switch (error.code) {
    case Errc::database_unavailable:
    case Errc::overloaded:
    case Errc::storage_full:
    case Errc::timed_out:
    case Errc::cancelled:
    case Errc::corrupt:
    case Errc::io_failed:
    case Errc::internal:
      return true;
    default:
      return false;
  }
}

Millis pause_after(std::int64_t attempts, const Worker::Options& options) {
  constexpr std::int64_t doublings_max = 16;
  const auto factor = std::int64_t{1} << std::min(attempts, doublings_max);
  return std::min(options.retry_first * factor, options.retry_max);
}

}  // namespace

Task<void> Worker::run() {
  running_ = true;
  while (!stopping_) {
    const bool room = in_flight_.size() < options_.in_flight_max;
    const bool taken = room && co_await is_any_due() && co_await take_some();
    if (!taken && !stopping_) co_await net::either(signal_.wait(), parts_.clock.sleep(options_.look_every));
  }
  running_ = false;
  idle_.notify();
}

Task<void> Worker::stop() {
  stopping_ = true;
  signal_.notify();
  while (running_ || !in_flight_.empty()) co_await idle_.wait();
}

/// A look writes nothing, unlike a claim.
Task<bool> Worker::is_any_due() {
  const WallTime now = parts_.clock.wall_now();
  // A database that is away is told elsewhere.
  const auto due =
      co_await db::read_for<bool>(parts_.database, [now](db::Transaction& transaction) -> Result<bool> {
        const auto payment = billing::is_any_due(transaction, now);
        if (!payment || *payment) return payment;
        return is_any_refund_due(transaction, now);
      });
  co_return due && *due;
}

Task<bool> Worker::take_some() {
  const WallTime now = parts_.clock.wall_now();
  const auto count = static_cast<std::int64_t>(options_.in_flight_max - in_flight_.size());
  std::vector<Intent> intents;
  std::vector<Refund> refunds;
  const auto claimed = co_await parts_.database.write([&](db::Transaction& transaction) -> Result<void> {
    auto payments = claim(transaction, now, options_.lease, count);
    if (!payments) return failure(payments);
    auto back = claim_refunds(transaction, now, options_.lease, count - std::ssize(*payments));
    if (!back) return failure(back);
    intents = std::move(*payments);
    refunds = std::move(*back);
    return {};
  });
  if (!claimed) co_return false;
  bool taken = false;
  // One that took longer than its lease goes on as it was.
  const auto may_begin = [this, &taken](const Uuid& payment) {
    const bool may = !stopping_ && in_flight_.insert(payment).second;
    taken |= may;
    return may;
  };
  for (Intent& intent : intents) {
    if (may_begin(intent.payment.id)) co_await net::spawn_child(settle(std::move(intent)));
  }
  for (Refund& refund : refunds) {
    if (may_begin(refund.payment)) co_await net::spawn_child(give_back(std::move(refund)));
  }
  co_return taken;
}

Task<void> Worker::settle(Intent intent) {
  const auto verdict = co_await ask(intent);
  const auto written = co_await write_down(intent, verdict);
  if (!written) {
    tell_unbooked(intent, written.error());
    // Else it is due again after its lease.
    [[maybe_unused]] const auto later = co_await try_later(intent);
  }
  leave(intent.payment.id);
}

void Worker::leave(const Uuid& payment) {
  in_flight_.erase(payment);
  signal_.notify();
  idle_.notify();
}

Task<Result<Verdict>> Worker::ask(const Intent& intent) {
  const std::string& reference = intent.payment.reference;
  if (intent.asked > 0) {
    auto known = co_await parts_.provider.status(reference);
    if (!known || known->state != Verdict::State::unknown) co_return known;
  }
  co_return co_await parts_.provider.settle(
      {.reference = reference, .amount = intent.payment.amount, .top_up = !intent.payment.payee.has_value()});
}

Task<Result<void>> Worker::write_down(const Intent& intent, const Result<Verdict>& verdict) {
  if (is_final(verdict)) co_return co_await end(intent, *verdict);
  tell_doubt("a payment is pending still", intent.payment.id, intent.asked, verdict);
  co_return co_await try_later(intent);
}

Task<Result<void>> Worker::try_later(const Intent& intent) {
  const WallTime due = parts_.clock.wall_now() + pause_after(intent.asked, options_);
  co_return co_await parts_.database.write(
      [&intent, due](db::Transaction& transaction) { return put_off(transaction, intent.payment.id, due); });
}

Task<Result<void>> Worker::end(const Intent& intent, const Verdict& verdict) {
  auto ended = co_await decide_now(intent, verdict);
  std::string detail;
  if (!ended && !is_of_database(ended.error())) {
    detail = ended.error().detail;
    ended = co_await decide_now(intent, verdict, std::string(wire_code(ended.error().code)));
  }
  if (!ended) co_return failure(ended);
  if (ended->refund) {
    ops::log(ops::Level::warn, context,
             "a payment that its provider settled could not be booked, and is to be given back",
             {{"payment", intent.payment.id.str()}, {"reason", *ended->reason}, {"detail", detail}});
  }
  co_return Result<void>{};
}

Task<Result<Payment>> Worker::decide_now(const Intent& intent, Verdict verdict,
                                         std::optional<std::string> refused) {
  const Cause cause = make_cause(parts_.ids, parts_.clock.wall_now(), intent.traceparent);
  co_return co_await db::write_for<Payment>(parts_.database, [&](db::Transaction& transaction) {
    return decide(transaction, cause, intent.payment, verdict, refused);
  });
}

Task<void> Worker::give_back(Refund refund) {
  const auto verdict = co_await ask_back(refund);
  const bool is_open =
      !verdict || verdict->state == Verdict::State::pending || verdict->state == Verdict::State::settled;
  if (is_open) {
    tell_doubt("a refund is pending still", refund.payment, refund.asked, verdict);
    const WallTime due = parts_.clock.wall_now() + pause_after(refund.asked, options_);
    // Else it is due again after its lease.
    [[maybe_unused]] const auto later =
        co_await parts_.database.write([&refund, due](db::Transaction& transaction) {
          return put_off_refund(transaction, refund.payment, due);
        });
  } else {
    co_await end_now(refund, *verdict);
  }
  leave(refund.payment);
}

Task<Result<Verdict>> Worker::ask_back(const Refund& refund) {
  if (refund.asked > 0) {
    auto known = co_await parts_.provider.status(refund.reference);
    if (!known || known->state != Verdict::State::settled) co_return known;
  }
  co_return co_await parts_.provider.refund(refund.reference);
}

Task<void> Worker::end_now(const Refund& refund, const Verdict& verdict) {
  const bool done = verdict.state == Verdict::State::refunded;
  const auto mine = co_await db::write_for<bool>(parts_.database, [&](db::Transaction& transaction) {
    return end_refund(transaction, refund.payment, done ? refund_done : refund_refused);
  });
  if (!mine || !*mine) co_return;
  if (done) {
    ops::log(ops::Level::info, context, "a payment was given back", {{"payment", refund.payment.str()}});
    co_return;
  }
  // Money has moved outside that is not here, and will not by itself: for people to give back.
  if (parts_.to_give_back) parts_.to_give_back();
  ops::log(ops::Level::error, context, "a payment's provider refuses to give it back",
           {{"payment", refund.payment.str()}, {"reason", verdict.reason}});
}

}  // namespace perkline::hub::billing
