#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bench/fleet/child.hpp"
#include "shared/core/result.hpp"

namespace perkline::bench {

struct FleetOptions {
  std::filesystem::path bin_dir;    ///< Where perkline-edge, perkline-hub and pdi-sandbox are.
  std::filesystem::path state_dir;  ///< Made, and marked (mark_state()); what is in it goes, whatever it is.
  std::size_t edges = 2;
  std::uint16_t port_base = 0;  ///< Ports as contract.md §4 says; 0: free ones.
  int pdi_quiet_ms = 20'000;
  std::vector<std::string> edge_yaml =
      {};                     ///< More lines for the configuration of the first edge, the second …
  std::string hub_yaml = {};  ///< More lines for the configuration of every hub.
  std::string pdi_yaml = {};  ///< More keys of every edge's `pdi`: `max_in_flight: 8, timeouts_ms: { … }`.
  std::string database_url = {};  ///< The hub's; empty: SQLite, in the folder.
  std::size_t replicas = 0;       ///< More hubs on the same database; edges know of all.
  std::string pdi_url = {};       ///< Another PDI in the sandbox's place, which is not started then.
  /// Where the first edge finds its hub, the second …, if not where the hubs listen: a line that leads there.
  /// 0, or none: where they listen.
  std::vector<std::uint16_t> edge_hub_ports = {};
};

/// A whole small chain on loopback, every part a real process with keys of its own: sandbox over TLS, hub on
/// SQLite or the database it is told, store edges. The demo and the integration tests stand on it. One
/// thread.
class Fleet {
 public:
  /// Makes keys, certificates and configurations, registers the stores, adds an admin and a terminal each,
  /// starts all and waits until each answers /health. Errors: io_failed, with what a daemon last wrote.
  static Result<Fleet> start(FleetOptions options);
  Fleet(Fleet&&) noexcept;
  ~Fleet();

  std::size_t edges() const;
  std::string store_id(std::size_t edge) const;  ///< `store-1` …
  std::string edge_url(std::size_t edge) const;
  std::string edge_ops_url(std::size_t edge) const;
  std::string terminal_key(std::size_t edge) const;
  std::string hub_url() const;
  std::uint16_t hub_port() const;
  std::string hub_ops_url() const;
  std::string sandbox_url() const;
  std::string ca_file() const;  ///< What the sandbox's certificate is to be checked against.
  std::string admin_login() const;
  std::string admin_password() const;
  std::uint16_t sandbox_port() const;
  std::uint16_t sync_port() const;     ///< Where the hub listens for stores.
  std::string hub_public_key() const;  ///< By which stores know it.
  std::uint16_t replica_sync_port(std::size_t replica) const;
  std::filesystem::path edge_config(std::size_t edge) const;
  std::filesystem::path hub_config() const;
  std::filesystem::path edge_data(std::size_t edge) const;      ///< Its data_dir.
  std::string hub_database_url() const;                         ///< As its configuration has it.
  std::filesystem::path hub_database() const;                   ///< SQLite's file.
  std::filesystem::path log_of(const std::string& part) const;  ///< `sandbox`, `hub`, `edge-1` …

  /// What the sandbox does wrong from now on (`PUT /sandbox/faults`). Errors: io_failed.
  Result<void> set_fault(const std::string& fault) const;
  /// An admin's access token. Errors: io_failed.
  Result<std::string> log_in() const;

  /// Of the hubs beside the first.
  std::string replica_url(std::size_t replica) const;
  std::string replica_ops_url(std::size_t replica) const;
  Child& replica(std::size_t replica);
  /// Started again, as the others below. Errors: io_failed.
  Result<void> start_replica(std::size_t replica);

  Child& edge(std::size_t edge);
  Child& hub();
  Child& sandbox();
  /// Starts a stopped part again on its old ports and data, and waits until it answers. Errors: io_failed.
  Result<void> start_edge(std::size_t edge);
  Result<void> start_hub();
  Result<void> start_sandbox();
  /// The same without the wait: for who will not let it come up. Errors: io_failed.
  Result<void> launch_edge(std::size_t edge);
  Result<void> launch_hub();
  /// `NAME=value` beside this process's environment, from the daemon's next start on.
  void set_edge_environment(std::size_t edge, std::vector<std::string> environment);
  void set_hub_environment(std::vector<std::string> environment);
  /// One of our programs with `--config` of the part: `edge_command(0, {"status", "--json"})`.
  Result<CommandOutput> edge_command(std::size_t edge, std::vector<std::string> arguments) const;
  Result<CommandOutput> hub_command(std::vector<std::string> arguments) const;

 private:
  struct State;
  explicit Fleet(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace perkline::bench
