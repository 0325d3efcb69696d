#pragma once

#include <functional>
#include <string>

#include "edge/journal/outbox.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/link.hpp"
#include "shared/net/signal.hpp"
#include "shared/sync/send_window.hpp"

namespace perkline::edge::uplink {

/// How the store and the hub stand, for status, health and metrics.
struct Standing {
  enum class Kind : std::uint8_t {
    connecting,  ///< Nobody answers yet.
    refused,     ///< The hub does not know this store's key.
    streaming,
    stopped,  ///< A fork, lost history or another protocol: `reason` says which. Sales go on, and wait.
  };
  Kind kind = Kind::connecting;
  std::string reason;
  std::uint64_t acknowledged = 0;
  std::uint64_t tail = 0;
  MonoTime last_heard{};  ///< When the hub last said anything; before that, when the uplink was made.
};
std::string_view name_of(Standing::Kind kind);

struct UplinkOptions {
  StoreId store;
  Uuid boot_id;  ///< New with each start of the process.
  /// The store's status; its tail is filled in by the uplink.
  std::function<sync::Status()> status;
};

/// Sends the outbox to the hub, in sequence, and keeps what it acknowledges (sync.md, "Up"). A flow over
/// ports: runs on the reactor and in the simulation alike. One thread.
class Uplink {
 public:
  /// All must outlive it.
  Uplink(net::HubLink& link, journal::Outbox& outbox, net::AsyncClock& clock, UplinkOptions options);
  /// Until stop(); then nothing of it runs any more. Once.
  Task<void> run();
  void stop();
  Standing standing() const;

 private:
  Task<void> talk();
  Task<void> listen();
  Task<void> hear(sync::Frame frame);
  void forked(const sync::Fork& fork);
  Task<void> acknowledged(sync::Ack ack);
  Task<void> welcomed(sync::Welcome welcome);
  void halt(std::string reason);
  /// What the hub cannot see: it is told.
  void halt_and_tell(sync::ForkReason reason);
  void act();
  bool send_batch();
  void say_hello();
  void send(const sync::Frame& frame);
  sync::Status status() const;

  net::HubLink& link_;
  journal::Outbox& outbox_;
  net::AsyncClock& clock_;
  UplinkOptions options_;
  sync::SendWindow window_;
  std::shared_ptr<net::Signal> wake_ = std::make_shared<net::Signal>();
  std::string halted_;  ///< Why nothing is sent; empty: it is.
  bool stopped_ = false;
};

}  // namespace perkline::edge::uplink
