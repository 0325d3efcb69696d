#include "shared/config/rules.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

#include "shared/core/bytes.hpp"

namespace perkline::config {
namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

bool is_ipv4(const std::string& text) {
  in_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& text) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

/// A name or an IPv4 address; what looks like the latter must be one.
bool is_host(std::string_view text) {
  if (text.empty() || text.size() > 253 || text.front() == '-' || text.front() == '.') return false;
  if (std::ranges::all_of(text, [](char c) { return is_digit(c) || c == '.'; }))
    return is_ipv4(std::string(text));
  return std::ranges::all_of(
      text, [](char c) { return is_digit(c) || is_letter(c) || c == '-' || c == '.' || c == '_'; });
}

bool is_loopback_host(const std::string& host) {
  return host == "localhost" || host == "::1" || (host.starts_with("127.") && is_ipv4(host));
}

/// `host:port` or `[v6]:port`.
std::optional<Listen> parse_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_port(text.substr(colon + 1));
  std::string host(text.substr(0, colon));
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!port || !(bracketed ? is_ipv6(host) : is_host(host))) return std::nullopt;
  return Listen{std::move(host), *port};
}

/// The parts our rules speak of.
struct Url {
  std::string scheme;
  std::string host;
  bool with_user;
  bool with_path;
  bool with_query;  ///< Or a fragment.
};

/// `scheme://[user@]host[:port][/path][?query][#fragment]`, or nullopt. By hand: Boost.URL 1.81 takes the
/// host of `http://127.0.0.1.example.com` for 127.0.0.1 and the port 99999 for 34463.
std::optional<Url> parse_url(std::string_view text) {
  constexpr std::string_view never = " \"<>\\^`{|}";
  const auto is_plain = [&](char c) {
    return c > ' ' && c <= '~' && never.find(c) == std::string_view::npos;
  };
  const std::size_t mark = text.find("://");
  if (mark == std::string_view::npos || !std::ranges::all_of(text, is_plain)) return std::nullopt;
  const std::string_view rest = text.substr(mark + 3);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  const std::string_view tail = rest.substr(end);

  const std::size_t at = authority.rfind('@');
  const bool with_user = at != std::string_view::npos;
  const std::string host_port(with_user ? authority.substr(at + 1) : authority);
  const bool with_port = host_port.rfind(':') != std::string::npos && !host_port.ends_with(']');
  const auto address = parse_host_port(with_port ? host_port : host_port + ":1");
  if (!address || address->port == 0) return std::nullopt;
  return Url{std::string(text.substr(0, mark)), address->host, with_user, tail.starts_with('/'),
             tail.find_first_of("?#") != std::string_view::npos};
}

}  // namespace

std::optional<Listen> parse_listen(std::string_view text) {
  if (const auto port = parse_port(text)) return Listen{"127.0.0.1", *port};
  return parse_host_port(text);
}

std::string_view wrong_listen(std::string_view text) {
  return parse_listen(text) ? "" : "must be host:port, [IPv6]:port, or a port alone";
}

bool is_loopback_listen(std::string_view text) {
  const auto listen = parse_listen(text);
  return listen && is_loopback_host(listen->host);
}

std::string_view wrong_web_url(std::string_view text) {
  const auto url = parse_url(text);
  if (!url || (url->scheme != "https" && url->scheme != "http")) return "must be an https:// or http:// URL";
  if (url->with_user) return "must not hold a user or password";
  if (url->with_query) return "must not hold a query or fragment";
  return "";
}

std::string_view wrong_secure_url(std::string_view text) {
  if (const auto reason = wrong_web_url(text); !reason.empty()) return reason;
  const auto url = parse_url(text);
  return url->scheme == "https" || is_loopback_host(url->host) ? "" : "must be https:// unless on loopback";
}

std::string_view wrong_origin(std::string_view text) {
  const auto url = parse_url(text);
  const bool right = url && (url->scheme == "https" || url->scheme == "http") && !url->with_user &&
                     !url->with_path && !url->with_query;
  return right ? ""
               : "must be an origin: https://host or http://host, with a port or without, nothing behind";
}

std::string_view wrong_tcp_endpoint(std::string_view text) {
  const auto address = text.starts_with("tcp://") ? parse_host_port(text.substr(6)) : std::nullopt;
  return address && address->port != 0 ? "" : "must be tcp://host:port";
}

std::string_view wrong_tcp_listen(std::string_view text) {
  if (text.starts_with("tcp://*:") && parse_port(text.substr(8))) return "";
  return text.starts_with("tcp://") && parse_host_port(text.substr(6)) ? "" : "must be tcp://host:port";
}

std::string_view wrong_mail_url(std::string_view text) {
  const auto url = parse_url(text);
  const bool right =
      url && (url->scheme == "smtp" || url->scheme == "smtps") && !url->with_path && !url->with_query;
  return right ? "" : "must be smtp://host:port or smtps://host:port, with user:password@ or without";
}

std::string_view wrong_network(std::string_view text) {
  constexpr std::string_view reason = "must be an IP address or a block such as 10.0.0.0/8";
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  const bool v4 = is_ipv4(address);
  if (!v4 && !is_ipv6(address)) return reason;
  if (slash == std::string_view::npos) return "";
  const auto bits = parse_port(text.substr(slash + 1));
  return bits && *bits <= (v4 ? 32 : 128) ? "" : reason;
}

std::string_view wrong_curve_key(std::string_view text) {
  return text.size() == 64 && from_hex(text) ? "" : "must be 64 lower-case hex digits";
}

std::string_view wrong_rate(std::string_view text) {
  constexpr std::size_t whole_max = 12;
  constexpr std::size_t decimals_max = 8;
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  const std::string_view decimals = text.substr(std::min(point + 1, text.size()));
  const bool right = !whole.empty() && whole.size() <= whole_max &&
                     (whole.size() == 1 || whole.front() != '0') &&
                     decimals.empty() == (point == text.size()) && decimals.size() <= decimals_max &&
                     std::ranges::all_of(whole, is_digit) && std::ranges::all_of(decimals, is_digit);
  return right ? "" : "must be a plain decimal number with at most 8 decimals";
}

std::string masked_url(std::string_view url) {
  std::string text(url);
  const std::size_t scheme = text.find("://");
  if (scheme == std::string::npos) return text;
  const std::size_t start = scheme + 3;
  // The last @ of all: a password with / or ? in it is no valid URL, but must not be shown for that.
  const std::size_t at = text.rfind('@');
  if (at != std::string::npos && at >= start) {
    if (const std::size_t colon = text.find(':', start); colon < at)
      text.replace(colon + 1, at - colon - 1, "***");
  }
  // libpq takes passwords as parameters too.
  constexpr std::string_view parameter = "password=";
  for (std::size_t found = text.find(parameter, start); found != std::string::npos;
       found = text.find(parameter, found + parameter.size())) {
    const std::size_t value = found + parameter.size();
    text.replace(value, std::min(text.find_first_of("&#", value), text.size()) - value, "***");
  }
  return text;
}

}  // namespace perkline::config
