#pragma once

#include "hub/identity/erasures.hpp"
#include "hub/identity/user_admin.hpp"
#include "hub/identity/user_hooks.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// Users as staff and admins see them, and what is held of one, for themselves or an admin: `/api/v1/users`.
/// Reactor's thread.
class UsersRoutes {
 public:
  /// All must outlive the routes.
  struct Parts {
    db::Database& database;
    identity::UserAdmin& admin;
    identity::Erasures& erasures;
    const identity::UserHooks& hooks;
    const Clock& clock;
    UuidMaker& uuids;
  };
  explicit UsersRoutes(const Parts& parts) : parts_(parts) {}
  /// The routes refer to this, which must outlive the router.
  void add_to(net::Router& router);

 private:
  Task<net::Response> list(net::Request request);
  Task<net::Response> change(net::Request request);
  Task<net::Response> erase(net::Request request);
  Task<net::Response> export_data(net::Request request);

  Parts parts_;
};

}  // namespace perkline::hub::api
