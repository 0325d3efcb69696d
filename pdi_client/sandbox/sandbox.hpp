#pragma once

#include <cstdint>
#include <memory>

#include "pdi_client/sandbox/config.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::pdi::sandbox {

/// Stands in for PDI: the token endpoint, the four calls, the ledger, and faults on demand. Reactor's thread.
class Sandbox {
 public:
  /// `reactor` must outlive it.
  Sandbox(net::Reactor& reactor, SandboxConfig config);
  ~Sandbox();
  /// Errors: io_failed, bad_request (certificate).
  Result<void> start();
  std::uint16_t port() const;
  /// Closes the calls being held and lets the others finish until `deadline`.
  Task<void> drain(MonoTime deadline);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perkline::pdi::sandbox
