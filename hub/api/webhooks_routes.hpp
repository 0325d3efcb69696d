#pragma once

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/random.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// `/api/v1/webhooks` and below. Reactor's thread.
class WebhooksRoutes {
 public:
  /// All must outlive the routes.
  struct Parts {
    db::Database& database;
    const Clock& clock;
    UuidMaker& ids;
    Rng& rng;  ///< Fit for keys.
  };
  explicit WebhooksRoutes(const Parts& parts) : parts_(parts) {}
  /// The routes refer to this, which must outlive the router.
  void add_to(net::Router& router);

 private:
  Task<net::Response> create(net::Request request);
  Task<net::Response> list(net::Request request);
  Task<net::Response> remove(net::Request request);
  Task<net::Response> list_deliveries(net::Request request);
  Task<net::Response> retry_delivery(net::Request request);

  Parts parts_;
};

}  // namespace perkline::hub::api
