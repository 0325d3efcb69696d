#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/signal.hpp"
#include "shared/ops/standing_faults.hpp"
#include "shared/sync/catalogue.hpp"
#include "shared/sync/frame.hpp"

namespace perkline::hub::downlink {

/// Sends stores what they lack of the hub's (sync.md, "Down"). What a store tells to hold decides, so any
/// replica serves any store; each looks into the database once a second (`look_every`) for those that speak
/// to it. One frame of each stream is on its way at a time: the store's word on it, or
/// limits::sync_down_again, brings the next. Reactor's thread.
class Downlink {
 public:
  struct Parts {
    db::Database& database;
    net::AsyncClock& clock;
    UuidMaker& uuids;
    /// What signs catalogues; to be there before any store is heard.
    const std::optional<sync::SigningKey>& key;
    /// Hands a frame to the store's connection; may lose it.
    std::function<void(const StoreId&, std::string)> send;
    /// For metrics: catalogue_snapshot, catalogue_delta, member_delta, erase_member, command.
    std::function<void(std::string_view kind)> on_frame = {};
    Millis look_every{1000};
  };
  /// What `parts` refers to must outlive this.
  explicit Downlink(Parts parts);

  /// The store has told what it holds. `boot`: which life of its process it is, where it has said so; what
  /// was sent to another is lost.
  void heard(const StoreId& store, const sync::Held& held, const std::optional<Uuid>& boot = std::nullopt);

  /// The store has answered a command, on a connection with that key; what it is to be told in return.
  Task<std::optional<sync::Frame>> answered(StoreId store, std::string key, sync::CommandAnswer answer);

  /// Until stop().
  Task<void> run();
  void stop();

 private:
  /// A frame on its way, until when.
  using Sent = std::optional<MonoTime>;
  struct Listener {
    sync::Held held;
    std::optional<Uuid> boot = {};
    MonoTime heard_at{};
    Sent catalogue = {};
    Sent members = {};
    Sent erasures = {};
    Sent commands = {};
  };
  struct Look;
  Task<void> look();
  Task<Result<Look>> read_look(std::vector<StoreId> stores);
  Task<void> number_members();
  Task<void> serve(StoreId store, const Look& look);
  /// Whom it is to forget, and what it is to do.
  void send_orders(const StoreId& store, Listener& listener, const Look& look);
  Task<void> send_catalogue(StoreId store, sync::Held held);
  Task<void> send_members(StoreId store, std::uint64_t from);
  void send(const StoreId& store, std::string_view kind, const sync::Frame& frame);
  bool is_due(const Sent& sent) const { return !sent || *sent <= parts_.clock.mono_now(); }
  MonoTime again() const;

  Parts parts_;
  std::unordered_map<StoreId, Listener> listeners_;
  std::shared_ptr<net::Signal> wake_ = std::make_shared<net::Signal>();
  ops::StandingFaults faults_;         ///< Of looking.
  ops::StandingFaults answer_faults_;  ///< By store.
  bool stopped_ = false;
};

}  // namespace perkline::hub::downlink
