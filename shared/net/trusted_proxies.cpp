#include "shared/net/trusted_proxies.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <boost/asio/ip/address.hpp>

#include "shared/net/ascii.hpp"

namespace perkline::net {
namespace {

namespace ip = boost::asio::ip;

constexpr unsigned mapped_bits = 96;  ///< Before an IPv4 address in an IPv6 one.

std::optional<ip::address> address_in(std::string_view text) {
  boost::system::error_code error;
  auto address = ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

std::array<std::uint8_t, 16> bytes_of(const ip::address& address) {
  const auto v6 = address.is_v4() ? ip::make_address_v6(ip::v4_mapped, address.to_v4()) : address.to_v6();
  return v6.to_bytes();
}

/// Some proxies write the port too: `192.0.2.1:443`, `[2001:db8::1]:443`.
std::optional<ip::address> forwarded_address(std::string_view text) {
  if (auto address = address_in(text)) return address;
  if (text.starts_with('[')) return address_in(text.substr(1, text.find(']') - 1));
  const std::size_t colon = text.find(':');
  return colon == std::string_view::npos ? std::nullopt : address_in(text.substr(0, colon));
}

/// What several fields say is one list (RFC 9110 §5.3), the last hop at its end.
std::vector<std::string_view> hops_in(const Headers& headers) {
  std::vector<std::string_view> hops;
  for (const auto& [name, value] : headers) {
    if (!equal_ignoring_case(name, "X-Forwarded-For")) continue;
    std::string_view rest = value;
    while (true) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      hops.push_back(trimmed(rest.substr(0, comma)));
      if (comma == rest.size()) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return hops;
}

}  // namespace

Result<TrustedProxies> TrustedProxies::parse(const std::vector<std::string>& networks) {
  TrustedProxies proxies;
  for (const std::string& text : networks) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    const auto address = address_in(std::string_view(text).substr(0, slash));
    if (!address) return fail(Errc::bad_request, text + " is no address or block");
    const unsigned own_bits = address->is_v4() ? 32 : 128;
    unsigned bits = own_bits;
    if (slash < text.size()) {
      const char* last = text.data() + text.size();
      const auto [end, error] = std::from_chars(text.data() + slash + 1, last, bits);
      if (error != std::errc{} || end != last || bits > own_bits)
        return fail(Errc::bad_request, text + " is no address or block");
    }
    proxies.networks_.push_back(
        {.address = bytes_of(*address), .bits = bits + (address->is_v4() ? mapped_bits : 0)});
  }
  return proxies;
}

bool TrustedProxies::trusts(const Address& address) const {
  return std::ranges::any_of(networks_, [&](const Network& network) {
    const std::size_t whole = network.bits / 8;
    if (!std::equal(address.begin(), address.begin() + whole, network.address.begin())) return false;
    const unsigned rest = network.bits % 8;
    return rest == 0 || (address.at(whole) ^ network.address.at(whole)) >> (8 - rest) == 0;
  });
}

std::string TrustedProxies::client_of(const std::string& peer, const Headers& headers) const {
  if (networks_.empty()) return peer;
  auto client = address_in(peer);
  if (!client) return peer;
  const auto hops = hops_in(headers);
  for (auto hop = hops.rbegin(); hop != hops.rend() && trusts(bytes_of(*client)); ++hop) {
    auto before = forwarded_address(*hop);
    if (!before) break;
    client = std::move(before);
  }
  return client->to_string();
}

}  // namespace perkline::net
