#pragma once

#include <memory>
#include <string>

#include "edge/config.hpp"
#include "shared/core/result.hpp"

namespace perkline::edge {

/// The running store: puts the parts together and owns them.
class Daemon {
 public:
  /// `config_path` is read again on SIGHUP.
  Daemon(EdgeConfig config, std::string config_path);
  ~Daemon();

  /// Serves until SIGTERM or SIGINT, then lets the calls in progress finish (limits::drain_timeout).
  /// Errors: what kept it from starting: io_failed, corrupt, newer_format, bad_request, validation_failed.
  Result<void> run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perkline::edge
