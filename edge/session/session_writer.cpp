#include "edge/session/session_writer.hpp"

#include <algorithm>

#include "edge/session/erased.hpp"
#include "edge/session/sale_log.hpp"
#include "edge/session/till_error.hpp"
#include "edge/standin/calendar.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/planted.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::session {
namespace {

/// However long it takes: whoever has the turn commits, and on a full disk a commit waits for room.
constexpr MonoTime no_deadline = MonoTime::max();

void release(standin::Member& member, const Session& session) {
  const Points redeemed = session.sale->redeem.value_or(Points{});
  member.unsettled = Points{std::max<std::int64_t>(0, member.unsettled.count - redeemed.count)};
}

std::string state_key(const SessionId& id) {
  return "state:" + id.str();
}

void note_balance(standin::Member& member, const Session& session) {
  if (*session.finalized_at < member.as_of) return;
  member.points = *session.new_balance;
  member.as_of = *session.finalized_at;
}

}  // namespace

SessionWriter::SessionWriter(Ports ports, std::string timezone)
    : ports_(ports), timezone_(std::move(timezone)), aging_(ports.clock.wall_now(), ports.clock.mono_now()) {}

std::chrono::sys_days SessionWriter::today() const {
  return standin::local_day(timezone_, ports_.clock.wall_now());
}

WallTime SessionWriter::aged_now() {
  if (planted(PlantedBug::wall_clock_expiry)) return ports_.clock.wall_now();
  const WallTime aged = aging_.at(ports_.clock.wall_now(), ports_.clock.mono_now());
  tell_jump();
  return aged;
}

/// Once a jump: what is stamped from then on is wrong, and only a person can set the clock right.
void SessionWriter::tell_jump() {
  const Millis ahead = aging_.ahead();
  if (std::chrono::abs(ahead - ahead_told_) <= AgingClock::drift_max) return;
  ahead_told_ = ahead;
  ops::log(ops::Level::warn, "clock",
           ahead == Millis{0} ? "the wall clock is right again"
                              : "the wall clock has jumped: sessions age on by the steady one",
           {{"aheadSeconds", std::chrono::duration_cast<seconds>(ahead).count()}});
}

bool SessionWriter::is_old(const Session& session) {
  return may_expire(session) && aged_now() >= session.expires_at;
}

Task<Result<SharedSession>> SessionWriter::expire_if_old(SharedSession session) {
  if (!is_old(*session)) co_return session;
  auto done = co_await change(session->id, expired);
  if (done || done.error().code != Errc::session_state) co_return done;
  // Somebody was quicker: a till's call, or the job.
  auto found = ports_.store.share(session->id);
  if (found && !*found) co_return fail(Errc::not_found, "no such session");
  co_return found;
}

Task<Result<SharedSession>> SessionWriter::change(SessionId id,
                                                  std::function<Result<Outcome>(Session)> next) {
  if (held_ && held_(id)) co_return fail(session_busy());
  co_return co_await recover(std::move(id), std::move(next));
}

Task<Result<SharedSession>> SessionWriter::recover(SessionId id,
                                                   std::function<Result<Outcome>(Session)> next) {
  std::string key = state_key(id);
  std::optional<net::KeyedLock::Guard> turn = ports_.locks.try_acquire(key);
  if (!turn) {
    auto awaited = co_await ports_.locks.acquire(std::move(key), no_deadline);
    if (!awaited) co_return failure(awaited);
    turn = std::move(*awaited);
  }
  auto session = ports_.store.take(id);
  if (!session) co_return failure(session);
  if (!*session) co_return fail(Errc::not_found, "no such session");
  const Status before = (*session)->status;
  Told told{.asked = asked_at(**session)};
  auto outcome = next(std::move(**session));
  if (!outcome) co_return failure(outcome);
  told.what = what_became(before, *outcome);
  told.traceparent = outcome->traceparent.empty() ? outcome->session.traceparent : outcome->traceparent;
  told.owed = outcome->owed;
  auto committed = co_await commit(std::move(*outcome));
  if (committed && !told.what.empty()) log_change(told, **committed, ports_.clock.wall_now());
  co_return committed;
}

Task<Result<SharedSession>> SessionWriter::commit(Outcome outcome) {
  journal::Batch also = std::move(outcome.also);
  const auto writing = note_member(also, outcome);
  if (!writing) co_return std::unexpected(writing.error());
  std::vector<journal::NewEvent> events;
  if (outcome.event)
    events.push_back(new_event(
        ports_, outcome.traceparent.empty() ? outcome.session.traceparent : std::move(outcome.traceparent),
        std::move(*outcome.event)));
  co_return co_await ports_.store.commit(std::move(outcome.session), std::move(events), std::move(also));
}

