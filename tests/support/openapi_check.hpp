#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace perkline::net {
class Router;
}

namespace perkline::test {

/// What an OpenAPI 3.1 document and the routes it is of do not agree on, a sentence each; none: they agree.
/// Held against each other in both directions are the operations, their path parameters, whether they need
/// credentials
/// (`security: []` for access "anyone" alone), and what each operation must have: a summary, an operationId
/// of its own, a success and a `default` answer, a request body only where the method takes one. Every `$ref`
/// must lead somewhere.
std::vector<std::string> openapi_differences(std::string_view yaml, const net::Router& router);

}  // namespace perkline::test
