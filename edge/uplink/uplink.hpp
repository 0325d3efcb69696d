#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

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
  bool is_forked = false;  ///< Hub and store do not have one history: there may be two of this store.
  std::uint64_t acknowledged = 0;
  std::uint64_t tail = 0;
  MonoTime last_heard{};  ///< When the hub last said anything; before that, when the uplink was made.
  /// How long the hub took for its last answer to a Hello or a batch; nullopt: it has answered none yet.
  std::optional<std::chrono::nanoseconds> round_trip = {};
};
std::string_view name_of(Standing::Kind kind);

struct UplinkOptions {
  StoreId store;
  Uuid boot_id;  ///< New with each start of the process.
  /// The store's status; its tail and epoch are filled in by the uplink.
  std::function<sync::Status()> status;
  /// Takes what the hub sends down, and each Welcome before it; empty: nothing is taken.
  std::function<Task<void>(sync::Frame)> down = {};
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
  /// Says Status now: what came down is taken in.
  void tell_status();
  /// Says that once, whether or not anybody hears it.
  void tell(const sync::Frame& frame) { send(frame); }

  /// Asks the hub what it has of the history so far, for at most grant_patience; then Outbox::adopt, and says
  /// Hello in the new epoch. Errors: adopt's, and validation_failed where the hub goes on with the present
  /// one.
  Task<Result<journal::Adopted>> adopt(std::uint64_t epoch);
  static constexpr Millis grant_patience{10'000};
  /// Asks the hub what became of these sessions, whatever keeps the store's own history back; nullopt: it has
  /// not said by `deadline`, or is being asked already. While run() runs.
  Task<std::optional<sync::SaleAnswer>> ask(std::vector<SessionId> sessions, MonoTime deadline);

 private:
  Task<void> talk();
  Task<void> listen();
  Task<void> hear(sync::Frame frame);
  Task<void> forked(sync::Fork fork);
  /// Whether it is to be believed.
  bool confirmed();
  Task<void> superseded(sync::Fork fork);
  Task<Result<void>> ask_for_grant(std::uint64_t epoch);
  Task<void> acknowledged(sync::Ack ack);
  Task<void> welcomed(sync::Welcome welcome);
  void halt(std::string reason);
  void halt_forked(const sync::Fork& fork);
  /// What the hub cannot see: it is told.
  void halt_and_tell(sync::ForkReason reason);
  Task<void> lost_history(std::uint64_t cursor);
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
  std::string halted_;      ///< Why nothing is sent; empty: it is.
  bool forked_ = false;     ///< That is why.
  bool suspected_ = false;  ///< The hub has told of a fork, and not welcomed the store since.
  bool adopting_ = false;
  /// What the hub has said since it was asked about a new epoch.
  struct GrantNews {
    bool granted;
    bool welcomed;
  };
  std::optional<GrantNews> grant_news_;
  std::shared_ptr<net::Signal> granted_ = std::make_shared<net::Signal>();
  bool asking_ = false;
  std::optional<sync::SaleAnswer> answer_;
  std::shared_ptr<net::Signal> answered_ = std::make_shared<net::Signal>();
  bool stopped_ = false;
};

}  // namespace perkline::edge::uplink
