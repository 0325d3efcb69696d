#include "hub/ingest/ingest.hpp"

#include "hub/db/migrate.hpp"
#include "hub/ingest/apply.hpp"
#include "hub/stores/stores.hpp"
#include "shared/core/bytes.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::ingest {
namespace {

std::int64_t stamp(WallTime time) {
  return time.time_since_epoch().count();
}

Result<void> note_status(db::Transaction& transaction, const StoreId& store, const sync::Status& status,
                         WallTime now) {
  auto noted = transaction.execute(
      "UPDATE store SET tail = $2, breaker = $3, queue_depth = $4, version = $5, last_seen = $6 WHERE id = "
      "$1",
      {store.str(), static_cast<std::int64_t>(status.tail), status.breaker,
       static_cast<std::int64_t>(status.queue_depth), status.version, stamp(now)});
  if (!noted) return failure(noted);
  return {};
}

struct BatchContext {
  const StoreId& store;
  const sync::Batch& batch;
  const std::vector<EffectIds>& ids;
  WallTime now;
};

struct Applied {
  std::string type;
  bool dead = false;
};

Result<void> bury(db::Transaction& transaction, const BatchContext& context, std::size_t place,
                  const std::string& type, const std::string& reason) {
  const std::uint64_t sequence = context.batch.first_sequence + place;
  auto buried = transaction.execute(
      "INSERT INTO dead_letter (id, store_id, epoch, sequence, type, reason, event, received_at) VALUES ($1, "
      "$2, $3, $4, $5, $6, $7, $8)",
      {context.store.str() + '/' + std::to_string(context.batch.epoch) + '/' + std::to_string(sequence),
       context.store.str(), static_cast<std::int64_t>(context.batch.epoch),
       static_cast<std::int64_t>(sequence), type, reason, to_hex(context.batch.events[place]),
       stamp(context.now)});
  if (!buried) return failure(buried);
  return {};
}

/// The event at `place`, applied or buried: one bad event never holds a store up.
Result<Applied> take_in(db::Transaction& transaction, const BatchContext& context, std::size_t place) {
  const std::uint64_t sequence = context.batch.first_sequence + place;
  auto event = sync::decode_event(context.batch.events[place]);
  const bool in_place = event && event->store == context.store && event->epoch == context.batch.epoch &&
                        event->sequence == sequence;
  const std::string type = event ? std::string(sync::type_name(event->payload)) : "Unreadable";
  Result<void> done = event ? Result<void>{} : Result<void>(std::unexpected(event.error()));
  if (event && !in_place)
    done = fail(Errc::malformed_answer, "the event claims another place in another history");
  if (done) {
    done = transaction.attempt([&] { return apply(transaction, *event, context.ids[place], context.now); });
    if (done) return Applied{.type = type};
  }
  if (!is_fault_of_event(done.error())) return failure(done);
  if (auto buried = bury(transaction, context, place, type, done.error().detail); !buried)
    return failure(buried);
  return Applied{.type = type, .dead = true};
}

/// What the transaction of a batch came to.
struct BatchOutcome {
  sync::BatchVerdict verdict;
  std::vector<Applied> applied;
};

Result<BatchOutcome> take_in_batch(db::Transaction& transaction, const BatchContext& context) {
  const auto store = stores::find(transaction, context.store);
  if (!store) return std::unexpected(store.error());
  BatchOutcome outcome{.verdict = sync::judge_batch(store->cursor, context.batch), .applied = {}};
  const auto* todo = std::get_if<sync::Apply>(&outcome.verdict);
  if (todo == nullptr || todo->skip == context.batch.events.size()) return outcome;
  for (std::size_t place = todo->skip; place < context.batch.events.size(); ++place) {
    auto applied = take_in(transaction, context, place);
    if (!applied) return failure(applied);
    outcome.applied.push_back(std::move(*applied));
  }
  auto moved = transaction.execute(
      "UPDATE store SET cursor_sequence = $2, cursor_hash = $3, last_seen = $4 WHERE id = $1",
      {context.store.str(), static_cast<std::int64_t>(todo->after.sequence), to_hex(todo->after.hash),
       stamp(context.now)});
  if (!moved) return failure(moved);
  return outcome;
}

std::optional<sync::Frame> answer_to(const sync::BatchVerdict& verdict) {
  if (const auto* apply = std::get_if<sync::Apply>(&verdict)) {
    return sync::Ack{
        .epoch = apply->after.epoch, .through = apply->after.sequence, .hash = apply->after.hash};
  }
  if (const auto* nack = std::get_if<sync::Nack>(&verdict)) return *nack;
  if (const auto* fork = std::get_if<sync::Fork>(&verdict)) return *fork;
  return std::nullopt;
}

std::string_view name_of(const sync::BatchVerdict& verdict, bool any_new) {
  if (std::holds_alternative<sync::Apply>(verdict)) return any_new ? "applied" : "repeated";
  if (std::holds_alternative<sync::Nack>(verdict)) return "nack";
  if (std::holds_alternative<sync::Fork>(verdict)) return "fork";
  return "malformed";
}

}  // namespace

