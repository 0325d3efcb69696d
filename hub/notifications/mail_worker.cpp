#include "hub/notifications/mail_worker.hpp"

#include <algorithm>

#include "shared/net/either.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::notifications {
namespace {

constexpr std::string_view context = "mail";
constexpr Millis between_notes{500};

/// base · 2^(attempt - 1), up to `max`; without jitter, as a mail's own moments are spread already.
Millis pause_after(std::int64_t attempts, Millis base, Millis max) {
  constexpr std::int64_t doublings_max = 30;
  const std::int64_t doublings = std::clamp<std::int64_t>(attempts - 1, 0, doublings_max);
  return std::min(max, base * (std::int64_t{1} << doublings));
}

}  // namespace

Lease MailWorker::new_lease() {
  const WallTime now = parts_.clock.wall_now();
  return {.holder = parts_.ids.next().str(), .from = now, .until = now + options_.lease};
}

Task<void> MailWorker::run() {
  running_ = true;
  while (!draining_) {
    const Round round = co_await send_some();
    if (round == Round::unreachable) {
      ++unreachable_;
      co_await net::either(
          parts_.clock.sleep(pause_after(unreachable_, options_.unreachable_base, options_.unreachable_max)),
          end_.wait());
    } else if (round == Round::idle) {
      co_await net::either(parts_.clock.sleep(options_.look_every), hurry_.wait());
    }
  }
  running_ = false;
  ended_.notify();
}

Task<void> MailWorker::drain() {
  draining_ = true;
  hurry_.notify();
  end_.notify();
  while (running_) co_await ended_.wait();
}

Task<MailWorker::Round> MailWorker::send_some() {
  const Lease lease = new_lease();
  const auto claimed = co_await db::write_for<std::vector<ClaimedMail>>(
      parts_.database,
      [&](db::Transaction& transaction) { return claim_mails(transaction, lease, options_.claim_max); });
  // A database that is away is told elsewhere.
  if (!claimed || claimed->empty()) co_return Round::idle;
  Round round = Round::worked;
  for (const ClaimedMail& mail : *claimed) {
    // Whoever comes after the lease's end would send it too.
    if (draining_ || parts_.clock.wall_now() + send_time_max > lease.until) break;
    if (co_await send_one(mail, lease) == MailFate::unreachable) {
      round = Round::unreachable;
      break;
    }
    unreachable_ = 0;
  }
  (void)co_await parts_.database.write(
      [&](db::Transaction& transaction) { return release_mails(transaction, lease); });
  co_return round;
}

Task<MailFate> MailWorker::send_one(ClaimedMail mail, Lease lease) {
  if (!mail.to) {
    co_await note({.id = mail.id,
                   .state = MailState::discarded,
                   .reason = "the member has no address, or one that was refused before",
                   .at = parts_.clock.wall_now()},
                  lease);
    co_return MailFate::sent;
  }
  const MailOutcome outcome = co_await parts_.port.send(
      {.id = mail.id, .to = *mail.to, .subject = mail.subject, .body = mail.body, .date = mail.created_at});
  if (options_.observe) options_.observe(outcome.fate);
  MailDecision decision = decision_for(mail, outcome);
  if (outcome.fate != MailFate::sent) {
    ops::log(ops::Level::warn, context, "a mail was not taken",
             {{"mail", mail.id}, {"reason", outcome.status}, {"state", name_of(decision.state)}});
  }
  co_await note(std::move(decision), lease);
  co_return outcome.fate;
}

MailDecision MailWorker::decision_for(const ClaimedMail& mail, const MailOutcome& outcome) const {
  const WallTime now = parts_.clock.wall_now();
  MailDecision decision{.id = mail.id, .reason = outcome.reason, .at = now};
  switch (outcome.fate) {
    case MailFate::sent:
      decision.state = MailState::sent;
      return decision;
    case MailFate::refused:
      decision.state = MailState::dead;
      if (outcome.is_of_address) decision.refused_address = mail.to;
      return decision;
    case MailFate::put_off:
      decision.next_at = now + pause_after(mail.attempts, options_.put_off_base, options_.put_off_max);
      break;
    case MailFate::unreachable:
      // Behind the others: it may be this mail that breaks the line.
      decision.next_at =
          now + pause_after(mail.attempts, options_.unreachable_base, options_.unreachable_max);
      return decision;
  }
  if (now - mail.created_at > options_.give_up_after) decision.state = MailState::dead;
  return decision;
}

/// Until it is written down: the mail would be sent again otherwise.
Task<void> MailWorker::note(MailDecision decision, Lease lease) {
  while (true) {
    const auto noted = co_await parts_.database.write(
        [&](db::Transaction& transaction) { return decide_mail(transaction, lease, decision); });
    if (noted || parts_.clock.wall_now() > lease.until + options_.lease) co_return;
    co_await parts_.clock.sleep(between_notes);
  }
}

}  // namespace perkline::hub::notifications
