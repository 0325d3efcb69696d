#pragma once

#include <cstdint>

#include "hub/api/account_routes.hpp"
#include "hub/api/auth_routes.hpp"
#include "hub/api/billing_routes.hpp"
#include "hub/api/notifications_routes.hpp"
#include "hub/api/points_routes.hpp"
#include "hub/api/prizes_routes.hpp"
#include "hub/api/promotions_routes.hpp"
#include "hub/api/users_routes.hpp"
#include "hub/api/wallet_routes.hpp"
#include "hub/api/webhooks_routes.hpp"
#include "hub/api/wheel_routes.hpp"
#include "hub/db/database.hpp"
#include "hub/identity/account.hpp"
#include "hub/identity/registration.hpp"
#include "hub/identity/sessions.hpp"
#include "shared/net/router.hpp"

namespace perkline::ops {
class Health;
}

namespace perkline::hub::api {

/// Every route of the hub over its parts, ready to be served. Reactor's thread.
class HubApi {
 public:
  /// All must outlive the HubApi.
  struct Parts {
    db::Database& database;
    identity::PasswordHasher& hasher;
    identity::Tokens& tokens;
    net::AsyncClock& clock;
    Rng& rng;
    const ops::Health& health;
  };
  struct Options {
    Attempts::Limits limits;
    std::int64_t member_per_second = 0;  ///< 0: off.
    identity::Sessions::Options sessions;
    bool secure_cookies = false;  ///< The API is reached over TLS.
    points::Terms terms;          ///< The programme's.
    billing::Rates rates = {};    ///< What points cost stores.
    bool top_ups = true;          ///< Somebody moves money in from outside.
    /// Wakes whoever settles payments; may be empty.
    std::function<void()> payment_started = {};
    wheel::Terms wheel = {};
    WheelRoutes::Watch on_spin = {};
    /// Stock may have come or gone; may be empty.
    std::function<void()> prizes_changed = {};
    notifications::Feed::Bounds sockets = {};
  };
  HubApi(const Parts& parts, const Options& options);
  HubApi(const HubApi&) = delete;
  HubApi& operator=(const HubApi&) = delete;

  const net::Router& router() const { return router_; }
  /// Refers to this.
  net::Guard guard();
  /// What members' sockets hear: to be run as long as the routes are served.
  notifications::Feed& feed() { return notifications_.feed(); }

 private:
  Parts parts_;
  UuidMaker uuids_;
  RateLimiter per_member_;
  identity::UserHooks hooks_;
  identity::Sessions sessions_;
  identity::Registration registration_;
  identity::Account account_;
  identity::UserAdmin user_admin_;
  identity::Erasures erasures_;
  Attempts attempts_;
  AuthRoutes auth_;
  AccountRoutes account_routes_;
  UsersRoutes users_;
  IdempotentCalls calls_;
  WalletRoutes wallet_;
  PointsRoutes points_;
  WebhooksRoutes webhooks_;
  PromotionsRoutes promotions_;
  BillingRoutes billing_;
  PrizesRoutes prizes_;
  WheelRoutes wheel_;
  NotificationsRoutes notifications_;
  net::Router router_;
};

}  // namespace perkline::hub::api
