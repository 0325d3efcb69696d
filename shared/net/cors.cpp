#include "shared/net/cors.hpp"

#include <algorithm>

#include "shared/net/ascii.hpp"

namespace perkline::net {
namespace {

constexpr std::string_view sendable = "Authorization, Content-Type, Idempotency-Key, traceparent";
constexpr std::string_view readable =
    "Allow, Idempotent-Replayed, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, "
    "traceparent";
constexpr std::string_view preflight_seconds = "600";

/// In lower case and without a port that goes without saying (RFC 6454 §6.1).
std::string as_browsers_spell(std::string origin) {
  std::ranges::transform(origin, origin.begin(), lower);
  for (const auto& [scheme, port] : {std::pair<std::string_view, std::string_view>{"https://", ":443"},
                                     std::pair<std::string_view, std::string_view>{"http://", ":80"}}) {
    if (origin.starts_with(scheme) && origin.ends_with(port)) origin.resize(origin.size() - port.size());
  }
  return origin;
}

/// Without what may follow scheme, host and port.
std::string origin_part(const std::string& url) {
  const std::size_t scheme = url.find("://");
  return scheme == std::string::npos ? url : url.substr(0, url.find('/', scheme + 3));
}

}  // namespace

Cors::Cors(const std::vector<std::string>& origins, const std::string& own)
    : own_(as_browsers_spell(origin_part(own))) {
  for (const std::string& origin : origins) origins_.push_back(as_browsers_spell(origin));
}

std::optional<std::string> Cors::allowed_origin(const RequestHead& head) const {
  if (origins_.empty()) return std::nullopt;
  const auto origin = head.headers.find("Origin");
  if (!origin || std::ranges::find(origins_, *origin) == origins_.end()) return std::nullopt;
  return std::string(*origin);
}

bool Cors::may_open_socket(const RequestHead& head) const {
  const auto origin = head.headers.find("Origin");
  return !origin || (!own_.empty() && *origin == own_) ||
         std::ranges::find(origins_, *origin) != origins_.end();
}

void Cors::mark(Headers& answer, const std::optional<std::string>& origin) const {
  if (origins_.empty()) return;
  answer.add("Vary", "Origin");
  if (!origin) return;
  answer.set("Access-Control-Allow-Origin", *origin);
  // For the refresh cookie, which pages of the same site send.
  answer.set("Access-Control-Allow-Credentials", "true");
  answer.set("Access-Control-Expose-Headers", std::string(readable));
}

bool is_preflight(const RequestHead& head) {
  return head.method == Method::options && head.headers.find("Access-Control-Request-Method").has_value();
}

Response preflight_answer(std::string methods) {
  Response response{.status = 204};
  response.headers.add("Access-Control-Allow-Methods", std::move(methods));
  response.headers.add("Access-Control-Allow-Headers", std::string(sendable));
  response.headers.add("Access-Control-Max-Age", std::string(preflight_seconds));
  return response;
}

}  // namespace perkline::net
