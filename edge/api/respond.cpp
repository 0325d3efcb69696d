#include "edge/api/respond.hpp"

#include <utility>

namespace perkline::edge::api {

net::Response respond(Result<session::Answer> answer, const std::string& traceparent) {
  if (!answer) return net::problem_response(answer.error(), traceparent);
  net::Response response = net::json_response(answer->status, std::move(answer->body));
  if (answer->status >= 400) response.content_type = "application/problem+json";
  if (answer->replayed) response.headers.add("Idempotent-Replayed", "true");
  return response;
}

net::Response missing_parameter(std::string_view name, const std::string& traceparent) {
  const Error missing{.code = Errc::validation_failed,
                      .detail = "the request has faults",
                      .faults = {{std::string(name), "is required"}}};
  return net::problem_response(missing, traceparent);
}

}  // namespace perkline::edge::api
