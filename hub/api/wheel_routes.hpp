#pragma once

#include <functional>
#include <string_view>

#include "hub/api/idempotency.hpp"
#include "hub/wheel/spin.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// POST /spin, GET /spins, /spins/{id}/proof and /wheel/seeds. Reactor's thread.
class WheelRoutes {
 public:
  /// Who counts spins, by the type of what was won; empty: nobody.
  using Watch = std::function<void(std::string_view prize_type)>;
  /// All but terms and watch must outlive the routes.
  struct Parts {
    db::Database& database;
    IdempotentCalls& calls;
    const Clock& clock;
    UuidMaker& ids;
    wheel::Terms terms;
    Watch on_spin;
  };
  explicit WheelRoutes(Parts parts) : parts_(std::move(parts)) {}
  /// The routes refer to this, which must outlive the router.
  void add_to(net::Router& router);

 private:
  Task<net::Response> spin(net::Request request);
  Task<net::Response> list_spins(net::Request request);
  Task<net::Response> show_proof(net::Request request);
  Task<net::Response> list_seeds(net::Request request);

  Parts parts_;
};

}  // namespace perkline::hub::api
