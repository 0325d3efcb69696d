#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/core/clock.hpp"

namespace perkline::ops {

enum class CheckStatus : unsigned char { up, degraded, down };

struct CheckResult {
  CheckStatus status = CheckStatus::up;
  /// What the last real piece of work took; nullopt: nobody has measured any yet, or there is none.
  std::optional<double> latency_ms = {};
  std::string circuit_breaker = {};  ///< CLOSED, OPEN, HALF_OPEN, FORCED_OPEN; empty: none.
};

/// What a check means for the three probes.
enum class CheckRole : unsigned char {
  required,  ///< down: not ready and not live, and a restart may help (own journal, file, reactor)
  awaited,   ///< down: likewise, but no restart would help (a database server, room on the disk)
  told,      ///< told in every answer, decides nothing (PDI, the hub)
};

/// The daemon's own account of its health. Thread-safe: checks are called on the ops port's thread and must
/// not block.
class Health {
 public:
  explicit Health(const Clock& clock);
  ~Health();
  void add(std::string name, CheckRole role, std::function<CheckResult()> check);

  struct Report {
    int http_status;      ///< 200 or 503
    std::string body;     ///< contract.md §5: {status, timestamp, uptime, checks}
    bool wedged = false;  ///< Something `required` is down.
  };
  Report alive() const;  ///< 200 as long as the process answers.
  Report ready() const;
  Report live() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace perkline::ops
