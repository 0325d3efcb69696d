#pragma once

#include <string_view>

namespace perkline::net {

/// Whether `host` is an address that nobody out there is called at: link-local (169.254.0.0/16, fe80::/10:
/// the machine's own cable, and what a cloud tells its machines, fd00:ec2::254 too), a group's, everybody's
/// or nobody's (multicast, broadcast, 0.0.0.0/8, ::); also one of IPv4 within IPv6 (mapped, NAT64, 6to4), and
/// in any form that inet_aton(3) reads. False for names: what they stand for is known when they are looked
/// up. Loopback and private networks are not among these. Pure.
bool is_off_limits(std::string_view host);

}  // namespace perkline::net
