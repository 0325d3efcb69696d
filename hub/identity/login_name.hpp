#pragma once

#include <optional>
#include <string>
#include <string_view>

/// What people sign in with. Pure.
namespace perkline::hub::identity {

/// The one spelling of an e-mail address that is compared and unique: ASCII letters in lower case. nullopt
/// for what is no address: RFC 5321's lengths, a dot-atom (RFC 5322 §3.2.3), one `@`, and a host name with a
/// dot in it. No quoted local parts, no addresses beyond ASCII.
std::optional<std::string> email_key(std::string_view email);

/// E.164: `+`, then 7 to 15 digits, the first no zero.
bool is_mobile(std::string_view mobile);

}  // namespace perkline::hub::identity