Task<Result<void>> SessionWriter::open(Session session, bool told_by_pdi) {
  journal::Batch also;
  standin::Members::Writing writing;
  if (told_by_pdi) {
    auto known = ports_.members.find(session.customer);
    if (!known) co_return failure(known);
    standin::Member member = known->value_or(standin::Member{});
    member.name = session.customer_name;
    member.tier = session.tier;
    member.points = session.current_points;
    member.as_of = session.created_at;
    writing = ports_.members.put(also, session.customer, member);
  }
  auto kept = co_await ports_.store.open(std::move(session), std::move(also));
  if (!kept) co_return failure(kept);
  co_return Result<void>{};
}

// ---- age

Task<Result<void>> SessionWriter::index_expiry(SessionId id) {
  const auto turn = co_await ports_.locks.acquire(state_key(id), no_deadline);
  if (!turn) co_return std::unexpected(turn.error());
  co_return co_await ports_.store.index_expiry(std::move(id));
}

Task<Result<SessionWriter::Held>> SessionWriter::hold(std::vector<SessionId> ids, Choice chosen) {
  Held held;
  for (const SessionId& id : ids) {
    if (ports_.locks.is_held(state_key(id))) continue;
    auto turn = co_await ports_.locks.acquire(state_key(id), ports_.clock.mono_now());
    if (!turn) continue;
    auto kept = ports_.store.look_up(id);
    if (!kept) co_return failure(kept);
    if (!*kept || !chosen(**kept)) continue;
    held.turns.push_back(std::move(*turn));
    held.kept.push_back(std::move(**kept));
  }
  co_return held;
}

Task<Result<std::size_t>> SessionWriter::archive(std::vector<SessionId> ids, Choice chosen) {
  auto held = co_await hold(std::move(ids), std::move(chosen));
  if (!held) co_return failure(held);
  const std::size_t count = held->kept.size();
  if (auto moved = co_await ports_.store.archive(held->sessions(), aged_now()); !moved)
    co_return failure(moved);
  co_return count;
}

Task<Result<std::size_t>> SessionWriter::remove(std::vector<SessionId> ids, Choice chosen) {
  auto held = co_await hold(std::move(ids), std::move(chosen));
  if (!held) co_return failure(held);
  const std::size_t count = held->kept.size();
  if (auto gone = co_await ports_.store.remove(held->sessions()); !gone) co_return failure(gone);
  co_return count;
}

Task<Result<std::size_t>> SessionWriter::forget_member(std::vector<SessionId> ids, CustomerId token,
                                                       Choice chosen) {
  auto held = co_await hold(std::move(ids), std::move(chosen));
  if (!held) co_return failure(held);
  const std::size_t count = held->kept.size();
  for (Kept& kept : held->kept) kept.session = without_member(std::move(kept.session), token);
  if (auto replaced = co_await ports_.store.replace(std::move(held->kept)); !replaced)
    co_return failure(replaced);
  co_return count;
}

std::vector<Session> SessionWriter::Held::sessions() {
  std::vector<Session> all;
  for (Kept& each : kept) all.push_back(std::move(each.session));
  return all;
}

/// What the event tells is what concerns the member.
Result<standin::Members::Writing> SessionWriter::note_member(journal::Batch& batch, const Outcome& outcome) {
  if (!outcome.event) return nullptr;
  const Session& session = outcome.session;
  const bool pending = std::holds_alternative<sync::SalePending>(*outcome.event);
  const bool settled = std::holds_alternative<sync::SaleSettled>(*outcome.event);
  const bool rejected = std::holds_alternative<sync::SaleRejected>(*outcome.event);
  const bool booked = settled || std::holds_alternative<sync::SaleFinalized>(*outcome.event);
  const bool redeems = session.sale && session.sale->redeem.value_or(Points{}).count > 0;
  if (!booked && !(redeems && (pending || rejected)) && outcome.owed == 0) return nullptr;

  auto known = ports_.members.find(session.customer);
  if (!known) return failure(known);
  standin::Member member = known->value_or(standin::Member{});
  if (pending) {
    auto day = ports_.members.store_day();
    if (!day) return failure(day);
    note_redeemed(member, *day, today(), *session.sale->redeem);
    ports_.members.put(batch, *day);
  }
  if (settled || rejected) release(member, session);
  if (booked) note_balance(member, session);
  member.owed.count += outcome.owed;
  return ports_.members.put(batch, session.customer, member);
}

}  // namespace perkline::edge::session
