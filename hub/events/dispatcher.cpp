#include "hub/events/dispatcher.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "hub/events/offsets.hpp"
#include "shared/net/either.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::events {
namespace {

constexpr std::string_view context = "events";
/// After being woken, so that what is committed at the same time is taken together.
constexpr Millis gather{10};
/// After a database that was away.
constexpr Millis rest{500};

/// What says nothing of the event: it comes and goes with the database or the process.
bool is_fault_of_event(const Error& error) {
  switch (error.code) {
    case Errc::database_unavailable:
    case Errc::overloaded:
    case Errc::storage_full:
    case Errc::timed_out:
    case Errc::cancelled:
      return false;
    default:
      return true;
  }
}

std::vector<DomainEvent> bare(const std::vector<PositionedEvent>& events) {
  std::vector<DomainEvent> all;
  all.reserve(events.size());
  for (const PositionedEvent& event : events) all.push_back(event.event);
  return all;
}

/// Behind which events a consumer takes, and those.
struct Batch {
  std::int64_t from = 0;
  std::vector<PositionedEvent> events;
};

Result<Batch> next_batch(db::Transaction& transaction, std::string_view consumer, std::int64_t limit) {
  auto rows =
      transaction.query("SELECT position FROM event_consumer WHERE name = $1", {std::string(consumer)});
  if (!rows) return failure(rows);
  if (rows->empty()) return fail(Errc::internal, "a consumer was not enrolled");
  Batch batch{.from = rows->front().integer(0), .events = {}};
  auto events = events_after(transaction, batch.from, limit);
  if (!events) return failure(events);
  batch.events = std::move(*events);
  return batch;
}

}  // namespace

Dispatcher::Dispatcher(db::Database& database, net::AsyncClock& clock, std::vector<Consumer> consumers,
                       DispatcherWatch watch)
    : database_(database), clock_(clock), watch_(std::move(watch)) {
  for (Consumer& consumer : consumers) lines_.push_back({.consumer = std::move(consumer)});
}

Task<Result<void>> Dispatcher::enroll() {
  const WallTime now = clock_.wall_now();
  co_return co_await database_.write([this, now](db::Transaction& transaction) -> Result<void> {
    for (const Line& line : lines_) {
      auto known = events::enroll(transaction, line.consumer.name, line.consumer.beginning, now);
      if (!known) return known;
    }
    return {};
  });
}

Task<void> Dispatcher::run() {
  running_ = true;
  while (!draining_) {
    const auto more = co_await turn();
    if (!more) {
      // A database that is away is told elsewhere.
      if (is_fault_of_event(more.error()) && faults_.is_news(more.error().detail, clock_.mono_now())) {
        ops::log(ops::Level::error, context, "events cannot be taken",
                 {{"error", name_of(more.error().code)}, {"detail", more.error().detail}});
      }
      co_await clock_.sleep(rest);
      continue;
    }
    faults_.over();
    if (!*more) {
      co_await net::either(woken_.wait(), clock_.sleep(poll_every));
      co_await clock_.sleep(gather);
    }
  }
  running_ = false;
  ended_.notify();
}

Task<void> Dispatcher::drain() {
  draining_ = true;
  woken_.notify();
  if (running_) co_await ended_.wait();
}

Task<Result<bool>> Dispatcher::turn() {
  bool more = false;
  auto looked = co_await look();
  if (!looked) co_return failure(looked);
  if (looked->more) {
    auto numbered = co_await number();
    if (!numbered) co_return failure(numbered);
    more = *numbered;
  }
  // One consumer's fault keeps no other from its turn.
  std::optional<Error> fault;
  for (Line& line : lines_) {
    auto taken = co_await take_batch(line);
    if (!taken) fault = taken.error();
    more = more || (taken && *taken);
    if (std::ranges::find(looked->due, line.consumer.name) == looked->due.end()) continue;
    auto again = co_await take_due(line);
    if (!again) fault = again.error();
    more = more || (again && *again);
  }
  if (fault) co_return std::unexpected(std::move(*fault));
  co_return more;
}

void Dispatcher::tell_taken(const Line& line) const {
  if (watch_.on_taken) watch_.on_taken(line.consumer.name);
}

Task<Result<Dispatcher::Look>> Dispatcher::look() {
  const WallTime now = clock_.wall_now();
  struct Seen {
    Look look;
    std::vector<Offset> offsets;
  };
  auto seen = co_await db::read_for<Seen>(database_, [now](db::Transaction& transaction) -> Result<Seen> {
    Seen all;
    auto waiting = has_unnumbered(transaction);
    if (!waiting) return failure(waiting);
    all.look.more = *waiting;
    auto last = last_position(transaction);
    if (!last) return failure(last);
    all.look.last = *last;
    auto known = events::offsets(transaction);
    if (!known) return failure(known);
    all.offsets = std::move(*known);
    auto due = consumers_with_due(transaction, now);
    if (!due) return failure(due);
    all.look.due = std::move(*due);
    return all;
  });
  if (!seen) co_return failure(seen);
  if (watch_.on_lag) {
    for (const Offset& offset : seen->offsets)
      watch_.on_lag(offset.consumer, seen->look.last - offset.position);
  }
  co_return std::move(seen->look);
}

