#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/ingest/boots.hpp"
#include "hub/wheel/terms.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/ids.hpp"
#include "shared/ops/standing_faults.hpp"
#include "shared/sync/cursor.hpp"
#include "shared/sync/frame.hpp"

namespace perkline::hub::ingest {

/// What became of frames and events, for metrics. Called on the reactor's thread.
struct IngestObserver {
  /// hello, status, applied, repeated, nack, fork (told by either side), history_lost, sale_query,
  /// command_answer, spin_reserve, claim_request, member_request, malformed, foreign (another store's name in
  /// it), unexpected (no frame for the hub), overrun (more than a store may have waiting), failed (the
  /// database).
  std::function<void(std::string_view verdict)> on_frame = {};
  /// The type of an event that was applied; `dead_letter` for one that could not be.
  std::function<void(std::string_view type)> on_event = {};
  /// How many events the store holds that the hub has not.
  std::function<void(const StoreId& store, std::uint64_t lag)> on_lag = {};
  /// Whether something keeps the store's history, or that of another process under its name, from being taken
  /// in; told with each Hello, and when it begins.
  std::function<void(const StoreId& store, bool forked)> on_fork = {};
};

/// Where what goes down to stores takes part in what they say (hub/downlink).
struct Down {
  /// What signs catalogues; told with each Welcome.
  std::optional<sync::PublicKey> signing_key = {};
  /// A store has told what it holds; `boot` with Hello: which life of its process that is.
  std::function<void(const StoreId& store, const sync::Held& held, const std::optional<Uuid>& boot)> heard =
      {};
  /// A store has answered a command, on a connection with that key; the answer to that, if any.
  std::function<Task<std::optional<sync::Frame>>(StoreId store, std::string key, sync::CommandAnswer answer)>
      answered = {};
  /// A store has given away prizes, or back units of them; or has told another
  /// holder of its leases; or its history has forked, or has not any more.
  std::function<void(const StoreId& store)> prizes_used = {};
};

/// Takes a store's frames in, exactly once: a batch's events and the store's cursor move in one transaction,
/// whoever answers and however often a batch comes (sync.md, "Up"). A flow over the database alone; reactor's
/// thread.
class Ingest {
 public:
  /// The first three must outlive this.
  Ingest(db::Database& database, const Clock& clock, Rng& rng, wheel::Terms terms = {},
         IngestObserver observer = {}, Down down = {});

  /// The answer to `frame`, sent by `store` (as its key tells); nullopt: none. A frame that is malformed or
  /// claims another store is dropped; while the database cannot be had nothing is answered, and the store
  /// sends again. `key`: the public one of its connection.
  Task<std::optional<std::string>> handle(StoreId store, std::string frame, std::string key = {});

  /// Counts a frame that was dropped before it got here.
  void note_dropped(std::string_view verdict) const { count(verdict); }

 private:
  Task<std::optional<sync::Frame>> on(StoreId store, sync::Hello hello);
  Task<std::optional<sync::Frame>> on(StoreId store, sync::Batch batch);
  Task<std::optional<sync::Frame>> on(StoreId store, sync::Status status);
  Task<std::optional<sync::Frame>> on(StoreId store, sync::Fork fork);
  Task<std::optional<sync::Frame>> on(StoreId store, sync::HistoryLost lost);
  Task<std::optional<sync::Frame>> on(StoreId store, sync::SaleQuery query);
  Task<std::optional<sync::Frame>> on(StoreId store, std::string key, sync::CommandAnswer answer);
  Task<std::optional<sync::Frame>> on(StoreId store, sync::SpinReserve asked);
  Task<std::optional<sync::Frame>> on(StoreId store, sync::ClaimRequest asked);
  Task<std::optional<sync::Frame>> on(StoreId store, sync::MemberRequest asked);
  /// Each in the log, as ops::StandingFaults has it. `traceparent`: of the till's call that it was for;
  /// empty: of none.
  void tell_failed(std::string_view what, const StoreId& store, const Error& error,
                   std::string_view traceparent = {});
  void tell_forked(const StoreId& store, const sync::Fork& fork);
  /// What it may give away changes with it.
  void tell_fork(const StoreId& store, bool forked);
  void count(std::string_view verdict) const;
  void hear_held(const StoreId& store, const sync::Status& status,
                 const std::optional<Uuid>& boot = std::nullopt) const;
  void tell_lag(const StoreId& store, const std::optional<std::uint64_t>& lag) const;

  db::Database& database_;
  const Clock& clock_;
  UuidMaker uuids_;
  wheel::Terms terms_;  ///< What sales and spins give.
  IngestObserver observer_;
  Down down_;
  Boots boots_;
  std::set<StoreId> forked_;    ///< As this process has told.
  ops::StandingFaults faults_;  ///< By store.
};

}  // namespace perkline::hub::ingest