Ingest::Ingest(db::Database& database, const Clock& clock, Rng& rng, IngestObserver observer)
    : database_(database), clock_(clock), uuids_(clock, rng), observer_(std::move(observer)) {}

void Ingest::count(std::string_view verdict) const {
  if (observer_.on_frame) observer_.on_frame(verdict);
}

Task<std::optional<std::string>> Ingest::handle(StoreId store, std::string frame) {
  auto decoded = sync::decode_frame(frame);
  std::optional<sync::Frame> answer;
  if (!decoded) {
    count("malformed");
  } else if (auto* hello = std::get_if<sync::Hello>(&*decoded)) {
    answer = co_await on(store, std::move(*hello));
  } else if (auto* batch = std::get_if<sync::Batch>(&*decoded)) {
    answer = co_await on(store, std::move(*batch));
  } else if (auto* status = std::get_if<sync::Status>(&*decoded)) {
    answer = co_await on(store, std::move(*status));
  } else {
    count("unexpected");
  }
  if (!answer) co_return std::nullopt;
  co_return sync::encode(*answer);
}

Task<std::optional<sync::Frame>> Ingest::on(StoreId store, sync::Hello hello) {
  if (hello.store != store) {
    count("foreign");
    co_return std::nullopt;
  }
  const WallTime now = clock_.wall_now();
  const auto verdict = co_await db::write_for<sync::HelloVerdict>(
      database_, [store, hello, now](db::Transaction& transaction) -> Result<sync::HelloVerdict> {
        const auto found = stores::find(transaction, store);
        if (!found) return std::unexpected(found.error());
        const auto incarnation = db::hub_incarnation(transaction);
        if (!incarnation) return std::unexpected(incarnation.error());
        auto noted = transaction.execute("UPDATE store SET hello_epoch = $2 WHERE id = $1",
                                         {store.str(), static_cast<std::int64_t>(hello.epoch)});
        if (!noted) return failure(noted);
        sync::Status status = hello.status;
        status.tail = hello.tail;
        if (auto told = note_status(transaction, store, status, now); !told) return failure(told);
        return sync::judge_hello(found->cursor, *incarnation, hello);
      });
  if (!verdict) {
    count("failed");
    ops::log(ops::Level::warn, "ingest", "Hello could not be taken in",
             {{"storeId", store.str()}, {"error", perkline::name_of(verdict.error().code)}});
    co_return std::nullopt;
  }
  if (const auto* fork = std::get_if<sync::Fork>(&*verdict)) {
    count("fork");
    ops::log(ops::Level::error, "ingest", "a store's history has forked",
             {{"storeId", store.str()}, {"reason", static_cast<std::int64_t>(fork->reason)}});
    co_return *fork;
  }
  count("hello");
  co_return std::visit([](const auto& frame) -> sync::Frame { return frame; }, *verdict);
}

Task<std::optional<sync::Frame>> Ingest::on(StoreId store, sync::Batch batch) {
  // Made here, not in the transaction, which may run more than once and on another thread.
  std::vector<EffectIds> ids(batch.events.size());
  for (EffectIds& pair : ids) pair = {uuids_.next(), uuids_.next()};
  const WallTime now = clock_.wall_now();
  const auto outcome = co_await db::write_for<BatchOutcome>(
      database_,
      [store, batch = std::move(batch), ids = std::move(ids),
       now](db::Transaction& transaction) -> Result<BatchOutcome> {
        return take_in_batch(transaction, {.store = store, .batch = batch, .ids = ids, .now = now});
      });
  if (!outcome) {
    count("failed");
    ops::log(ops::Level::warn, "ingest", "a batch could not be taken in",
             {{"storeId", store.str()}, {"error", perkline::name_of(outcome.error().code)}});
    co_return std::nullopt;
  }
  count(name_of(outcome->verdict, !outcome->applied.empty()));
  for (const Applied& one : outcome->applied) {
    if (observer_.on_event)
      observer_.on_event(one.dead ? std::string_view("dead_letter") : std::string_view(one.type));
  }
  co_return answer_to(outcome->verdict);
}

Task<std::optional<sync::Frame>> Ingest::on(StoreId store, sync::Status status) {
  const WallTime now = clock_.wall_now();
  const auto noted = co_await database_.write([store, status, now](db::Transaction& transaction) {
    return note_status(transaction, store, status, now);
  });
  count(noted ? "status" : "failed");
  co_return std::nullopt;
}

}  // namespace perkline::hub::ingest
