#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/webhooks/deliveries.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/http_client.hpp"
#include "shared/net/reactor.hpp"
#include "shared/net/signal.hpp"

namespace perkline::hub::webhooks {

/// Sends what is due. A webhook's deliveries go from one replica at a time: whoever holds its lease, which
/// another takes over when it has run out; those of one lane (a member's, say) one at a time in their order,
/// several lanes side by side. Webhooks do not wait for one another. Reactor's thread.
class Sender {
 public:
  struct Options {
    Millis answer_within = seconds{10};  ///< From the connection's begin to the answer's end.
    /// A replica that was killed keeps a webhook waiting that long at most; one that lives renews it.
    Millis lease = seconds{5};
  };
  /// Webhooks sent to at the same time.
  static constexpr std::size_t at_once = 32;
  /// And lanes of each.
  static constexpr std::size_t lanes_at_once = 8;
  /// Then another webhook may have its turn.
  static constexpr seconds turn_max{10};
  static constexpr Millis poll_every{250};

  /// What an origin is called by. Errors: bad_request.
  using Connect = std::function<Result<std::unique_ptr<net::HttpOrigin>>(const std::string& origin)>;

  /// All must outlive this, and `uuids` the constructor.
  Sender(db::Database& database, net::AsyncClock& clock, Rng& rng, UuidMaker& uuids, Connect connect,
         Options options);

  /// Until drain().
  Task<void> run();
  /// Returns when run() has ended and nothing is being sent any more, after the deliveries under way; their
  /// leases are given back.
  Task<void> drain();
  /// Something may have become due: run() looks soon rather than at its next poll.
  void wake() { woken_.notify(); }

 private:
  struct Target;
  struct Round;

  /// Starts sending to webhooks that have something due and nobody else sends to.
  Task<Result<void>> start_due();
  Task<Result<bool>> take_lease(std::string webhook);
  Task<void> give_lease_back(std::string webhook);
  /// Sends what is due of one webhook whose lease is held, and gives that back.
  Task<void> serve(std::string webhook);
  /// `holds`: whether the lease is still this process's, as far as it knows.
  Task<void> send_due(const std::string& webhook, bool& holds);
  /// Renews it, as long as it is let.
  Task<void> keep_lease(const std::string& webhook);
  Result<bool> renew_lease(db::Transaction& transaction, const std::string& webhook, WallTime now) const;
  /// False: it is to stop, as the lease is another's, or the database away.
  Task<bool> send_round(const std::string& webhook, MonoTime until, bool& more);
  Task<void> send_lane(std::shared_ptr<Round> round, std::size_t lane);
  Task<Attempt> attempt(Round& round, const DueDelivery& due);
  Task<Result<bool>> note(const std::string& webhook, const DueDelivery& due, const Attempt& attempt);

  db::Database& database_;
  net::AsyncClock& clock_;
  Rng& rng_;
  Connect connect_;
  Options options_;
  std::string owner_;  ///< This process, in leases.
  std::set<std::string> serving_;
  net::Signal woken_;
  net::Signal ended_;
  bool running_ = false;
  bool draining_ = false;
};

/// Gives every lease back, whoever holds it: for a hub that starts, where there can be no other. Errors: the
/// database's.
Result<void> release_all_leases(db::Transaction& transaction);

/// Real connections, to no address that net::is_off_limits(); https by the system's certificate authorities.
/// `reactor` must outlive the sender.
Sender::Connect over_http(net::Reactor& reactor);

}  // namespace perkline::hub::webhooks
