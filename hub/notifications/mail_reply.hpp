#pragma once

#include <string>
#include <string_view>

/// What is kept of a mail server's replies (RFC 5321 §4.2), which mostly repeat whom the mail was for. Pure.
namespace perkline::hub::notifications {

/// Its codes alone, the enhanced one (RFC 3463) where there is one: `550 5.1.1`.
std::string status_of_reply(std::string_view reply);

/// The reply with `***` in place of `recipient`, of the name before its @ where that stands by itself, and of
/// every word with an @.
std::string without_addresses(std::string_view reply, std::string_view recipient);

}  // namespace perkline::hub::notifications
