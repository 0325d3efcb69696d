#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "edge/config.hpp"
#include "edge/downlink/downlink.hpp"
#include "edge/downlink/erasing.hpp"
#include "edge/hub_key.hpp"
#include "edge/obeying.hpp"
#include "edge/programme/programme.hpp"
#include "edge/telemetry.hpp"
#include "edge/uplink/uplink.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::edge {

/// All that speaks to the hub: the line and its key, what goes up, what comes down and what is done about it.
/// Reactor's thread.
class HubSide {
 public:
  /// All must outlive it.
  struct Parts {
    net::Reactor& reactor;
    journal::Journal& journal;
    journal::Outbox& outbox;
    session::Ports ports;
    session::SessionWriter& writer;
    programme::Programme& programme;
    /// The store's status; tail and what is held are filled in here.
    std::function<sync::Status()> status;
    /// The chain's rules in the hub's catalogue are others now.
    std::function<void()> on_rules;
  };
  /// Errors: validation_failed, corrupt, newer_format, io_failed.
  static Result<std::unique_ptr<HubSide>> open(const EdgeConfig& config, Parts parts);

  void start();
  void stop();
  uplink::Uplink& uplink() { return *uplink_; }
  uplink::Standing standing() const { return uplink_->standing(); }
  /// Those that staff have put in force; nullopt: none, or none that this version can read.
  const std::optional<rules::ChainRules>& rules() const { return rules_; }
  HubCheck check() const;

 private:
  explicit HubSide(Parts parts) : parts_(std::move(parts)) {}
  Result<void> open_line(const EdgeConfig& config);
  Result<void> open_downlink(const StoreId& store);
  Task<void> hear(sync::Frame frame);
  void use(const sync::Catalogue& catalogue);

  Parts parts_;
  std::optional<HubKey> key_;
  std::unique_ptr<net::HubLink> link_;
  std::optional<Obeying> obeying_;
  std::optional<downlink::Erasing> erasing_;
  std::unique_ptr<downlink::Downlink> downlink_;
  std::unique_ptr<uplink::Uplink> uplink_;
  std::optional<rules::ChainRules> rules_;
  ops::StandingFaults rules_faults_;
};

}  // namespace perkline::edge
