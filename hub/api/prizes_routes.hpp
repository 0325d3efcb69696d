#pragma once

#include <functional>

#include "hub/db/database.hpp"
#include "hub/wheel/terms.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// GET and POST /prizes, PATCH /prizes/{id}. Reactor's thread.
class PrizesRoutes {
 public:
  /// All but the terms must outlive the routes.
  struct Parts {
    db::Database& database;
    const Clock& clock;
    UuidMaker& ids;
    wheel::Terms terms;
    std::function<void()> changed = {};  ///< By staff, just now; may be empty.
  };
  explicit PrizesRoutes(Parts parts) : parts_(std::move(parts)) {}
  /// The routes refer to this, which must outlive the router.
  void add_to(net::Router& router);

 private:
  Task<net::Response> list(net::Request request);
  Task<net::Response> add(net::Request request);
  Task<net::Response> change(net::Request request);

  Parts parts_;
};

}  // namespace perkline::hub::api
