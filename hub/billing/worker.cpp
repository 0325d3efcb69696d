#include "hub/billing/worker.hpp"

#include <algorithm>

#include "shared/net/either.hpp"
#include "shared/net/reactor.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::billing {
namespace {

constexpr std::string_view context = "payments";

bool is_final(const Result<Verdict>& verdict) {
  return verdict && (verdict->state == Verdict::State::settled || verdict->state == Verdict::State::declined);
}

/// What a provider usually knows by then.
constexpr std::int64_t asked_usually = 4;

void tell_doubt(const Intent& intent, const Result<Verdict>& verdict) {
  if (intent.asked < asked_usually) return;
  ops::log(ops::Level::warn, context, "a payment is pending still",
           {{"payment", intent.payment.id.str()},
            {"attempts", intent.asked + 1},
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
  const auto due = co_await db::read_for<bool>(
      parts_.database, [now](db::Transaction& transaction) { return billing::is_any_due(transaction, now); });
  co_return due && *due;
}

Task<bool> Worker::take_some() {
  const WallTime now = parts_.clock.wall_now();
  const auto count = static_cast<std::int64_t>(options_.in_flight_max - in_flight_.size());
  auto intents = co_await db::write_for<std::vector<Intent>>(
      parts_.database, [this, now, count](db::Transaction& transaction) {
        return claim(transaction, now, options_.lease, count);
      });
  if (!intents) co_return false;
  bool taken = false;
  for (Intent& intent : *intents) {
    // One that took longer than its lease goes on as it was.
    if (stopping_ || !in_flight_.insert(intent.payment.id).second) continue;
    taken = true;
    co_await net::spawn_child(settle(std::move(intent)));
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
  in_flight_.erase(intent.payment.id);
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
  tell_doubt(intent, verdict);
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
  if (ended->to_give_back) {
    // Money has moved outside that is not here: for people to give back.
    if (parts_.to_give_back) parts_.to_give_back();
    ops::log(ops::Level::error, context,
             "a payment that its provider settled could not be booked, and has failed",
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

}  // namespace perkline::hub::billing
