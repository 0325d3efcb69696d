#pragma once

#include <cstdint>

#include "shared/net/http.hpp"

namespace perkline::hub::api {

/// Whether callers reach the hub by https: by its own TLS, or by that of a proxy before it.
enum class Transport : std::uint8_t { clear, tls };

/// What every answer tells browsers: nothing in it is a page, it belongs into no frame, whoever follows a
/// link out of it does not say where from, and under TLS that the host is never to be called in the clear. A
/// page's route has a Content-Security-Policy of its own.
net::Headers security_headers(Transport transport);

}  // namespace perkline::hub::api
