#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/limits.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/signal.hpp"
#include "shared/net/web_socket.hpp"

namespace perkline::hub::notifications {

/// More of one member's are refused.
inline constexpr std::size_t sockets_per_member_max = 16;
/// Of a hub's connections those that members' sockets may be: the rest is for calls.
constexpr std::size_t sockets_max_of(std::size_t connections) {
  return connections / 4 * 3;
}

/// Says notifications on members' sockets, each once and in order, wherever they were made: it looks into the
/// database, which is also the queue of a socket that is slow or lost. Reactor's thread.
class Feed {
 public:
  /// How many sockets may be open, so that no one keeps anybody else from the hub. 0: any number.
  struct Bounds {
    std::size_t all = sockets_max_of(limits::hub_connections_max);
    std::size_t per_address = 200;
  };
  /// Both must outlive this, and this every task.
  Feed(db::Database& database, net::AsyncClock& clock, const Bounds& bounds)
      : database_(database), clock_(clock), bounds_(bounds) {}
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  /// Who listens, and since where.
  struct Listener {
    UserId user;
    std::optional<Uuid> session = std::nullopt;  ///< With whose end the socket closes, too.
    WallTime expires_at = {};                    ///< The token.
    std::int64_t after = 0;                      ///< The last id that was seen.
  };
  /// One of the sockets, from before it is open until it is no more: whoever has it counts.
  class Place;
  /// `network`: from where (api::network_of). The feed must outlive it. Errors: rate_limited (this member has
  /// sockets_per_member_max, or this network its share), overloaded (there are too many in all).
  Result<std::shared_ptr<Place>> take_place(const UserId& user, const std::string& network);

  /// Until the socket closes: 4401 when the token has expired, 4403 within some seconds when the account or
  /// the session is no more.
  Task<void> serve(Listener listener, net::WebSocket& socket);

  /// As long as the hub serves: looks for news every half second, and whether listeners still may listen.
  Task<void> run();
  /// Something is about to be written here: looks more often for a while.
  void expect_news();

  std::size_t open() const { return open_.size(); }

 private:
  struct Open {
    Listener listener;
    net::WebSocket& socket;
    net::Signal news = {};
    bool asked_about = false;  ///< By the look that is under way.
  };
  class Registered;

  Task<void> look_for_news();
  Task<void> look_who_may_listen();
  void wake_all();

  db::Database& database_;
  net::AsyncClock& clock_;
  std::list<Open> open_;
  const Bounds bounds_;
  std::size_t places_ = 0;  ///< That are taken, and by whom, and from where.
  std::map<std::string, std::size_t> places_of_;
  std::map<std::string, std::size_t> places_from_;
  std::optional<std::int64_t> seen_;  ///< Up to here everybody has been woken; none: nobody listened.
  MonoTime prompt_until_;
  net::Signal hurry_;
};

}  // namespace perkline::hub::notifications
