#include "shared/net/off_limits.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

namespace perkline::net {
namespace {

using V4 = std::array<std::uint8_t, 4>;
using V6 = std::array<std::uint8_t, 16>;

bool is_off_limits(const V4& address) {
  const bool link_local = address[0] == 169 && address[1] == 254;
  const bool nobody = address[0] == 0;
  const bool group = address[0] >= 224 && address[0] <= 239;
  const bool everybody = address == V4{255, 255, 255, 255};
  return link_local || nobody || group || everybody;
}

bool begins_with(const V6& address, std::initializer_list<std::uint8_t> prefix) {
  return std::ranges::equal(prefix, std::span(address).first(prefix.size()));
}

/// The IPv4 address that one of IPv6 stands for.
std::optional<V4> v4_within(const V6& address) {
  const auto at = [&](std::size_t from) {
    return V4{address[from], address[from + 1], address[from + 2], address[from + 3]};
  };
  const bool mapped = begins_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff});
  const bool nat64 = begins_with(address, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0});
  const bool six_to_four = begins_with(address, {0x20, 0x02});
  if (mapped || nat64) return at(12);
  if (six_to_four) return at(2);
  return std::nullopt;
}

bool is_off_limits(const V6& address) {
  constexpr V6 metadata{0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};
  if (const auto within = v4_within(address)) return is_off_limits(*within);
  const bool link_local = address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
  const bool group = address[0] == 0xff;
  return link_local || group || address == metadata || address == V6{};
}

}  // namespace

bool is_off_limits(std::string_view host) {
  // fe80::1%eth0: of which cable does not matter.
  const std::string text(host.substr(0, host.find('%')));
  V6 v6{};
  if (::inet_pton(AF_INET6, text.c_str(), v6.data()) == 1) return is_off_limits(v6);
  in_addr v4{};
  if (::inet_aton(text.c_str(), &v4) == 0) return false;
  const std::uint32_t number = ntohl(v4.s_addr);
  const auto byte = [number](int shift) { return static_cast<std::uint8_t>(number >> shift); };
  return is_off_limits(V4{byte(24), byte(16), byte(8), byte(0)});
}

}  // namespace perkline::net
