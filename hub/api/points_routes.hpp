#pragma once

#include "hub/api/idempotency.hpp"
#include "hub/points/terms.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// GET /points/balance and /points/history, POST /points/apply and /points/purchase. Reactor's thread.
class PointsRoutes {
 public:
  /// All but the terms must outlive this.
  struct Parts {
    db::Database& database;
    const Clock& clock;
    UuidMaker& uuids;
    IdempotentCalls& calls;
    points::Terms terms;
  };
  explicit PointsRoutes(Parts parts) : parts_(std::move(parts)) {}
  /// Must outlive the router.
  void add_to(net::Router& router);

 private:
  Task<net::Response> show_balance(net::Request request);
  Task<net::Response> show_history(net::Request request);
  Task<net::Response> apply(net::Request request);
  Task<net::Response> purchase(net::Request request);

  Parts parts_;
};

}  // namespace perkline::hub::api
