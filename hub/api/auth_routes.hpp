#pragma once

#include "hub/api/attempts.hpp"
#include "hub/identity/registration.hpp"
#include "hub/identity/sessions.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// How people come in and go: `POST /api/v1/auth/{register, register-staff, login, refresh, logout}`.
/// Reactor's thread.
class AuthRoutes {
 public:
  /// All must outlive the routes.
  struct Parts {
    identity::Registration& registration;
    identity::Sessions& sessions;
    identity::Tokens& tokens;
    Attempts& attempts;
  };
  /// `secure_cookies`: the API is reached over TLS.
  AuthRoutes(const Parts& parts, bool secure_cookies) : parts_(parts), secure_cookies_(secure_cookies) {}
  /// The routes refer to this, which must outlive the router.
  void add_to(net::Router& router);

 private:
  Task<net::Response> register_member(net::Request request);
  Task<net::Response> register_staff(net::Request request);
  Task<net::Response> log_in(net::Request request);
  Task<net::Response> refresh(net::Request request);
  Task<net::Response> log_out(net::Request request);

  Parts parts_;
  bool secure_cookies_;
};

}  // namespace perkline::hub::api
