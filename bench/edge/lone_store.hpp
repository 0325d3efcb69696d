#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "bench/fleet/child.hpp"
#include "bench/measure/process.hpp"
#include "shared/core/result.hpp"

namespace perkline::bench {

/// Until a daemon's log has `ready` in its line past the first `skip` bytes. nullopt: the process has ended,
/// or 120 s have passed. Looked at every millisecond.
std::optional<std::string> await_ready(Child& daemon, const std::filesystem::path& log, std::uintmax_t skip);

/// One store's edge by itself, without a hub, on a core of its own; beside it PDI's sandbox, over TLS as in
/// earnest. One thread.
class LoneStore {
 public:
  struct Options {
    std::filesystem::path bin_dir;
    std::filesystem::path folder;  ///< For all there is; made, but not emptied.
    Cores cores = {};
    std::string api_yaml = {};  ///< More keys of `api`: `max_connections: 4096`.
    std::string pdi_yaml = {};  ///< More keys of `pdi`.
  };
  /// Errors: io_failed, here and below.
  static Result<LoneStore> prepare(Options options);

  /// Returns when it is ready, with the time that took from its process's beginning.
  Result<std::chrono::nanoseconds> start_edge();
  Result<void> stop_edge();
  Result<void> start_sandbox();
  /// The breaker of PDI stays open from now on, until it is left to itself again.
  Result<void> force_open();
  Result<void> set_fault(const std::string& fault) const;

  pid_t edge_pid() const { return edge_->pid(); }
  pid_t sandbox_pid() const { return sandbox_ ? sandbox_->pid() : 0; }  ///< 0: it was not started.
  std::uint16_t port() const { return port_; }
  const std::string& key() const { return key_; }
  std::string sandbox_url() const;
  std::filesystem::path sandbox_ca() const { return in("sandbox.crt"); }
  const Cores& cores() const { return options_.cores; }
  const std::string& client_secret() const { return client_secret_; }
  std::filesystem::path data() const { return options_.folder / "data"; }
  /// Sales that await PDI, as the edge's `status` tells.
  Result<std::uint64_t> pending() const;

 private:
  explicit LoneStore(Options options) : options_(std::move(options)) {}
  std::filesystem::path in(const std::string& name) const { return options_.folder / name; }
  Result<void> write_edge_config();

  Options options_;
  std::string client_secret_;
  std::uint16_t sandbox_port_ = 9;  ///< Without one nobody listens there.
  std::uint16_t port_ = 0;
  std::string key_;
  std::optional<Child> sandbox_;
  std::optional<Child> edge_;
};

}  // namespace perkline::bench
