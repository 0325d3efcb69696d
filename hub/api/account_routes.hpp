#pragma once

#include "hub/api/attempts.hpp"
#include "hub/identity/account.hpp"
#include "hub/identity/tokens.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// What signed-in users do with their own account: `/api/v1/auth/me`, `/api/v1/auth/me/loyalty` and
/// `/api/v1/auth/password`. Reactor's thread.
class AccountRoutes {
 public:
  /// All must outlive the routes.
  struct Parts {
    db::Database& database;
    identity::Account& account;
    identity::Tokens& tokens;
    Attempts& attempts;
  };
  explicit AccountRoutes(const Parts& parts) : parts_(parts) {}
  /// The routes refer to this, which must outlive the router.
  void add_to(net::Router& router);

 private:
  Task<net::Response> show(net::Request request);
  Task<net::Response> change(net::Request request);
  Task<net::Response> change_password(net::Request request);
  Task<net::Response> link_card(net::Request request);

  Parts parts_;
};

}  // namespace perkline::hub::api
