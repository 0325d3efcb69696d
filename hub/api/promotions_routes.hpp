#pragma once

#include "hub/api/idempotency.hpp"
#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// `/api/v1/promotions` and below. Reactor's thread.
class PromotionsRoutes {
 public:
  /// All must outlive the routes.
  struct Parts {
    db::Database& database;
    IdempotentCalls& calls;
    const Clock& clock;
    UuidMaker& ids;
    Currency programme;
  };
  explicit PromotionsRoutes(const Parts& parts) : parts_(parts) {}
  /// The routes refer to this, which must outlive the router.
  void add_to(net::Router& router);

 private:
  Task<net::Response> create(net::Request request);
  Task<net::Response> list(net::Request request);
  Task<net::Response> change(net::Request request);
  Task<net::Response> list_of_player(net::Request request);
  Task<net::Response> assign(net::Request request);
  Task<net::Response> claim(net::Request request);

  Parts parts_;
};

}  // namespace perkline::hub::api
