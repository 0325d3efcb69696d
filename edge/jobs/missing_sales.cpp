#include "edge/jobs/missing_sales.hpp"

#include <algorithm>

#include "shared/core/limits.hpp"
#include "shared/ops/log.hpp"
#include "shared/ops/trace.hpp"

namespace perkline::edge::jobs {
namespace {

using journal::Family;
using session::Session;
using session::Status;

constexpr Millis hub_patience{10'000};
constexpr std::size_t page_max = limits::sync_query_sessions_max;
/// In family meta, by session id: it was named.
constexpr std::string_view named_prefix = "missing.named.";
constexpr WallTime for_ever = std::chrono::sys_days{std::chrono::year{9000} / 1 / 1};

std::string named_key(const SessionId& id) {
  return std::string(named_prefix) + id.str();
}

/// Whether the hub must have heard of it: points were booked, or given away before PDI refused them.
bool is_told(const Session& session) {
  return session.status == Status::finalized || (session.status == Status::failed && session.pending_at);
}

void log_missing(const Session& session) {
  ops::log(ops::Level::error, "reconcile", "a sale is missing at the hub, which was restored to before it",
           {{"sessionId", session.id.str()},
            {"customerId", ops::hashed(session.customer.str())},
            {"ours", name_of(session.status)},
            {"traceId", ops::trace_id_of(session.traceparent)},
            {"spanId", ops::span_id_of(session.traceparent)}});
}

}  // namespace

MissingSales::MissingSales(session::Ports ports, journal::Journal& journal, journal::Outbox& outbox,
                           pdi_queue::AskHub ask, OnDifference on_difference)
    : ports_(ports),
      journal_(journal),
      outbox_(outbox),
      ask_(std::move(ask)),
      on_difference_(std::move(on_difference)) {}

Task<Result<std::optional<std::uint64_t>>> MissingSales::run(Pace& pace) {
  named_ = 0;
  if (!ask_ || !outbox_.has_lost()) co_return 0;
  if (outbox_.is_held()) co_return std::nullopt;
  const session::SessionStore& store = ports_.store;
  const std::vector<ReadPage> sources{
      [&store](const std::string& from) { return store.archived_of({.until = for_ever}, from, page_max); },
      [&store](const std::string& from) { return store.opened_in({.until = for_ever}, from, page_max); }};
  for (const ReadPage& source : sources) {
    const auto answered = co_await look_at(source, pace);
    if (!answered) co_return std::unexpected(answered.error());
    if (!*answered) co_return std::nullopt;
  }
  if (auto finished = co_await finish(pace); !finished) co_return failure(finished);
  co_return named_;
}

/// False: the hub has not answered.
Task<Result<bool>> MissingSales::look_at(ReadPage read, Pace& pace) {
  std::string from;
  do {
    auto page = read(from);
    if (!page) co_return failure(page);
    auto booked = booked_of(page->ids);
    if (!booked) co_return failure(booked);
    const auto unknown = co_await unknown_of(std::move(*booked));
    if (!unknown) co_return false;
    for (const SessionId& id : *unknown) {
      if (auto done = co_await name(id); !done) co_return failure(done);
    }
    from = std::move(page->next);
    if (!co_await pace.step()) co_return stopped_early();
  } while (!from.empty());
  co_return true;
}

Result<std::vector<SessionId>> MissingSales::booked_of(const std::vector<SessionId>& ids) const {
  std::vector<SessionId> booked;
  for (const SessionId& id : ids) {
    const auto session = ports_.store.find(id);
    if (!session) return std::unexpected(session.error());
    if (*session && is_told(**session)) booked.push_back(id);
  }
  return booked;
}

/// Those of them that the hub has not even once it has everything that is kept: what is still on its way is
/// not missing. Asked twice where there are any, as one answer may be a late one. nullopt: no answer.
Task<std::optional<std::vector<SessionId>>> MissingSales::unknown_of(std::vector<SessionId> sessions) {
  for (int times = 0; times < 2 && !sessions.empty(); ++times) {
    const MonoTime deadline = ports_.clock.mono_now() + hub_patience;
    const std::uint64_t epoch = outbox_.epoch();
    const std::uint64_t tail = outbox_.tail();
    while (outbox_.acked() < tail && outbox_.epoch() == epoch && ports_.clock.mono_now() < deadline)
      co_await ports_.clock.sleep(Pace::step_pause);
    if (outbox_.acked() < tail || outbox_.epoch() != epoch || outbox_.is_held()) co_return std::nullopt;
    const auto answer = co_await ask_(sessions, deadline);
    if (!answer) co_return std::nullopt;
    // One that comes late may be another question's.
    std::erase_if(sessions, [&answer](const SessionId& id) {
      return std::ranges::find(answer->unknown, id) == answer->unknown.end();
    });
  }
  co_return sessions;
}

Task<Result<void>> MissingSales::name(SessionId id) {
  const std::string key = named_key(id);
  const auto named = journal_.get(Family::meta, key);
  if (!named) co_return std::unexpected(named.error());
  const auto session = ports_.store.find(id);
  if (!session) co_return std::unexpected(session.error());
  if (*named || !*session) co_return Result<void>{};
  const std::string ours(name_of((*session)->status));
  journal::Batch batch;
  batch.put(Family::meta, key, "1");
  std::vector<journal::NewEvent> events;
  events.push_back(new_event(ports_, (*session)->traceparent,
                             sync::ReconcileDifference{.session = (*session)->id,
                                                       .transaction = (*session)->transaction,
                                                       .customer = (*session)->customer,
                                                       .ours = ours,
                                                       .pdi = std::string(word),
                                                       .found_at = ports_.clock.wall_now()}));
  co_await outbox_.commit(std::move(batch), std::move(events));
  ++named_;
  if (on_difference_) on_difference_(ours, word);
  log_missing(**session);
  co_return Result<void>{};
}

/// All are named: nothing is lost that nobody knows of, and what was noted for that may go.
Task<Result<void>> MissingSales::finish(Pace& pace) {
  bool more = true;
  while (more) {
    journal::Batch batch;
    const auto scanned =
        journal_.scan(Family::meta, named_prefix, [&batch](std::string_view key, std::string_view) {
          if (!key.starts_with(named_prefix) || batch.changes().size() == page_max) return false;
          batch.erase(Family::meta, std::string(key));
          return true;
        });
    if (!scanned) co_return std::unexpected(scanned.error());
    more = batch.changes().size() == page_max;
    // Before the first of them goes: what is left then is told by nobody as named.
    if (outbox_.has_lost()) co_await outbox_.forget_lost();
    co_await journal_.commit(std::move(batch));
    if (more && !co_await pace.step()) co_return stopped_early();
  }
  co_return Result<void>{};
}

}  // namespace perkline::edge::jobs
