#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "edge/session/session_store.hpp"
#include "shared/net/router.hpp"

namespace perkline::pdi {
class Guard;
}
namespace perkline::edge::pdi_queue {
class PdiQueue;
}
namespace perkline::edge::jobs {
class Jobs;
}

namespace perkline::edge {
class Backups;
}

/// What operators ask a daemon over `data_dir/control.sock`, or the data itself when none runs.
namespace perkline::edge {

/// How a store's daemon is.
struct StatusReport {
  StoreId store;
  bool running = false;
  std::optional<seconds> uptime = std::nullopt;  ///< Of a running daemon.
  std::uint64_t epoch = 0;
  std::uint64_t tail = 0;       ///< The last event journalled.
  std::uint64_t acked = 0;      ///< The last event the hub has.
  std::size_t queue_depth = 0;  ///< Sales that await PDI.
  std::size_t in_review = 0;    ///< Sales that await a person.
  std::string breaker = {};     ///< Its state; empty where nobody knows.
  std::string hub = {};         ///< How the uplink stands, `none` without a hub; empty where nobody knows.
  std::string hub_reason = {};  ///< Why nothing is sent to the hub; empty: it is.
  std::optional<std::uint64_t> granted_epoch = std::nullopt;  ///< By the hub, and not adopted yet.
  /// Days that there is a seed for to draw spins with; nullopt: nobody knows.
  std::optional<std::int64_t> wheel_seeds = std::nullopt;
  std::string wheel_trouble = {};  ///< Why no sale has its spin (programme::SeedStanding); empty: it has.
  bool settlement_held = false;    ///< After a restore, until the hub has told what it knows.
};
std::string render(const StatusReport& report);

/// What `epoch adopt` says.
std::string render(const journal::Adopted& adopted, std::uint64_t epoch);

/// The path of a data folder's control socket.
std::string control_socket(const std::string& data_dir);

/// By its id, or by the till's name for its sale or for a return of it. Errors: not_found, and what the store
/// gives.
Result<session::Session> session_named(const session::SessionStore& store, const std::string& name);
Result<std::string> session_details(const session::SessionStore& store, const std::string& name);

/// A person's, about a session in review.
struct ReviewDecision {
  std::string actor = {};
  std::string reason = {};  ///< Of a discard.
};
/// Errors: malformed_json, validation_failed.
Result<ReviewDecision> read_decision(std::string_view body, bool with_reason);

/// At most so many of each kind are listed.
inline constexpr std::size_t listed_max = 1000;
/// `sessions list` tells of those opened in this time.
inline constexpr hours listed_age{1};

/// What the routes speak of; all outlive the router.
struct ControlParts {
  std::function<StatusReport()> status;
  const session::SessionStore& store;
  const Clock& clock;
  pdi_queue::PdiQueue& queue;
  pdi::Guard& guard;
  jobs::Jobs& jobs;
  Backups& backups;
  std::function<Task<Result<journal::Adopted>>(std::uint64_t epoch)> adopt;
};

///   GET /status                     GET /sessions              GET /sessions/{id}: also a transaction's
///   GET /queue                      POST /breaker              {action: force-open | auto}
///   POST /queue/{id}/retry          {actor}
///   POST /queue/{id}/discard        {actor, reason}
///   GET /jobs                       POST /jobs/{name}          runs it; answers when it has run
///   POST /backup                    {folder}, absolute: as the daemon sees it
///   POST /epoch/adopt               {epoch}
/// Whoever may open the socket (mode 0600) may ask.
void add_control_routes(net::Router& router, ControlParts parts);
net::Guard control_guard();

}  // namespace perkline::edge
