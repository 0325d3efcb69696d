#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/core/ids.hpp"
#include "shared/core/result.hpp"
#include "shared/net/reactor.hpp"

/// Frames of bytes between a store and the hub over ZeroMQ with CURVE. A link carries and may lose whatever
/// is on its way when a connection breaks; it never remembers (shared/sync does).
namespace perkline::net {

/// A CURVE key pair, both as 64 lower-case hex digits.
struct CurveKeys {
  std::string public_key;
  std::string secret_key;
};
CurveKeys make_curve_keys();
/// Errors: validation_failed for anything but 64 lower-case hex digits.
Result<std::string> public_key_of(std::string_view secret_key);

enum class LinkState : std::uint8_t {
  connecting,  ///< Nobody answers yet.
  connected,
  refused,  ///< The hub answers, but does not let this store's key in. It is tried again now and then.
};

/// The store's end as flows see it. One at a time may await receive().
class HubLink {
 public:
  virtual ~HubLink() = default;
  /// Hands the frame to the transport, which keeps it until a connection stands; says nothing of its arrival.
  /// Errors: overloaded (the queue is full).
  virtual Result<void> send(std::string frame) = 0;
  /// The next frame from the hub. Safe to cancel: no frame is lost by it. Errors: timed_out at `deadline`,
  /// cancelled.
  virtual Task<Result<std::string>> receive(MonoTime deadline) = 0;
  /// Drops the connection with all that is on its way, and connects to the next endpoint of the list.
  virtual void reconnect() = 0;
  virtual LinkState state() const = 0;
  /// Drops the connection and comes with another key; where there are none, nothing happens.
  virtual void use_keys(CurveKeys keys) { static_cast<void>(keys); }
};

struct StoreLinkOptions {
  std::vector<std::string> endpoints;  ///< `tcp://host:port`, tried in turn by reconnect().
  StoreId store;                       ///< Begins the routing id.
  std::string secret_key;
  std::string hub_public_key;
};
/// A DEALER on a thread of its own. Errors: validation_failed.
Result<std::unique_ptr<HubLink>> make_store_link(Reactor& reactor, StoreLinkOptions options);

/// Which store a public key belongs to; nullopt: none, or revoked. Called on the link's threads, so it must
/// be thread-safe and must not block.
using KeyDirectory = std::function<std::optional<StoreId>(const std::string& public_key)>;

struct HubServerOptions {
  std::string listen;  ///< `tcp://host:port`; port 0 or *: any free one.
  std::string secret_key;
  /// Each time refused() grows, on the link's threads.
  std::function<void()> on_refusal = {};
};

/// The hub's end: a ROUTER and the ZAP handler that admits only keys of the directory and binds each to its
/// store. A frame whose routing id is not that store's, or whose key has been revoked meanwhile, is dropped
/// and counted; an answer goes to where the store was last heard. While receive() is not called enough,
/// stores wait.
class StoreServer {
 public:
  virtual ~StoreServer() = default;
  /// Errors: io_failed (address in use).
  virtual Result<void> start() = 0;
  virtual std::string endpoint() const = 0;
  /// The next frame of any store.
  struct Incoming {
    StoreId store;
    std::string frame;
    std::string key = {};  ///< The public one of its connection.
  };
  /// Safe to cancel. Errors: cancelled.
  virtual Task<Result<Incoming>> receive() = 0;
  /// Dropped when the store is not connected, or its key revoked.
  virtual void send(StoreId store, std::string frame) = 0;
  /// Connections whose key was refused, and frames dropped for a foreign routing id or a revoked key.
  virtual std::uint64_t refused() const = 0;
};
std::unique_ptr<StoreServer> make_store_server(Reactor& reactor, HubServerOptions options,
                                               KeyDirectory directory);

}  // namespace perkline::net
