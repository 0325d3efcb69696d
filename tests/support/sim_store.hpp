#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "edge/journal/journal_memory.hpp"
#include "edge/journal/outbox.hpp"
#include "edge/pdi_queue/pdi_queue.hpp"
#include "edge/pdi_queue/restoration.hpp"
#include "edge/session/flows.hpp"
#include "pdi_client/guard.hpp"
#include "shared/ops/log.hpp"
#include "shared/sync/event.hpp"
#include "tests/support/sim_pdi.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::edge::session {

inline Currency usd() {
  return *find_currency("USD");
}

SessionId session_id_in(std::string_view body);

/// What survives a crash of the store's daemon: time, PDI, and the disk.
struct Outside {
  test::VirtualTime time;
  test::SimPdiBooks pdi;
  journal::MemoryDisk disk;
  journal::Room room = journal::Room::ample;  ///< What flows are told of the disk.
};

/// A till with the worked example of the contract in hand.
struct Till {
  CustomerId customer{"CUST-12345"};
  ChannelId channel{"POS-001"};
  TransactionId transaction{"TXN-67890"};
  SessionId session;
  Money amount{15000, usd()};
  Money final_amount{15000, usd()};
  bool apply_rewards = true;
  std::optional<Points> redeem;
  std::string traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

  IdentifyRequest identify_request() const { return {customer, channel, transaction}; }
  CalculateRequest calculate_request() const {
    return {session, {.amount = amount, .items = {{"SKU-001", {2000}, {}, ""}}}};
  }
  FinalizeRequest finalize_request() const {
    return {session,
            transaction,
            {.final_amount = final_amount, .apply_rewards = apply_rewards, .redeem = redeem}};
  }
};

struct LifeOptions {
  StoreId store{"store-1"};
  Millis quiet{20'000};
  StandIn standin = {};
  rules::ChainRules rules = {};
  std::size_t queue_known_max = 10'000;
  bool breaker = false;                                   ///< Else PDI is called whatever it does.
  std::function<bool()> may_retry = [] { return true; };  ///< Without a breaker.
  pdi_queue::AskHub ask_hub = {};  ///< Who is asked after a restore; empty: there is no hub.
};

/// One life of the daemon's session part, from its start on: the production flows over a simulated world.
/// Destroying it is the crash.
class Life {
 public:
  explicit Life(Outside& outside, LifeOptions options = {});
  ~Life();

  /// The power goes: some of what the journal was writing still gets to the disk. Only to be destroyed then.
  void crash(std::uint64_t seed);

  /// Runs a call to its end.
  template <class T>
  T run(Task<T> task) {
    return test::run_task(*world, std::move(task));
  }
  /// Starts two calls, the first one first, and runs both to their ends.
  std::pair<Result<Answer>, Result<Answer>> run_both(Task<Result<Answer>> first, Task<Result<Answer>> second);
  /// Starts a call that nobody listens to.
  void start(Task<Result<Answer>> task);

  /// The new session's id; empty when it failed.
  SessionId identify(const Till& till);
  Result<Answer> calculate(const Till& till) {
    return run(flows.calculate_rewards(till.calculate_request()));
  }
  Result<Answer> finalize(const Till& till) {
    return run(flows.finalize(till.finalize_request(), till.traceparent));
  }
  /// Until nothing awaits PDI any more; false when that takes over a day.
  bool settle();

  Session stored(const SessionId& id);
  std::vector<sync::Event> events();

  Outside& outside;
  std::unique_ptr<test::SimWorld> world;  ///< Goes first: its coroutines refer to all the rest.
  SeededRng rng;
  UuidMaker uuids;
  journal::JournalMemory journal;
  std::unique_ptr<journal::Outbox> outbox;
  SessionStore store;
  test::SimPdi pdi;
  pdi::Guard guard;
  net::KeyedLock locks;
  standin::Members members;
  standin::RulesInForce rules;
  Ports ports;
  SessionWriter writer;
  Finalizer finalizer;
  pdi_queue::Restoration restoration;
  pdi_queue::PdiQueue queue;
  Flows flows;
};

}  // namespace perkline::edge::session
