#pragma once

#include <functional>

#include "edge/hub_key.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/sync/down.hpp"

namespace perkline::edge {

/// Does what the hub's staff have told this store to do (sync.md, Command). Told again it does no harm: the
/// hub repeats itself until it has been answered. Reactor's thread.
class Obeying {
 public:
  struct Parts {
    HubKey& key;
    net::AsyncClock& clock;
    std::function<void(const sync::CommandAnswer&)> answer = {};
    /// From the next connection on, and at once.
    std::function<void(const net::CurveKeys&)> use_key = {};
  };
  /// Between being told that the key is let in and coming with it: replicas hear of keys twice a second.
  static constexpr Millis let_in_everywhere{1500};

  /// What `parts` refers to must outlive this.
  explicit Obeying(Parts parts) : parts_(std::move(parts)) {}

  Task<void> obey(sync::Command command);

 private:
  void set_log_level(const sync::Command& command);
  void rotate(const sync::Command& command);
  Task<void> come_with(sync::Command command);
  void answer(const sync::Command& command, sync::CommandOutcome outcome, std::string detail = {}) const;

  Parts parts_;
  bool coming_ = false;
};

}  // namespace perkline::edge
