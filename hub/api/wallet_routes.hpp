#pragma once

#include "hub/api/attempts.hpp"
#include "hub/api/idempotency.hpp"
#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// `/api/v1/wallet` and below. Reactor's thread.
class WalletRoutes {
 public:
  /// All must outlive the routes.
  struct Parts {
    db::Database& database;
    IdempotentCalls& calls;
    const Clock& clock;
    UuidMaker& ids;
    Attempts& attempts;
    Currency programme;
  };
  explicit WalletRoutes(const Parts& parts) : parts_(parts) {}
  /// The routes refer to this, which must outlive the router.
  void add_to(net::Router& router);

 private:
  Task<net::Response> show_balances(net::Request request);
  Task<net::Response> list_entries(net::Request request);
  Task<net::Response> transfer(net::Request request);
  Task<net::Response> credit(net::Request request);
  Task<net::Response> debit(net::Request request);
  Task<net::Response> hold(net::Request request);
  Task<net::Response> capture(net::Request request);
  Task<net::Response> release(net::Request request);

  Parts parts_;
};

}  // namespace perkline::hub::api
