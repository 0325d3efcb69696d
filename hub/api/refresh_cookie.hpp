#pragma once

#include <optional>
#include <string>

#include "shared/net/http.hpp"

/// The cookie that carries a refresh token: no script reads it, no other site sends it, and it goes to
/// /api/v1/auth alone (RFC 6265bis).
namespace perkline::hub::api {

/// nullopt: the request has none.
std::optional<std::string> refresh_cookie_in(const net::RequestHead& request);

/// `secure`: the caller's connection is TLS, here or at the proxy.
void set_refresh_cookie(net::Response& response, const std::string& token, seconds expires_in, bool secure);
void clear_refresh_cookie(net::Response& response, bool secure);

}  // namespace perkline::hub::api
