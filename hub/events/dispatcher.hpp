#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "hub/events/consumer.hpp"
#include "hub/events/dead_letters.hpp"
#include "hub/events/outbox.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/signal.hpp"
#include "shared/ops/standing_faults.hpp"

namespace perkline::hub::events {

/// Who watches a dispatcher; what is empty is not told.
struct DispatcherWatch {
  /// Of every consumer in the database, each round: events that it has not taken yet.
  std::function<void(std::string_view consumer, std::int64_t events)> on_lag = {};
  /// After the commit of what the consumer has made of events here.
  std::function<void(std::string_view consumer)> on_taken = {};
};

/// Gives the outbox's events their positions and takes them to the consumers. Any number of replicas may run
/// one on the same database: whoever moves a consumer's offset does so in the transaction of the effect.
/// Reactor's thread.
class Dispatcher {
 public:
  /// Found again within that time by polling, whoever has committed them.
  static constexpr Millis poll_every{200};
  /// Taken at a time, in one transaction; fewer after one that the database could not hold.
  static constexpr std::int64_t batch_max = 256;
  /// Numbered at a time.
  static constexpr std::int64_t numbered_max = 2'000;

  /// The database and the clock must outlive this.
  Dispatcher(db::Database& database, net::AsyncClock& clock, std::vector<Consumer> consumers,
             DispatcherWatch watch = {});

  /// Makes the consumers known, so that they hear of whatever is committed from here on. Before run().
  /// Errors: the database's.
  Task<Result<void>> enroll();

  /// Until drain().
  Task<void> run();
  /// Returns when run() has ended, after the turn that it is in.
  Task<void> drain();

  /// Numbers what is there and takes each consumer one batch, and one event that is due again. True: there
  /// may be more to do at once. Errors: the database's; what other consumers have taken by then stays.
  Task<Result<bool>> turn();

  /// Something may have been committed: run() looks soon rather than at its next poll.
  void wake() { woken_.notify(); }

 private:
  /// One consumer as this replica sees it.
  struct Line {
    Consumer consumer;
    std::int64_t batch = batch_max;
    std::int64_t alone_through = 0;  ///< Up to there events are taken one by one: one of them fails.
  };
  struct Look {
    std::int64_t last = 0;  ///< The last position given.
    bool more = false;      ///< Events wait for theirs.
    std::vector<std::string> due;
  };

  void tell_taken(const Line& line) const;
  Task<Result<Look>> look();
  Task<Result<bool>> number();
  Task<Result<bool>> take_batch(Line& line);
  Task<Result<bool>> take_due(const Line& line);
  Task<Result<bool>> put_aside(const Line& line, PositionedEvent event, std::int64_t from, Error why);

  db::Database& database_;
  net::AsyncClock& clock_;
  std::vector<Line> lines_;
  DispatcherWatch watch_;
  net::Signal woken_;
  net::Signal ended_;
  ops::StandingFaults faults_;
  bool running_ = false;
  bool draining_ = false;
};

}  // namespace perkline::hub::events
