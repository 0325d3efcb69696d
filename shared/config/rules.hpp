#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/config/schema.hpp"

/// What the values of our configurations must look like. Each `wrong_…` says what is wrong with `text`, as a
/// fault's reason; empty: nothing is.
namespace perkline::config {

/// Where a server binds.
struct Listen {
  std::string host;  ///< Without the brackets of an IPv6 address.
  std::uint16_t port = 0;
};

/// `host:port`, `[v6]:port`, or a port alone (then on 127.0.0.1). nullopt for anything else.
std::optional<Listen> parse_listen(std::string_view text);
std::string_view wrong_listen(std::string_view text);
/// Whether only this machine can reach it; false for what is no address.
bool is_loopback_listen(std::string_view text);

/// `https://host[:port][/path]`, without user, query and fragment; `http` on loopback only.
std::string_view wrong_secure_url(std::string_view text);
/// The same, `http` anywhere.
std::string_view wrong_web_url(std::string_view text);
/// `https://host[:port]` or `http://…`, nothing behind: a browser's Origin.
std::string_view wrong_origin(std::string_view text);
/// `tcp://host:port`.
std::string_view wrong_tcp_endpoint(std::string_view text);
/// The same to bind: the host may be `*`, the port 0.
std::string_view wrong_tcp_listen(std::string_view text);
/// `smtp://` or `smtps://`, `[user:password@]host[:port]`.
std::string_view wrong_mail_url(std::string_view text);
/// An address or a block (`10.0.0.0/8`), IPv4 or IPv6.
std::string_view wrong_network(std::string_view text);
/// 64 lower-case hex digits.
std::string_view wrong_curve_key(std::string_view text);
/// `(0|[1-9][0-9]{0,11})(\.[0-9]{1,8})?`
std::string_view wrong_rate(std::string_view text);

/// `url` with every password in it as `***`: for what is shown to people.
std::string masked_url(std::string_view url);

/// Notes `reason` as `key`'s fault unless it is empty.
inline void check(Schema& schema, std::string_view key, std::string_view reason) {
  if (!reason.empty()) schema.fault(key, std::string(reason));
}

}  // namespace perkline::config
