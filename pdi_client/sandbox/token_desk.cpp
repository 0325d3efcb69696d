#include "pdi_client/sandbox/token_desk.hpp"

#include <algorithm>
#include <optional>

#include "pdi_client/base64.hpp"
#include "shared/core/bytes.hpp"
#include "shared/json/writer.hpp"

namespace perkline::pdi::sandbox {
namespace {

constexpr seconds token_life{3600};
constexpr std::size_t tokens_max = 10'000;

std::string form_decoded(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  return net::percent_decode(spaced).value_or("");
}

/// A form's value; empty when absent.
std::string form_value(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    const std::string_view pair = form.substr(0, form.find('&'));
    form.remove_prefix(std::min(form.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name)
      return form_decoded(pair.substr(equals + 1));
  }
  return {};
}

/// What follows the scheme; nullopt for another one. Schemes compare without case (RFC 9110 §11.1).
std::optional<std::string_view> credentials(std::string_view authorization, std::string_view scheme) {
  if (authorization.size() <= scheme.size() || authorization[scheme.size()] != ' ') return std::nullopt;
  const auto same = [](char a, char b) { return a == b || (a ^ 0x20) == b; };
  if (!std::ranges::equal(authorization.substr(0, scheme.size()), scheme, same)) return std::nullopt;
  return authorization.substr(scheme.size() + 1);
}

bool is_client(const SandboxConfig::Client& client, std::string_view id, std::string_view secret) {
  return client.id == id && equal_in_constant_time(client.secret, secret);
}

}  // namespace

net::Response TokenDesk::grant(const net::Request& request, MonoTime now) {
  if (!is_known(request)) {
    auto response = net::json_response(401, R"({"error":"invalid_client"})");
    response.headers.add("WWW-Authenticate", R"(Basic realm="pdi-sandbox")");
    return response;
  }
  const std::string type = form_value(request.body, "grant_type");
  if (type.empty()) return net::json_response(400, R"({"error":"invalid_request"})");
  if (type != "client_credentials") return net::json_response(400, R"({"error":"unsupported_grant_type"})");
  json::Writer body;
  body.begin_object().field("access_token", issue(now)).field("token_type", "Bearer");
  body.field("expires_in", token_life.count()).end_object();
  return net::json_response(200, body.take());
}

bool TokenDesk::is_known(const net::Request& request) const {
  const auto basic = credentials(request.headers.find("Authorization").value_or(""), "Basic");
  if (!basic) {
    const std::string id = form_value(request.body, "client_id");
    const std::string secret = form_value(request.body, "client_secret");
    return std::ranges::any_of(clients_, [&](const auto& client) { return is_client(client, id, secret); });
  }
  const std::string pair = base64_decode(*basic).value_or("");
  const std::size_t colon = pair.find(':');
  if (colon == std::string::npos) return false;
  const std::string id = pair.substr(0, colon);
  const std::string secret = pair.substr(colon + 1);
  return std::ranges::any_of(clients_, [&](const auto& client) {
    return is_client(client, id, secret) || is_client(client, form_decoded(id), form_decoded(secret));
  });
}

std::string TokenDesk::issue(MonoTime now) {
  while (!issued_.empty() && (ends_.at(issued_.front()) <= now || issued_.size() >= tokens_max)) {
    ends_.erase(issued_.front());
    issued_.pop_front();
  }
  std::string bytes(32, '\0');
  rng_.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  std::string token = to_hex(bytes);
  issued_.push_back(token);
  ends_.emplace(token, now + token_life);
  return token;
}

bool TokenDesk::admits(std::string_view authorization, MonoTime now) const {
  const auto token = credentials(authorization, "Bearer");
  if (!token) return false;
  const auto issued = ends_.find(std::string(*token));
  return issued != ends_.end() && issued->second > now;
}

}  // namespace perkline::pdi::sandbox
