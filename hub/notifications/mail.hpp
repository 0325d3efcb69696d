#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/core/clock.hpp"
#include "shared/net/task.hpp"

namespace perkline::hub::notifications {

/// One mail, plain text in UTF-8.
struct Mail {
  std::string id;  ///< Of its Message-ID: the same again with every try, so that a repeat is known.
  std::string to;
  std::string subject;
  std::string body;  ///< Lines end with `\n`.
  WallTime date;
};

enum class MailFate : std::uint8_t {
  sent = 1,     ///< The server has taken it over.
  put_off,      ///< The server does not take this one now, or the line broke at it.
  refused,      ///< The server never will: the address is wrong, or the mail.
  unreachable,  ///< Nothing was said about this mail: no server, or none that lets us in.
};

/// As metrics say it.
constexpr std::string_view name_of(MailFate fate) {
  switch (fate) {
    case MailFate::sent:
      return "sent";
    case MailFate::put_off:
      return "put_off";
    case MailFate::refused:
      return "refused";
    case MailFate::unreachable:
      return "unreachable";
  }
  return {};
}

struct MailOutcome {
  MailFate fate = MailFate::unreachable;
  std::string reason = {};     ///< For people, what the server said; no secret in it and nobody's address.
  bool is_of_address = false;  ///< Of one that was refused: nothing that goes there ever will be taken.
  std::string status = {};     ///< For the log: of the server's words only its codes, or words of ours.
  bool broke_the_line =
      false;  ///< Of one put off: the server hung or was gone once it had heard whom it is for.
};

/// Hands mails to whoever delivers them. Reactor's thread.
class MailPort {
 public:
  virtual ~MailPort() = default;
  /// Ends within send_time_max.
  virtual Task<MailOutcome> send(Mail mail) = 0;
};

inline constexpr seconds send_time_max{30};

}  // namespace perkline::hub::notifications