Task<Result<bool>> Dispatcher::number() {
  const WallTime now = clock_.wall_now();
  const auto numbered = co_await db::write_for<std::int64_t>(database_, [now](db::Transaction& transaction) {
    return number_events(transaction, numbered_max, now);
  });
  if (!numbered) co_return std::unexpected(numbered.error());
  co_return *numbered == numbered_max;
}

Task<Result<bool>> Dispatcher::take_batch(Line& line) {
  const std::string_view name = line.consumer.name;
  const std::int64_t limit = line.alone_through > 0 ? 1 : line.batch;
  auto batch = co_await db::read_for<Batch>(database_, [name, limit](db::Transaction& transaction) {
    return next_batch(transaction, name, limit);
  });
  if (!batch) co_return failure(batch);
  if (batch->events.empty()) co_return false;
  const std::int64_t through = batch->events.back().position;
  bool moved = false;
  auto done = co_await database_.write(
      [name, &batch, through, &moved,
       work = line.consumer.take(bare(batch->events))](db::Transaction& transaction) -> Result<void> {
        auto moving = move_offset(transaction, name, batch->from, through);
        if (!moving) return failure(moving);
        moved = *moving;
        return moved ? work(transaction) : Result<void>{};
      });
  if (done) {
    if (moved) tell_taken(line);
    if (through >= line.alone_through) line.alone_through = 0;
    line.batch = std::min(batch_max, 2 * line.batch);
    // Where another replica was first it goes on, too.
    co_return moved && batch->events.size() == static_cast<std::size_t>(limit);
  }
  if (!is_fault_of_event(done.error())) {
    line.batch = std::max<std::int64_t>(1, line.batch / 2);
    co_return failure(done);
  }
  if (batch->events.size() > 1) {
    line.alone_through = through;
    co_return true;
  }
  if (through >= line.alone_through) line.alone_through = 0;
  co_return co_await put_aside(line, std::move(batch->events.front()), batch->from, std::move(done.error()));
}

Task<Result<bool>> Dispatcher::put_aside(const Line& line, PositionedEvent event, std::int64_t from,
                                         Error why) {
  const std::string_view name = line.consumer.name;
  const WallTime now = clock_.wall_now();
  const auto done =
      co_await database_.write([&, name, from, now](db::Transaction& transaction) -> Result<void> {
        auto moved = move_offset(transaction, name, from, event.position);
        if (!moved) return failure(moved);
        return *moved ? set_aside(transaction, name, event, why, now) : Result<void>{};
      });
  if (!done) co_return std::unexpected(done.error());
  const std::string id = event.event.id.str();
  ops::log(ops::Level::warn, context, "an event could not be taken and is tried again later",
           {{"consumer", name}, {"event", id}, {"type", event.event.type}, {"reason", why.detail}});
  co_return true;
}

Task<Result<bool>> Dispatcher::take_due(const Line& line) {
  const std::string_view name = line.consumer.name;
  const WallTime now = clock_.wall_now();
  const auto found = co_await db::read_for<std::optional<Due>>(
      database_, [name, now](db::Transaction& transaction) { return next_due(transaction, name, now); });
  if (!found) co_return std::unexpected(found.error());
  if (!*found) co_return false;
  const Due& due = **found;
  Result<void> done = fail(Errc::not_found, "the event is not kept any more");
  if (due.event) {
    done = co_await database_.write([&due, now, work = line.consumer.take(std::span(&due.event->event, 1))](
                                        db::Transaction& transaction) -> Result<void> {
      auto noted = note_applied(transaction, due, now);
      if (!noted) return failure(noted);
      return *noted ? work(transaction) : Result<void>{};
    });
  }
  if (done) {
    tell_taken(line);
    co_return true;
  }
  if (!is_fault_of_event(done.error())) co_return failure(done);
  const auto buried =
      co_await db::write_for<bool>(database_, [&due, &why = done.error(), now](db::Transaction& transaction) {
        return note_failed(transaction, due, why, now);
      });
  if (!buried) co_return std::unexpected(buried.error());
  if (*buried) {
    ops::log(ops::Level::error, context, "an event is buried as a dead letter",
             {{"consumer", name}, {"id", due.id}, {"reason", done.error().detail}});
  }
  co_return true;
}

}  // namespace perkline::hub::events
