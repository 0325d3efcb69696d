#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hub/notifications/mail.hpp"

/// Mails as they go over the wire. Pure.
namespace perkline::hub::notifications {

/// The mail with its header (RFC 5322), lines ended by CRLF: 7 bits on the wire, whatever it holds; subjects
/// beyond ASCII as encoded words (RFC 2047), bodies as quoted-printable (RFC 2045 §6.7). No text of the
/// mail's can start a field or end one. `from`: smtp.from.
std::string message_of(const Mail& mail, std::string_view from);

/// What goes into the envelope: the address itself. nullopt: it cannot go there without harm (blanks, control
/// characters, brackets, no @, more than ASCII).
std::optional<std::string> envelope_address(std::string_view address);
/// Likewise of a sender, who may have a name: `Perkline <noreply@example.com>`.
std::optional<std::string> sender_address(std::string_view from);

/// `Sun, 06 Nov 1994 08:49:37 +0000`
std::string mail_date(WallTime time);

}  // namespace perkline::hub::notifications
