#pragma once

#include <functional>

#include "hub/api/attempts.hpp"
#include "hub/api/idempotency.hpp"
#include "hub/billing/statement.hpp"
#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// `/api/v1/payments` and `/api/v1/billing`, and below. Reactor's thread.
class BillingRoutes {
 public:
  /// All that are references must outlive the routes.
  struct Parts {
    db::Database& database;
    IdempotentCalls& calls;
    const Clock& clock;
    UuidMaker& ids;
    Attempts& attempts;
    billing::Rates rates;
    bool top_ups = true;                         ///< Money may come in from outside.
    std::function<void()> payment_started = {};  ///< Wakes whoever settles payments; may be empty.
  };
  explicit BillingRoutes(Parts parts) : parts_(std::move(parts)) {}
  /// The routes refer to this, which must outlive the router.
  void add_to(net::Router& router);

 private:
  Task<net::Response> pay(net::Request request);
  Task<net::Response> show(net::Request request);
  Task<net::Response> list(net::Request request);
  Task<net::Response> list_records(net::Request request);
  Task<net::Response> list_statements(net::Request request);

  Parts parts_;
};

}  // namespace perkline::hub::api
