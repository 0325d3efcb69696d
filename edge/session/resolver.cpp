#include "edge/session/resolver.hpp"

#include <string>

#include "edge/session/outcome.hpp"
#include "shared/core/limits.hpp"
#include "shared/net/reactor.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::session {
namespace {

using ops::Level;

/// So many sessions are worked on at once; tills come first at PDI.
constexpr std::size_t slots = 4;
/// As good as for ever: the holder of a slot is bounded by PDI's timeouts.
constexpr hours slot_wait{24};
constexpr Millis drain_look{20};

std::string slot_of(const SessionId& id) {
  return "resolver:" + std::to_string(std::hash<SessionId>{}(id) % slots);
}

bool cannot_have_been_sent(const pdi::Failure& failure) {
  return failure.outcome != pdi::Outcome::rejected && !failure.may_have_been_sent;
}

std::uint32_t resends(const Session& session) {
  return session.attempts > 0 ? session.attempts - 1 : 0;
}

/// What a person should look into; nothing is lost meanwhile.
void tell_alarm(Doubt::Verdict verdict, const Session& session) {
  const auto attempts = static_cast<std::int64_t>(session.attempts);
  if (verdict == Doubt::Verdict::exhausted) {
    ops::log(Level::error, "resolver", "PDI does not book a sale however often it is sent",
             {{"sessionId", session.id.str()}, {"attempts", attempts}});
  } else if (verdict == Doubt::Verdict::contradiction) {
    ops::log(Level::error, "resolver", "PDI contradicts itself about a sale in doubt",
             {{"sessionId", session.id.str()}, {"attempts", attempts}});
  }
}

}  // namespace

Resolver::Resolver(ResolverOptions options, Ports ports) : options_(options), ports_(ports) {}

Task<Result<void>> Resolver::start() {
  auto waiting = ports_.store.waiting();
  if (!waiting) co_return failure(waiting);
  const MonoTime now = ports_.clock.mono_now();
  for (const SessionId& id : *waiting) co_await take(id, now);
  co_return Result<void>{};
}

Task<void> Resolver::take(SessionId id, MonoTime last_byte) {
  if (!open_.insert(id).second) co_return;
  co_await net::spawn_child(resolve(id, Doubt(last_byte, options_.quiet)));
}

Task<void> Resolver::resolve(SessionId id, Doubt doubt) {
  bool done = false;
  while (!done) {
    co_await ports_.clock.sleep_until(doubt.next_ask());
    if (draining_) co_return;
    ++working_;
    done = co_await work_on(id, doubt);
    --working_;
  }
  open_.erase(id);
}

Task<void> Resolver::drain(MonoTime deadline) {
  draining_ = true;
  while (working_ > 0 && ports_.clock.mono_now() < deadline) co_await ports_.clock.sleep(drain_look);
}

/// True when nothing is left to find out.
Task<bool> Resolver::work_on(SessionId id, Doubt& doubt) {
  auto slot = co_await ports_.locks.acquire(slot_of(id), ports_.clock.mono_now() + slot_wait);
  auto turn = co_await ports_.locks.acquire(id.str(), ports_.clock.mono_now() + limits::session_queue_wait);
  if (draining_) co_return false;
  if (!slot || !turn) {
    doubt.wait_until(ports_.clock.mono_now() + limits::session_queue_wait);
    co_return false;
  }
  auto session = ports_.store.find(id);
  if (!session || !*session) {
    ops::log(Level::error, "resolver", "a session in doubt cannot be read", {{"sessionId", id.str()}});
    co_return true;
  }
  if ((*session)->status != Status::finalizing) co_return true;
  co_return co_await ask(std::move(**session), doubt);
}

Task<bool> Resolver::ask(Session session, Doubt& doubt) {
  auto answer = co_await ports_.pdi.status(session.provider_session,
                                           ports_.clock.mono_now() + options_.timeouts.status);
  const Doubt::Verdict verdict = doubt.judge(answer, ports_.clock.mono_now(), resends(session));
  if (doubt.is_news(verdict)) tell_alarm(verdict, session);
  if (verdict == Doubt::Verdict::adopt) co_return co_await adopt(std::move(session), *answer->finalized);
  if (verdict == Doubt::Verdict::send_again) co_return co_await send_again(std::move(session), doubt);
  co_return false;
}

/// The attempt is counted in the journal before it leaves, so that no number of restarts sends it more often.
Task<bool> Resolver::send_again(Session session, Doubt& doubt) {
  const std::uint32_t before = session.attempts;
  auto counted = recounted(std::move(session), before + 1);
  if (!counted || !co_await ports_.store.commit(*counted)) co_return false;
  ops::log(Level::warn, "resolver", "sending finalize again",
           {{"sessionId", counted->id.str()}, {"attempts", static_cast<std::int64_t>(counted->attempts)}});

  auto reply = co_await ports_.pdi.finalize({.session = counted->provider_session,
                                             .transaction = counted->transaction,
                                             .final_amount = counted->sale->final_amount,
                                             .apply_rewards = counted->sale->apply_rewards,
                                             .redeem = counted->sale->redeem},
                                            ports_.clock.mono_now() + options_.timeouts.finalize);
  if (reply) co_return co_await adopt(std::move(*counted), *reply);
  const MonoTime now = ports_.clock.mono_now();
  if (cannot_have_been_sent(reply.error())) {
    if (reply.error().error.retry_after) doubt.wait_until(now + *reply.error().error.retry_after);
    auto taken_back = recounted(std::move(*counted), before);
    if (taken_back) (void)co_await ports_.store.commit(std::move(*taken_back));
  } else {
    // Also a refusal: it may refuse the doubling of what an earlier attempt has booked. The status decides.
    doubt.sent_again(now);
  }
  co_return false;
}

Task<bool> Resolver::adopt(Session session, pdi::Finalized finalized) {
  const std::string id = session.id.str();
  auto done = booked(std::move(session), finalized, ports_.clock.wall_now());
  if (!done) co_return false;
  std::vector<journal::NewEvent> events;
  events.push_back(new_event(ports_, done->session.traceparent, std::move(done->event)));
  if (auto kept = co_await ports_.store.commit(std::move(done->session), std::move(events)); !kept) {
    ops::log(Level::error, "resolver", "a booked sale cannot be kept",
             {{"sessionId", id}, {"error", name_of(kept.error().code)}});
    co_return false;
  }
  ops::log(Level::info, "resolver", "sale settled",
           {{"sessionId", id}, {"earnedPoints", finalized.earned.count}});
  co_return true;
}

}  // namespace perkline::edge::session
