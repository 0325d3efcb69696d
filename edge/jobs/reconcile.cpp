#include "edge/jobs/reconcile.hpp"

#include <algorithm>

#include "edge/jobs/differences.hpp"
#include "shared/ops/log.hpp"
#include "shared/ops/trace.hpp"

namespace perkline::edge::jobs {
namespace {

using journal::Family;
using session::Session;
using session::SessionStore;

constexpr std::size_t page_max = 64;
/// How often PDI is asked about one session.
constexpr unsigned tries_max = 2;
constexpr Millis again_pause{1000};
constexpr Millis gate_look{1000};
/// A pass that has not come to its end by then begins anew.
constexpr hours pass_max{20};
/// In family meta, by session id: `ours/pdi` as it was told.
constexpr std::string_view told_prefix = "reconcile.told.";

std::string told_key(const SessionId& id) {
  return std::string(told_prefix) + id.str();
}

void log_difference(const Session& session, const std::string& pdi) {
  ops::log(ops::Level::warn, "reconcile", "our books and PDI's differ",
           {{"sessionId", session.id.str()},
            {"customerId", ops::hashed(session.customer.str())},
            {"ours", name_of(session.status)},
            {"pdi", pdi},
            {"traceId", ops::trace_id_of(session.traceparent)},
            {"spanId", ops::span_id_of(session.traceparent)}});
}

}  // namespace

Reconcile::Reconcile(session::Ports ports, journal::Journal& journal, journal::Outbox& outbox,
                     pdi_queue::Gate gate, OnDifference on_difference, ReconcileOptions options)
    : ports_(ports),
      journal_(journal),
      outbox_(outbox),
      gate_(std::move(gate)),
      on_difference_(std::move(on_difference)),
      options_(options) {}

/// What is stamped further ahead than that was opened while the clock was wrong.
SessionStore::Period Reconcile::window() const {
  return {.since = pass_->wall - options_.window, .until = pass_->wall + options_.window};
}

Task<Result<Report>> Reconcile::run(Pace& pace) {
  const MonoTime now = ports_.clock.mono_now();
  if (!pass_ || now - pass_->mono > pass_max) pass_ = Pass{.wall = ports_.clock.wall_now(), .mono = now};
  do {
    const auto page = ports_.store.opened_in(window(), pass_->from, page_max);
    if (!page) co_return std::unexpected(page.error());
    for (const SessionId& id : page->ids) {
      pass_->from = id.str();
      if (auto asked = co_await compare(id, pace); !asked) co_return failure(asked);
    }
    pass_->from = page->next;
    if (!co_await pace.step()) co_return stopped_early();
  } while (!pass_->from.empty());
  if (auto forgotten = co_await forget_told(); !forgotten) co_return failure(forgotten);
  const Pass done = *pass_;
  pass_.reset();
  co_return Report{{"compared", done.compared},
                   {"differences", done.differences},
                   {"new", done.news},
                   {"unanswered", done.unanswered}};
}

Task<Result<void>> Reconcile::compare(SessionId id, Pace& pace) {
  const MonoTime give_up = ports_.clock.mono_now() + options_.patience;
  for (unsigned tries = 0; tries < tries_max;) {
    if (auto open = co_await until_open(pace, give_up); !open) co_return failure(open);
    if (tries > 0 && !gate_.may_retry()) break;
    const auto before = ports_.store.find(id);
    if (!before) co_return std::unexpected(before.error());
    if (!*before || !is_compared((*before)->status) || (*before)->provider_session.empty())
      co_return Result<void>{};
    const auto answer =
        co_await ports_.settlement.status({(*before)->provider_session, (*before)->traceparent},
                                          ports_.clock.mono_now() + options_.status_timeout);
    if (was_asked(answer)) ++tries;
    auto session = ports_.store.find(id);
    if (!session) co_return failure(session);
    // PDI's word may be older than what has happened here meanwhile.
    const bool same = *session && (*session)->version == (*before)->version;
    const auto word = word_of(answer);
    if (same && word) co_return co_await note(std::move(**session), *word);
    const Millis pause = answer ? Millis{0} : answer.error().error.retry_after.value_or(again_pause);
    const MonoTime next = std::min(ports_.clock.mono_now() + pause, give_up);
    if (tries < tries_max && !co_await pace.wait_until(next)) co_return stopped_early();
  }
  ++pass_->unanswered;
  co_return Result<void>{};
}

/// While it is not closed PDI's answers are settlement's to probe with.
Task<Result<void>> Reconcile::until_open(Pace& pace, MonoTime give_up) {
  while (!gate_.is_closed() || gate_.open_at() > ports_.clock.mono_now()) {
    const MonoTime now = ports_.clock.mono_now();
    if (now >= give_up) break;
    if (!co_await pace.wait_until(std::min(now + gate_look, give_up))) co_return stopped_early();
  }
  if (pace.stopped()) co_return stopped_early();
  if (ports_.clock.mono_now() >= give_up)
    co_return fail(Errc::pdi_unavailable, "PDI cannot be asked now: the rest follows when it can");
  co_return Result<void>{};
}

Task<Result<void>> Reconcile::note(Session session, std::string pdi) {
  ++pass_->compared;
  const std::string key = told_key(session.id);
  const auto told = journal_.get(Family::meta, key);
  if (!told) co_return std::unexpected(told.error());
  const std::string ours(name_of(session.status));
  journal::Batch batch;
  if (!differ(session.status, pdi)) {
    if (*told) batch.erase(Family::meta, key);
    co_await journal_.commit(std::move(batch));
    co_return Result<void>{};
  }
  ++pass_->differences;
  const std::string words = ours + '/' + pdi;
  if (*told == words) co_return Result<void>{};
  batch.put(Family::meta, key, words);
  std::vector<journal::NewEvent> events;
  events.push_back(new_event(ports_, session.traceparent,
                             sync::ReconcileDifference{.session = session.id,
                                                       .transaction = session.transaction,
                                                       .customer = session.customer,
                                                       .ours = ours,
                                                       .pdi = pdi,
                                                       .found_at = ports_.clock.wall_now()}));
  co_await outbox_.commit(std::move(batch), std::move(events));
  ++pass_->news;
  if (on_difference_) on_difference_(ours, pdi);
  log_difference(session, pdi);
  co_return Result<void>{};
}

/// Of sessions that are not looked at any more.
Task<Result<void>> Reconcile::forget_told() {
  const std::string end = told_key(session::first_id_of(window().since));
  bool more = true;
  while (more) {
    journal::Batch batch;
    more = false;
    const auto scanned =
        journal_.scan(Family::meta, told_prefix, [&](std::string_view key, std::string_view) {
          if (key >= end) return false;
          more = batch.changes().size() == page_max;
          if (!more) batch.erase(Family::meta, std::string(key));
          return !more;
        });
    if (!scanned) co_return std::unexpected(scanned.error());
    co_await journal_.commit(std::move(batch));
  }
  co_return Result<void>{};
}

}  // namespace perkline::edge::jobs
