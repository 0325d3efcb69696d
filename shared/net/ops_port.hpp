#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "shared/core/result.hpp"

namespace perkline::ops {
class Health;
class Metrics;
}  // namespace perkline::ops

namespace perkline::net {

/// `/health`, `/health/ready`, `/health/live`, `/metrics` and `/` (a small status page) on a thread of its
/// own, so that probes are answered while the reactor is busy.
class OpsPort {
 public:
  /// The references must outlive it; both are thread-safe. `title` heads the status page.
  OpsPort(std::string listen, std::string title, const ops::Health& health, const ops::Metrics& metrics);
  ~OpsPort();
  /// Errors: io_failed.
  Result<void> start();
  std::uint16_t port() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perkline::net
