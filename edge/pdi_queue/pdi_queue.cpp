#include "edge/pdi_queue/pdi_queue.hpp"

#include <algorithm>
#include <utility>

#include "edge/session/review.hpp"
#include "pdi_client/retry_after.hpp"
#include "shared/core/backoff.hpp"
#include "shared/net/reactor.hpp"
#include "shared/ops/log.hpp"
#include "shared/ops/trace.hpp"

namespace perkline::edge::pdi_queue {
namespace {

using ops::Level;
using session::Outcome;
using session::Session;
using session::SharedSession;
using session::Status;

/// Settlement's calls at a time; tills come first at PDI.
constexpr std::size_t calls_max = 4;
/// Sales under way at a time: so many that some always have a call to make while others wait for the disk.
constexpr std::size_t sales_max = 32;
constexpr Millis drain_look{20};
/// When to ask again whether a retry may be made.
constexpr Millis retry_pause{1000};
/// Between two probes at least, and after a call the gate did not let through.
constexpr Millis gate_pause{100};
constexpr std::size_t page_max = 256;
constexpr Millis backoff_base{1000};
constexpr Millis backoff_max = minutes{5};
/// PDI need not know it: that it says so is all a probe asks for.
constexpr const char* unknown_session = "perkline-probe";

void log_session(Level level, const char* what, const Session& session, const std::string& detail) {
  ops::log(level, "pdi_queue", what,
           {{"sessionId", session.id.str()},
            {"detail", detail},
            {"traceId", ops::trace_id_of(session.traceparent)},
            {"spanId", ops::span_id_of(session.traceparent)}});
}

Result<Outcome> plain(Result<Session> session) {
  if (!session) return failure(session);
  return Outcome{.session = std::move(*session)};
}

}  // namespace

PdiQueue::PdiQueue(PdiQueueOptions options, session::Ports ports, session::SessionWriter& writer,
                   session::Finalizer& finalizer, Gate gate, Rng& rng)
    : options_(options),
      ports_(ports),
      writer_(writer),
      finalizer_(finalizer),
      gate_(std::move(gate)),
      rng_(rng),
      pdi_(ports.settlement, ports.clock, [this] { return gate_.is_closed() ? calls_max : 1; }),
      schedule_(options.known_max) {}

Result<void> PdiQueue::start() {
  if (auto counted = ports_.store.count(); !counted) return counted;
  return refill();
}

/// From the disk, as far as there is room; then all over again, for what came in meanwhile.
Result<void> PdiQueue::refill() {
  while (!schedule_.full()) {
    // No more than there is room for: what a page holds is not looked at again.
    const std::size_t room = options_.known_max - schedule_.size();
    const auto page = ports_.store.waiting(scanned_to_, std::min(room, page_max));
    if (!page) return std::unexpected(page.error());
    for (const SessionId& id : page->ids) {
      if (!finalizer_.is_sending(id)) schedule_.add(id, now());
    }
    scanned_to_ = page->next;
    if (!scanned_to_.empty()) continue;
    all_known_ = !std::exchange(passed_by_, false);
    if (all_known_) break;
  }
  return {};
}

void PdiQueue::add(const SessionId& id, MonoTime last_byte) {
  if (schedule_.full()) {
    all_known_ = false;
    // Its place may be one that the look under way has passed: clocks are set back.
    passed_by_ = passed_by_ || !scanned_to_.empty();
    return;
  }
  schedule_.add(id, last_byte);
  wake_->notify();
}

Task<void> PdiQueue::run() {
  while (!draining_) {
    co_await begin_work();
    co_await wait_for_work();
  }
}

Task<void> PdiQueue::drain(MonoTime deadline) {
  draining_ = true;
  pdi_.stop();
  wake_->notify();
  while (working_ > 0 && now() < deadline) co_await ports_.clock.sleep(drain_look);
}

/// The next one whose time has come; what failed before also needs leave.
std::optional<SessionId> PdiQueue::take_due() {
  while (auto id = schedule_.take(now())) {
    if (schedule_.working(*id).failures == 0 || gate_.may_retry()) return id;
    schedule_.put_back(*id, now() + retry_pause);
  }
  return std::nullopt;
}

Task<void> PdiQueue::begin_work() {
  // What failed while PDI was out need not wait on: the oldest goes first again.
  if (gate_.is_closed() && !was_closed_) schedule_.recall(now());
  was_closed_ = gate_.is_closed();
  if (!all_known_ && schedule_.size() < options_.known_max / 2) {
    const auto filled = refill();
    if (filled) {
      faults_.over();
    } else if (faults_.is_news(filled.error().detail, now())) {
      ops::log(Level::error, "pdi_queue", "the queue cannot be read", {{"detail", filled.error().detail}});
    }
  }
  while (!draining_ && open_at() <= now() && working_ < (gate_.is_closed() ? sales_max : 1)) {
    if (auto id = gate_.is_held() ? std::nullopt : take_due()) {
      ++working_;
      co_await net::spawn_child(work(std::move(*id)));
    } else if (!gate_.is_closed() && next_probe_ <= now()) {
      ++working_;
      next_probe_ = now() + gate_pause;
      co_await net::spawn_child(probe());
    } else {
      co_return;
    }
  }
}

/// Until there may be something to do.
Task<void> PdiQueue::wait_for_work() {
  if (draining_) co_return;
  MonoTime until = MonoTime::max();
  const bool closed = gate_.is_closed();
  if (working_ < (closed ? sales_max : 1)) {
    if (!gate_.is_held()) until = schedule_.next_due().value_or(MonoTime::max());
    if (!closed) until = std::min(until, next_probe_);
    until = std::max(until, open_at());
  }
  // The breaker may open without a word; nothing here is in a hurry.
  until = std::min(until, now() + seconds{1});
  (void)co_await ports_.clock.wait_for(*wake_, until);
}

void PdiQueue::finish_work() {
  --working_;
  wake_->notify();
}

Task<void> PdiQueue::work(SessionId id) {
  const Next next = co_await work_on(id);
  refused_until_ = next.refused ? now() + gate_pause : MonoTime{};
  if (next.due) {
    schedule_.put_back(id, *next.due);
  } else {
    schedule_.remove(id);
  }
  finish_work();
}

Task<void> PdiQueue::probe() {
  const ProviderSessionId session =
      last_provider_session_.empty() ? ProviderSessionId(unknown_session) : last_provider_session_;
  (void)co_await pdi_.status(session, now() + options_.timeouts.status);
  finish_work();
}

Task<PdiQueue::Next> PdiQueue::work_on(SessionId id) {
  auto found = ports_.store.share(id);
  if (!found || !*found) {
    ops::log(Level::error, "pdi_queue", "a sale to be settled cannot be read",
             {{"sessionId", id.str()}, {"detail", found ? std::string_view() : found.error().detail}});
    co_return Next{found ? std::nullopt : std::optional(now() + backoff_max)};
  }
  SharedSession session = std::move(*found);
  if (finalizer_.is_sending(id)) co_return Next{};
  if (session->status == Status::finalizing) {
    // Its sender is no more.
    auto doubted = co_await writer_.change(id, [this](Session current) {
      return plain(session::lost(std::move(current), ports_.clock.wall_now()));
    });
    if (!doubted) co_return Next{now() + gate_pause};
    session = std::move(*doubted);
  }
  if (!session->provider_session.empty()) last_provider_session_ = session->provider_session;
  Schedule::Entry& entry = schedule_.working(id);
  Session own = *session;
  session.reset();  // so that whoever changes it need not copy it once more
  if (own.status == Status::queued) {
    entry.doubt.reset();
    co_return co_await settle(std::move(own));
  }
  if (own.status != Status::in_doubt) co_return Next{};
  if (!entry.doubt) {
    entry.doubt.emplace(entry.due, options_.quiet);
    co_return Next{entry.doubt->next_ask()};
  }
  co_return co_await ask(std::move(own));
}

// ---- in doubt

Task<PdiQueue::Next> PdiQueue::ask(Session session) {
  const SessionId id = session.id;
  auto answer =
      co_await pdi_.status({session.provider_session, session.traceparent}, now() + options_.timeouts.status);
  Schedule::Entry& entry = schedule_.working(id);
  Doubt& doubt = *entry.doubt;
  if (!answer && answer.error().outcome == pdi::Outcome::not_tried) {
    const Next next = refused(answer.error());
    doubt.wait_until(*next.due);
    co_return next;
  }
  entry.failures = answer || answer.error().outcome == pdi::Outcome::rejected ? 0 : entry.failures + 1;
  if (!answer && answer.error().error.retry_after)
    answer.error().error.retry_after = patience(answer.error().error.retry_after);
  switch (doubt.judge(answer, now(), session.attempts - 1)) {
    case Doubt::Verdict::wait:
      co_return Next{doubt.next_ask()};
    case Doubt::Verdict::adopt: {
      auto done = co_await writer_.change(id, [&](Session current) {
        return session::booked(std::move(current), *answer->finalized, ports_.clock.wall_now(),
                               ports_.rules.now()->receipt);
      });
      if (!done) co_return Next{now() + backoff_base};
      co_return Next{};
    }
    case Doubt::Verdict::send_again:
      if (!gate_.may_retry()) co_return Next{doubt.next_ask()};
      log_session(Level::warn, "sending finalize again", session, std::to_string(session.attempts));
      co_return co_await send(std::move(session));
    case Doubt::Verdict::exhausted:
      co_return co_await refer(id, "PDI does not book it however often it is sent", std::nullopt);
    case Doubt::Verdict::contradiction:
      co_return co_await refer(id, "PDI denies the session or contradicts itself", std::nullopt);
    case Doubt::Verdict::too_old:
      co_return co_await refer(id, "PDI has not told its outcome for 24 hours", std::nullopt);
  }
  std::unreachable();
}

// ---- queued

/// Whatever of identify, calculate and finalize PDI has not seen, under the same transaction.
Task<PdiQueue::Next> PdiQueue::settle(Session session) {
  const MonoTime began = now();
  if (session.provider_session.empty()) {
    auto identified = co_await pdi_.identify({.customer = session.customer,
                                              .channel = session.channel,
                                              .transaction = session.transaction,
                                              .traceparent = session.traceparent},
                                             began + options_.timeouts.identify);
    if (!identified) co_return co_await put_off(std::move(session), std::move(identified.error()));
    session.provider_session = std::move(identified->session);
    last_provider_session_ = session.provider_session;
  }
  if (!session.priced_at_pdi) {
    auto priced = co_await pdi_.calculate({.session = session.provider_session,
                                           .transaction_amount = session.basket->amount,
                                           .items = session.basket->items,
                                           .traceparent = session.traceparent},
                                          now() + options_.timeouts.calculate);
    if (!priced) co_return co_await put_off(std::move(session), std::move(priced.error()));
    session.priced_at_pdi = true;
  }
  co_return co_await send(std::move(session));
}

/// finalize, for the first time or once more. The attempt is counted in the journal before it leaves, so that
/// no number of restarts sends it more often.
Task<PdiQueue::Next> PdiQueue::send(Session session) {
  const SessionId id = session.id;
  auto intent = co_await writer_.change(id, [&](Session current) {
    current.provider_session = session.provider_session;
    current.priced_at_pdi = session.priced_at_pdi;
    return plain(session::sending(std::move(current), ports_.clock.wall_now()));
  });
  if (!intent) co_return Next{now() + backoff_base};
  const auto sent = co_await finalizer_.send(std::move(*intent), pdi_, now() + options_.timeouts.finalize,
                                             std::nullopt, {});
  if (!sent) co_return Next{now() + backoff_base};
  co_return after(*sent);
}

/// What PDI asks for, and up to a fifth more.
Millis PdiQueue::patience(std::optional<Millis> retry_after) {
  return retry_after ? pdi::stretched(*retry_after, rng_) : Millis{0};
}

PdiQueue::Next PdiQueue::after(const session::Finalizer::Sent& sent) {
  const Session& session = *sent.session;
  Schedule::Entry& entry = schedule_.working(session.id);
  const MonoTime not_before = now() + patience(sent.retry_after);
  if (session.status == Status::review)
    log_session(Level::error, "PDI refuses a pending sale; a person has to decide", session,
                session.refusal.value_or(ProviderFault{}).code);
  if (session.status == Status::in_doubt) {
    if (entry.doubt) {
      entry.doubt->sent_again(now());
    } else {
      entry.doubt.emplace(now(), options_.quiet);
    }
    entry.doubt->wait_until(not_before);
    return {entry.doubt->next_ask()};
  }
  if (session.status != Status::queued) return {};
  entry.not_before = not_before;
  const MonoTime backed_off = now() + full_jitter(rng_, entry.failures++, backoff_base, backoff_max);
  return {std::max({gate_.open_at(), not_before, backed_off})};
}

/// A call that was not let through. It costs no time at all: were the next sale tried at once, and the one
/// after that, nothing else would get its turn in a long queue.
PdiQueue::Next PdiQueue::refused(const pdi::Failure& why) const {
  const MonoTime due = now() + why.error.retry_after.value_or(gate_pause);
  return {.due = std::max(gate_.open_at(), due), .refused = true};
}

/// A step before finalize has failed.
Task<PdiQueue::Next> PdiQueue::put_off(Session session, pdi::Failure why) {
  const SessionId id = session.id;
  if (why.outcome == pdi::Outcome::rejected)
    co_return co_await refer(id, "PDI refuses the sale", std::move(why.error.provider));
  Schedule::Entry& entry = schedule_.working(id);
  const bool is_refused = why.outcome == pdi::Outcome::not_tried;
  if (is_refused) {
    const auto kept = ports_.store.find(id);
    const bool knows = !kept || !*kept || (*kept)->provider_session == session.provider_session;
    if (knows) co_return refused(why);
  }
  // What was learnt on the way is kept, so that PDI is not asked for another session.
  auto noted = co_await writer_.change(id, [&](Session current) {
    auto next = take_step(std::move(current), session::Step::note);
    if (next) next->provider_session = session.provider_session;
    return plain(std::move(next));
  });
  (void)noted;
  if (is_refused) co_return refused(why);
  entry.not_before = now() + patience(why.error.retry_after);
  const MonoTime backed_off = now() + full_jitter(rng_, entry.failures++, backoff_base, backoff_max);
  co_return Next{std::max(backed_off, entry.not_before)};
}

// ---- a person's part

Task<PdiQueue::Next> PdiQueue::refer(SessionId id, std::string reason, std::optional<ProviderFault> refusal) {
  auto done = co_await writer_.change(id, [&](Session current) {
    return plain(session::referred(std::move(current), reason, std::move(refusal)));
  });
  if (!done) co_return Next{now() + backoff_base};
  log_session(Level::error, "a person has to decide about a sale", **done, reason);
  co_return Next{};
}

Task<Result<void>> PdiQueue::retry(SessionId id, std::string actor) {
  auto done = co_await session::retry_review(writer_, ports_.clock, id, std::move(actor));
  if (!done) co_return failure(done);
  add(id, now());
  co_return Result<void>{};
}

Task<Result<void>> PdiQueue::discard(SessionId id, std::string reason, std::string actor) {
  auto done =
      co_await session::discard_review(writer_, ports_.clock, id, std::move(reason), std::move(actor));
  if (!done) co_return failure(done);
  co_return Result<void>{};
}

}  // namespace perkline::edge::pdi_queue
