#pragma once

#include "hub/db/database.hpp"
#include "hub/identity/tokens.hpp"
#include "hub/notifications/feed.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// /notifications: a member's list, its marks, its socket and its preferences. Reactor's thread.
class NotificationsRoutes {
 public:
  /// All must outlive this, and this the router.
  struct Parts {
    db::Database& database;
    identity::Tokens& tokens;
    net::AsyncClock& clock;
  };
  NotificationsRoutes(const Parts& parts, const notifications::Feed::Bounds& sockets)
      : parts_(parts), feed_(parts.database, parts.clock, sockets) {}

  void add_to(net::Router& router);
  /// What the sockets hear; whoever serves the routes runs it.
  notifications::Feed& feed() { return feed_; }

 private:
  Task<net::Response> list(net::Request request);
  Task<net::Response> read_one(net::Request request);
  Task<net::Response> read_all(net::Request request);
  Task<net::Response> open_socket(net::Request request);
  Task<net::Response> show_preferences(net::Request request);
  Task<net::Response> set_preferences(net::Request request);

  Parts parts_;
  notifications::Feed feed_;
};

}  // namespace perkline::hub::api
