#include "hub/ingest/ingest.hpp"

#include <algorithm>

#include "hub/db/migrate.hpp"
#include "hub/identity/audit.hpp"
#include "hub/ingest/asks.hpp"
#include "hub/ingest/batch.hpp"
#include "hub/ingest/sale_query.hpp"
#include "hub/stores/progress.hpp"
#include "shared/json/writer.hpp"
#include "shared/ops/log.hpp"
#include "shared/ops/trace.hpp"

namespace perkline::hub::ingest {
namespace {

struct HelloOutcome {
  sync::HelloVerdict verdict;
  std::optional<std::uint64_t> lag;
  bool forked = false;
  bool has_new_holder = false;  ///< Of its leases.
};

/// A store whose epoch is over is told what is applied of it.
void complete(sync::Fork& fork, const stores::Store& store) {
  if (fork.reason == sync::ForkReason::superseded) fork.applied = store.applied;
}

/// What Hello tells of the store's standing, kept. Whether something stands between it and the hub.
Result<bool> note_standing(db::Transaction& transaction, const stores::Store& store, const sync::Hello& hello,
                           const sync::Fork* fork, bool cloned, WallTime now) {
  if (fork != nullptr || cloned) {
    const std::string known = store.fork ? store.fork->reason : std::string(stores::cloned);
    auto noted =
        stores::note_fork(transaction, store.id, fork != nullptr ? sync::name_of(fork->reason) : known, now);
    if (!noted) return failure(noted);
    return true;
  }
  if (!store.fork) return false;
  // One that lies behind or ahead has yet to show that its history goes on from the cursor.
  if (hello.tail != store.cursor.sequence) return true;
  const auto cleared = stores::clear_fork(transaction, store, now);
  if (!cleared) return std::unexpected(cleared.error());
  return !*cleared;
}

Result<HelloOutcome> take_in_hello(db::Transaction& transaction, const sync::Hello& hello, bool cloned,
                                   WallTime now) {
  const auto store = stores::hold(transaction, hello.store, now);
  if (!store) return std::unexpected(store.error());
  const auto incarnation = db::hub_incarnation(transaction);
  if (!incarnation) return std::unexpected(incarnation.error());
  if (auto noted = stores::note_hello(transaction, hello, now); !noted) return failure(noted);
  stores::Store told = *store;
  told.tail = hello.tail;
  HelloOutcome outcome{.verdict = sync::judge_hello(store->cursor, *incarnation, hello), .lag = told.lag()};
  auto* fork = std::get_if<sync::Fork>(&outcome.verdict);
  if (fork != nullptr) complete(*fork, *store);
  const auto forked = note_standing(transaction, *store, hello, fork, cloned, now);
  if (!forked) return std::unexpected(forked.error());
  outcome.forked = *forked;
  if (fork != nullptr || cloned) return outcome;
  const auto is_new = stores::note_holder(transaction, hello.store, hello.status, hello.epoch);
  if (!is_new) return std::unexpected(is_new.error());
  outcome.has_new_holder = *is_new;
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

/// What an adoption has passed by is nobody's to accept any more, and to be known of for good.
Result<void> audit_loss(db::Transaction& transaction, const stores::Store& store,
                        const sync::HistoryLost& lost, Uuid id, WallTime now) {
  json::Writer detail;
  detail.begin_object().field("appliedEpoch", store.applied->epoch);
  detail.field("appliedThrough", store.applied->through).field("lostEpoch", lost.epoch);
  detail.field("lostThrough", lost.through).end_object();
  const std::string who = "store:" + store.id.str();
  return identity::append_audit(transaction, {.id = id,
                                              .at = now,
                                              .actor = who,
                                              .action = "store.history_lost",
                                              .subject = who,
                                              .detail = detail.take()});
}

/// A standing fault, as it is told apart from others.
std::string fault_of(const StoreId& store, std::string_view what) {
  return store.str() + ' ' + std::string(what) + ": ";
}

constexpr std::string_view has_forked = "a store's history has forked";
constexpr std::string_view no_hello = "Hello could not be taken in";
constexpr std::string_view no_batch = "a batch could not be taken in";
constexpr std::string_view no_status = "a status could not be taken in";

}  // namespace

Ingest::Ingest(db::Database& database, const Clock& clock, Rng& rng, wheel::Terms terms,
               IngestObserver observer, Down down)
    : database_(database),
      clock_(clock),
      uuids_(clock, rng),
      terms_(std::move(terms)),
      observer_(std::move(observer)),
      down_(std::move(down)) {}

void Ingest::count(std::string_view verdict) const {
  if (observer_.on_frame) observer_.on_frame(verdict);
}

void Ingest::hear_held(const StoreId& store, const sync::Status& status,
                       const std::optional<Uuid>& boot) const {
  if (status.held && down_.heard) down_.heard(store, *status.held, boot);
}

void Ingest::tell_lag(const StoreId& store, const std::optional<std::uint64_t>& lag) const {
  if (lag && observer_.on_lag) observer_.on_lag(store, *lag);
}

void Ingest::tell_fork(const StoreId& store, bool forked) {
  if (observer_.on_fork) observer_.on_fork(store, forked);
  const bool changed = forked ? forked_.insert(store).second : forked_.erase(store) == 1;
  if (changed && !forked) faults_.over(fault_of(store, has_forked));
  if (changed && down_.prizes_used) down_.prizes_used(store);
}

Task<std::optional<std::string>> Ingest::handle(StoreId store, std::string frame, std::string key) {
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
  } else if (auto* fork = std::get_if<sync::Fork>(&*decoded)) {
    answer = co_await on(store, std::move(*fork));
  } else if (auto* lost = std::get_if<sync::HistoryLost>(&*decoded)) {
    answer = co_await on(store, std::move(*lost));
  } else if (auto* query = std::get_if<sync::SaleQuery>(&*decoded)) {
    answer = co_await on(store, std::move(*query));
  } else if (auto* obeyed = std::get_if<sync::CommandAnswer>(&*decoded)) {
    answer = co_await on(store, std::move(key), std::move(*obeyed));
  } else if (auto* reserve = std::get_if<sync::SpinReserve>(&*decoded)) {
    answer = co_await on(store, std::move(*reserve));
  } else if (auto* claim = std::get_if<sync::ClaimRequest>(&*decoded)) {
    answer = co_await on(store, std::move(*claim));
  } else if (auto* member = std::get_if<sync::MemberRequest>(&*decoded)) {
    answer = co_await on(store, std::move(*member));
  } else {
    count("unexpected");
  }
  if (!answer) co_return std::nullopt;
  co_return sync::encode(*answer);
}

void Ingest::tell_failed(std::string_view what, const StoreId& store, const Error& error,
                         std::string_view traceparent) {
  if (!faults_.is_news(fault_of(store, what) + error.detail, clock_.mono_now())) return;
  ops::log(ops::Level::warn, "ingest", what,
           {{"storeId", store.str()},
            {"error", perkline::name_of(error.code)},
            {"detail", error.detail},
            {"traceId", ops::trace_id_of(traceparent)},
            {"spanId", ops::span_id_of(traceparent)}});
}

void Ingest::tell_forked(const StoreId& store, const sync::Fork& fork) {
  const std::string how = std::to_string(fork.epoch) + ' ' + std::string(sync::name_of(fork.reason));
  if (!faults_.is_news(fault_of(store, has_forked) + how, clock_.mono_now())) return;
  ops::log(ops::Level::error, "ingest", has_forked,
           {{"storeId", store.str()},
            {"epoch", static_cast<std::int64_t>(fork.epoch)},
            {"reason", sync::name_of(fork.reason)}});
}

Task<std::optional<sync::Frame>> Ingest::on(StoreId store, sync::Hello hello) {
  if (hello.store != store) {
    count("foreign");
    co_return std::nullopt;
  }
  const WallTime now = clock_.wall_now();
  const bool cloned = boots_.takes_turns(store, hello.boot_id);
  auto outcome =
      co_await db::write_for<HelloOutcome>(database_, [&hello, cloned, now](db::Transaction& transaction) {
        return take_in_hello(transaction, hello, cloned, now);
      });
  if (!outcome) {
    count("failed");
    tell_failed(no_hello, store, outcome.error());
    co_return std::nullopt;
  }
  faults_.over(fault_of(store, no_hello));
  tell_lag(store, outcome->lag);
  const auto* fork = std::get_if<sync::Fork>(&outcome->verdict);
  if (fork != nullptr) tell_forked(store, *fork);
  if (cloned) {
    constexpr std::string_view copied = "two processes speak as one store: its data was copied";
    if (faults_.is_news(fault_of(store, copied), clock_.mono_now()))
      ops::log(ops::Level::error, "ingest", copied,
               {{"storeId", store.str()}, {"epoch", static_cast<std::int64_t>(hello.epoch)}});
  }
  tell_fork(store, outcome->forked);
  if (auto* welcome = std::get_if<sync::Welcome>(&outcome->verdict)) welcome->signing_key = down_.signing_key;
  hear_held(store, hello.status, hello.boot_id);
  if (outcome->has_new_holder && down_.prizes_used) down_.prizes_used(store);
  count(fork != nullptr ? "fork" : "hello");
  co_return std::visit([](const auto& frame) -> sync::Frame { return frame; }, outcome->verdict);
}

Task<std::optional<sync::Frame>> Ingest::on(StoreId store, sync::Batch batch) {
  // Decoded here, and not in the transaction, so that the one writer does what only it can do. The ids too:
  // the transaction may run more than once and on another thread.
  ReceivedBatch received{
      .store = store, .batch = std::move(batch), .events = {}, .ids = {}, .now = {}, .terms = &terms_};
  for (const std::string& event : received.batch.events) {
    received.events.push_back(sync::decode_event(event));
    received.ids.push_back({uuids_.next(), uuids_.next()});
  }
  received.now = clock_.wall_now();
  const auto outcome = co_await db::write_for<BatchOutcome>(
      database_, [&received](db::Transaction& transaction) { return take_in_batch(transaction, received); });
  if (!outcome) {
    count("failed");
    tell_failed(no_batch, store, outcome.error());
    co_return std::nullopt;
  }
  faults_.over(fault_of(store, no_batch));
  count(name_of(outcome->verdict, !outcome->types.empty()));
  if (const auto* fork = std::get_if<sync::Fork>(&outcome->verdict)) {
    tell_forked(store, *fork);
    tell_fork(store, true);
  }
  if (outcome->healed) tell_fork(store, false);
  if (const auto dead = std::ranges::count(outcome->types, dead_letter); dead > 0) {
    ops::log(ops::Level::error, "ingest", "events became dead letters",
             {{"storeId", store.str()}, {"count", std::int64_t{dead}}});
  }
  for (const std::string& type : outcome->types) {
    if (observer_.on_event) observer_.on_event(type);
  }
  tell_lag(store, outcome->lag);
  const auto uses_prizes = [](std::string_view type) {
    return type == "SpinDrawn" || type == "LeaseReturned";
  };
  if (down_.prizes_used && std::ranges::any_of(outcome->types, uses_prizes)) down_.prizes_used(store);
  co_return answer_to(outcome->verdict);
}

Task<std::optional<sync::Frame>> Ingest::on(StoreId store, sync::Status status) {
  const WallTime now = clock_.wall_now();
  const auto has_new_holder =
      co_await db::write_for<bool>(database_, [&store, &status, now](db::Transaction& transaction) {
        return stores::note_status(transaction, store, status, now);
      });
  count(has_new_holder ? "status" : "failed");
  if (has_new_holder) {
    faults_.over(fault_of(store, no_status));
  } else {
    tell_failed(no_status, store, has_new_holder.error());
  }
  hear_held(store, status);
  if (has_new_holder && *has_new_holder && down_.prizes_used) down_.prizes_used(store);
  co_return std::nullopt;
}

/// Only the store can see that the cursor lies on another chain than its own.
Task<std::optional<sync::Frame>> Ingest::on(StoreId store, sync::Fork fork) {
  tell_forked(store, fork);
  tell_fork(store, true);
  const WallTime now = clock_.wall_now();
  const auto noted = co_await database_.write([&store, &fork, now](db::Transaction& transaction) {
    return stores::note_fork(transaction, store, sync::name_of(fork.reason), now);
  });
  count(noted ? "fork" : "failed");
  if (!noted) tell_failed("a fork could not be noted", store, noted.error());
  co_return std::nullopt;
}

Task<std::optional<sync::Frame>> Ingest::on(StoreId store, sync::HistoryLost lost) {
  constexpr std::string_view is_lost = "a store does not keep any more what the hub lacks";
  if (faults_.is_news(fault_of(store, is_lost) + std::to_string(lost.through), clock_.mono_now()))
    ops::log(ops::Level::error, "ingest", is_lost,
             {{"storeId", store.str()},
              {"epoch", static_cast<std::int64_t>(lost.epoch)},
              {"lostThrough", static_cast<std::int64_t>(lost.through)}});
  const WallTime now = clock_.wall_now();
  const Uuid audit_id = uuids_.next();
  bool before = false;
  const auto noted = co_await database_.write([&](db::Transaction& transaction) -> Result<void> {
    const auto found = stores::find(transaction, store);
    if (!found) return std::unexpected(found.error());
    before = stores::is_lost_before(*found, lost);
    if (before) return audit_loss(transaction, *found, lost, audit_id, now);
    return stores::note_history_lost(transaction, store, lost, now);
  });
  if (!before) tell_fork(store, true);
  count(noted ? "history_lost" : "failed");
  if (!noted) tell_failed("lost history could not be noted", store, noted.error());
  co_return std::nullopt;
}

/// Answered whatever the store's epoch is, and also while it has forked.
Task<std::optional<sync::Frame>> Ingest::on(StoreId store, sync::SaleQuery query) {
  auto answer = co_await db::read_for<sync::SaleAnswer>(database_, [&](db::Transaction& transaction) {
    return find_sales(transaction, store, query.sessions);
  });
  count(answer ? "sale_query" : "failed");
  if (!answer) {
    tell_failed("a sale query could not be answered", store, answer.error());
    co_return std::nullopt;
  }
  co_return std::move(*answer);
}

Task<std::optional<sync::Frame>> Ingest::on(StoreId store, std::string key, sync::CommandAnswer answer) {
  count("command_answer");
  if (!down_.answered) co_return std::nullopt;
  co_return co_await down_.answered(std::move(store), std::move(key), std::move(answer));
}

Task<std::optional<sync::Frame>> Ingest::on(StoreId store, sync::SpinReserve asked) {
  const WallTime now = clock_.wall_now();
  auto reserved = co_await db::write_for<sync::SpinReserved>(
      database_, [&](db::Transaction& transaction) { return reserve(transaction, store, asked, now); });
  count(reserved ? "spin_reserve" : "failed");
  if (!reserved) {
    tell_failed("one-time prizes could not be kept for a spin", store, reserved.error(), asked.traceparent);
    co_return std::nullopt;
  }
  ops::log(ops::Level::debug, "ingest", "one-time prizes are kept for a spin",
           {{"storeId", store.str()},
            {"spinId", asked.spin.str()},
            {"count", static_cast<std::int64_t>(reserved->prizes.size())},
            {"traceId", ops::trace_id_of(asked.traceparent)},
            {"spanId", ops::span_id_of(asked.traceparent)}});
  co_return std::move(*reserved);
}

Task<std::optional<sync::Frame>> Ingest::on(StoreId store, sync::ClaimRequest asked) {
  const ClaimCause cause{.wallet = wallet::make_cause(uuids_, clock_.wall_now(), asked.traceparent),
                         .event = uuids_.next()};
  auto answer = co_await db::write_for<sync::ClaimAnswer>(
      database_, [&](db::Transaction& transaction) { return claim(transaction, store, asked, cause); });
  count(answer ? "claim_request" : "failed");
  if (!answer) {
    tell_failed("a claim of a till's could not be answered", store, answer.error(), asked.traceparent);
    co_return std::nullopt;
  }
  ops::log(ops::Level::debug, "ingest", "a claim of a till's is answered",
           {{"storeId", store.str()},
            {"transactionId", asked.transaction.str()},
            {"promotionId", asked.promotion.str()},
            {"traceId", ops::trace_id_of(asked.traceparent)},
            {"spanId", ops::span_id_of(asked.traceparent)}});
  co_return std::move(*answer);
}

Task<std::optional<sync::Frame>> Ingest::on(StoreId store, sync::MemberRequest asked) {
  const WallTime now = clock_.wall_now();
  auto answer = co_await db::read_for<sync::MemberAnswer>(
      database_, [&](db::Transaction& transaction) { return tell_of(transaction, store, asked, now); });
  count(answer ? "member_request" : "failed");
  if (!answer) {
    tell_failed("a store could not be told of a member", store, answer.error());
    co_return std::nullopt;
  }
  co_return std::move(*answer);
}

}  // namespace perkline::hub::ingest
