#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "edge/session/session_store.hpp"
#include "shared/net/router.hpp"

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
  std::string hub = {};         ///< How the uplink stands, `none` without a hub; empty where nobody knows.
};
std::string render(const StatusReport& report);

/// The path of a data folder's control socket.
std::string control_socket(const std::string& data_dir);

/// Errors: not_found, and what the store gives.
Result<std::string> session_details(const session::SessionStore& store, const std::string& id);

/// GET /status and GET /sessions/{id}. Whoever may open the socket (mode 0600) may ask. `store` outlives the
/// router.
void add_control_routes(net::Router& router, std::function<StatusReport()> status,
                        const session::SessionStore& store);
net::Guard control_guard();

}  // namespace perkline::edge
