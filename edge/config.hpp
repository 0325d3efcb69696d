#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shared/config/schema.hpp"
#include "shared/config/sections.hpp"
#include "shared/core/result.hpp"
#include "shared/rules/chain_rules.hpp"

namespace perkline::edge {

/// edge.yaml with its defaults (contract.md §3). Members are named as the file's keys, which carry their
/// units.
struct EdgeConfig {
  std::string store_id;  ///< 1 to 64 of [A-Za-z0-9._-].
  std::string data_dir = "/var/lib/perkline-edge";
  std::string currency = "USD";  ///< Known to find_currency.
  std::string timezone = "UTC";  ///< A name of the tz database.

  struct Api {
    std::string listen = "127.0.0.1:7070";
    std::string unix_socket;
    std::string unix_socket_mode = "0600";  ///< Octal; 0660: the group's too, 0666: everybody's.
    std::string terminals_file;             ///< May not exist yet. Empty: no key is asked, loopback only.
    std::int64_t max_connections = 1024;
    std::int64_t rate_per_terminal_s = 500;  ///< 0: off.
    config::TlsFiles tls;
  } api;

  struct Ops {
    std::string listen = "127.0.0.1:7071";
  } ops;

  struct Pdi {
    std::string url;        ///< Without a slash at its end.
    std::string token_url;  ///< Never empty once read: `<url>/oauth/token` by default.
    std::string client_id;
    std::string client_secret;
    std::string ca_file;  ///< Empty: the system's store.
    std::int64_t max_in_flight = 64;
    std::int64_t quiet_ms = 20'000;
    struct Timeouts {
      std::int64_t identify = 5'000;
      std::int64_t calculate = 8'000;
      std::int64_t finalize = 10'000;
      std::int64_t status = 3'000;
    } timeouts_ms;
  } pdi;

  struct Breaker {
    std::int64_t window_s = 60;
    std::int64_t min_calls = 5;
    double failure_rate = 0.5;
    double slow_rate = 0.8;
    std::int64_t consecutive_failures = 5;
    std::int64_t open_base_ms = 5'000;
    std::int64_t open_max_ms = 60'000;
    std::int64_t half_open_permits = 3;
  } breaker;

  struct Standin {
    bool enabled = true;
    std::int64_t deadline_ms = 2'000;
    std::string rules_file;   ///< Empty: the built-in rules.
    rules::ChainRules rules;  ///< What that file says.
    std::int64_t max_redeem_points_per_member_day = 0;
    std::int64_t max_redeem_points_store_day = 0;
  } standin;

  struct Session {
    std::int64_t ttl_hours = 24;
    std::int64_t keep_days = 400;
  } session;

  struct Outbox {
    std::int64_t keep_days = 7;
  } outbox;

  struct Storage {
    std::int64_t reserve_mib = 256;
  } storage;

  struct Hub {
    std::vector<std::string>
        endpoint;  ///< `tcp://host:port`, tried in turn. Empty: no hub, and the keys may be too.
    std::string hub_public_key;  ///< 64 lower-case hex digits, like the next.
    std::string secret_key;
  } hub;

  config::LogSettings log;
};

void describe(config::Schema& schema, EdgeConfig& config);

/// Errors: validation_failed with every fault of the file.
Result<EdgeConfig> read_config(const std::string& path);

/// The keys whose values differ.
std::vector<std::string> changed_keys(EdgeConfig before, EdgeConfig after);

/// As YAML, secrets as `***`; the rules of standin.rules_file behind it as comments, as they are a file of
/// their own.
std::string print(EdgeConfig config);

}  // namespace perkline::edge
