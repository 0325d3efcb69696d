#include "hub/notifications/mail_worker.hpp"

#include <algorithm>
#include <utility>

#include "shared/net/either.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::notifications {
namespace {

constexpr std::string_view context = "mail";
constexpr Millis between_notes{500};
constexpr std::size_t broken_lines_max = 10'000;  ///< Known at a time.

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
      co_await net::either(parts_.clock.sleep(options_.look_every), end_.wait());
    }
  }
  running_ = false;
  ended_.notify();
}

void MailWorker::end() {
  draining_ = true;
  end_.notify();
}

Task<void> MailWorker::drain() {
  end();
  while (running_) co_await ended_.wait();
}

Task<MailWorker::Round> MailWorker::send_some() {
  const Lease lease = new_lease();
  const auto claimed =
      co_await db::write_for<std::vector<ClaimedMail>>(parts_.database, [&](db::Transaction& transaction) {
        return claim_mails(transaction, lease, options_.in_masses, options_.claim_max);
      });
  // A database that is away is told elsewhere.
  if (!claimed || claimed->empty()) co_return Round::idle;
  Round round = Round::worked;
  for (const ClaimedMail& mail : *claimed) {
    // Whoever comes after the lease's end would send it too.
    if (draining_ || parts_.clock.wall_now() + send_time_max > lease.until) break;
    const auto fate = co_await send_one(mail, lease);
    if (fate && is_server_away(mail.id, *fate)) {
      round = Round::unreachable;
      break;
    }
  }
  (void)co_await parts_.database.write(
      [&](db::Transaction& transaction) { return release_mails(transaction, lease); });
  co_return round;
}

bool MailWorker::is_server_away(const std::string& mail, MailFate fate) {
  if (fate != MailFate::unreachable) {
    unreachable_mail_.clear();
    unreachable_ = 0;
    return false;
  }
  const std::string before = std::exchange(unreachable_mail_, mail);
  return !before.empty() && before != mail;
}

Millis MailWorker::rest_of(const std::string& address) const {
  const auto line = broken_lines_.find(address);
  if (line == broken_lines_.end()) return Millis{0};
  return std::max(Millis{0},
                  std::chrono::duration_cast<Millis>(line->second.until - parts_.clock.mono_now()));
}

Millis MailWorker::pause_of(const ClaimedMail& mail, const MailOutcome& outcome) {
  if (outcome.fate == MailFate::unreachable)
    return pause_after(mail.attempts, options_.unreachable_base, options_.unreachable_max);
  if (!outcome.broke_the_line) {
    broken_lines_.erase(*mail.to);
    return pause_after(mail.attempts, options_.put_off_base, options_.put_off_max);
  }
  const MonoTime now = parts_.clock.mono_now();
  if (broken_lines_.size() >= broken_lines_max) {
    std::erase_if(broken_lines_, [now](const auto& line) { return line.second.until <= now; });
    if (broken_lines_.size() >= broken_lines_max) broken_lines_.clear();
  }
  BrokenLine& line = broken_lines_[*mail.to];
  line.times = std::max(line.times + 1, mail.attempts);
  const Millis pause = pause_after(line.times, options_.put_off_base, options_.put_off_max);
  line.until = now + pause;
  return pause;
}

Task<std::optional<MailFate>> MailWorker::send_one(ClaimedMail mail, Lease lease) {
  if (!mail.to) {
    co_await note({.id = mail.id,
                   .state = MailState::discarded,
                   .reason = "the member has no address, or one that was refused before",
                   .at = parts_.clock.wall_now()},
                  lease);
    co_return std::nullopt;
  }
  if (const Millis rest = rest_of(*mail.to); rest > Millis{0}) {
    const WallTime now = parts_.clock.wall_now();
    co_await note({.id = mail.id,
                   .reason = "it waits with another mail for this address, at which the line broke",
                   .at = now,
                   .next_at = now + rest},
                  lease);
    co_return std::nullopt;
  }
  const MailOutcome outcome = co_await parts_.port.send(
      {.id = mail.id, .to = *mail.to, .subject = mail.subject, .body = mail.body, .date = mail.created_at});
  if (options_.observe) options_.observe(outcome.fate);
  MailDecision decision = decision_for(mail, outcome, pause_of(mail, outcome));
  if (outcome.fate != MailFate::sent) {
    ops::log(ops::Level::warn, context, "a mail was not taken",
             {{"mail", mail.id}, {"reason", outcome.status}, {"state", name_of(decision.state)}});
  }
  co_await note(std::move(decision), lease);
  co_return outcome.fate;
}

MailDecision MailWorker::decision_for(const ClaimedMail& mail, const MailOutcome& outcome,
                                      Millis pause) const {
  const WallTime now = parts_.clock.wall_now();
  MailDecision decision{.id = mail.id, .reason = outcome.reason, .at = now, .next_at = now + pause};
  switch (outcome.fate) {
    case MailFate::sent:
      decision.state = MailState::sent;
      return decision;
    case MailFate::refused:
      decision.state = MailState::dead;
      if (outcome.is_of_address) decision.refused_address = mail.to;
      return decision;
    case MailFate::put_off:
      break;
    case MailFate::unreachable:
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
