#pragma once

#include "hub/identity/login.hpp"
#include "shared/core/rate_limiter.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// `POST /api/v1/auth/login`. Reactor's thread.
class AuthRoutes {
 public:
  struct Limits {
    std::int64_t login_per_minute = 10;  ///< 0: off, likewise the other.
    std::int64_t auth_per_address_minute = 300;
  };
  /// The references must outlive the routes.
  AuthRoutes(db::Database& database, identity::PasswordHasher& hasher, identity::Tokens& tokens,
             const Clock& clock, Limits limits);
  /// The routes refer to this, which must outlive the router.
  void add_to(net::Router& router);

 private:
  Task<net::Response> log_in(net::Request request);

  db::Database& database_;
  identity::PasswordHasher& hasher_;
  identity::Tokens& tokens_;
  const Clock& clock_;
  RateLimiter per_login_;
  RateLimiter per_address_;
};

}  // namespace perkline::hub::api
