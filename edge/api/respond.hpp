#pragma once

#include <string>

#include "edge/session/session.hpp"
#include "shared/net/http.hpp"

namespace perkline::edge::api {

/// What a till is told, or why not, as HTTP says it.
net::Response respond(Result<session::Answer> answer, const std::string& traceparent);
/// A 400 that names a missing parameter of the query.
net::Response missing_parameter(std::string_view name, const std::string& traceparent);

}  // namespace perkline::edge::api
