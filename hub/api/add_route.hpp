#pragma once

#include <string>
#include <string_view>

#include "hub/api/access.hpp"
#include "shared/core/assert.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// Adds a route with the access that access.hpp grants it; one without a row there is a bug of ours.
inline void add_route(net::Router& router, net::Method method, std::string_view pattern,
                      net::Handler handler) {
  const auto access = access_of(method, pattern);
  PERKLINE_ASSERT(access.has_value());
  router.add({.method = method,
              .pattern = std::string(pattern),
              .access = std::string(word_of(*access)),
              .handler = std::move(handler)});
}

/// Likewise one that opens WebSockets.
inline void add_socket_route(net::Router& router, std::string_view pattern, net::Handler handler) {
  const auto access = access_of(net::Method::get, pattern);
  PERKLINE_ASSERT(access.has_value());
  router.add({.method = net::Method::get,
              .pattern = std::string(pattern),
              .access = std::string(word_of(*access)),
              .handler = std::move(handler),
              .upgrades = true});
}

}  // namespace perkline::hub::api
