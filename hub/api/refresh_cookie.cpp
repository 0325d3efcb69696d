#include "hub/api/refresh_cookie.hpp"

#include <string_view>

#include "hub/identity/ascii.hpp"

namespace perkline::hub::api {
namespace {

constexpr std::string_view name = "perkline_refresh";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

void set_cookie(net::Response& response, const std::string& value, seconds max_age, bool secure) {
  response.headers.add("Set-Cookie", std::string(name) + '=' + value +
                                         "; Path=/api/v1/auth; Max-Age=" + std::to_string(max_age.count()) +
                                         "; HttpOnly; SameSite=Strict" + (secure ? "; Secure" : ""));
}

}  // namespace

std::optional<std::string> refresh_cookie_in(const net::RequestHead& request) {
  for (const auto& [field, value] : request.headers) {
    if (identity::ascii_lower(field) != "cookie") continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::string_view pair = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
      const auto equals = pair.find('=');
      if (equals != std::string_view::npos && trimmed(pair.substr(0, equals)) == name)
        return std::string(trimmed(pair.substr(equals + 1)));
    }
  }
  return std::nullopt;
}

void set_refresh_cookie(net::Response& response, const std::string& token, seconds expires_in, bool secure) {
  set_cookie(response, token, expires_in, secure);
}

void clear_refresh_cookie(net::Response& response, bool secure) {
  set_cookie(response, "", seconds{0}, secure);
}

}  // namespace perkline::hub::api
