#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hub/notifications/mail.hpp"
#include "hub/notifications/mail_queue.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/signal.hpp"

namespace perkline::hub::notifications {

/// Sends what waits in the database, of the mails made in masses or of all others, one mail after another; of
/// several replicas each takes some. A mail at
/// which the line breaks or hangs waits alone, with what else is for that address: the others go on. A mail
/// leaves once, unless a process dies between the server's word and the commit that notes it: then once more
/// under the same Message-ID. Reactor's thread.
class MailWorker {
 public:
  struct Options {
    bool in_masses = false;  ///< It sends the mails that are made in masses; else all others.
    seconds lease{40};       ///< So long others wait for one that died. Longer than send_time_max.
    Millis look_every{1000};
    std::int64_t claim_max = 16;
    Millis unreachable_base{500};  ///< Pauses while no server is there; doubled each time, up to the next.
    Millis unreachable_max{30'000};
    Millis put_off_base{10'000};          ///< Likewise of a mail that the server put off.
    Millis put_off_max = mail_pause_max;  ///< At most that.
    Millis give_up_after =
        days{5};  ///< Of a mail that the server puts off; a server that is away is no fault of it.
    std::function<void(MailFate)> observe = {};
  };
  /// All must outlive this, and this every task.
  struct Parts {
    db::Database& database;
    net::AsyncClock& clock;
    UuidMaker& ids;
    MailPort& port;
  };
  MailWorker(const Parts& parts, Options options) : parts_(parts), options_(std::move(options)) {}

  /// Until drain().
  Task<void> run();
  /// No further mail is begun.
  void end();
  /// Returns when run() has ended, after the mail that it is at.
  Task<void> drain();

 private:
  enum class Round : unsigned char { idle, worked, unreachable };
  Task<Round> send_some();
  /// nullopt: nothing was said to a server.
  Task<std::optional<MailFate>> send_one(ClaimedMail mail, Lease lease);
  MailDecision decision_for(const ClaimedMail& mail, const MailOutcome& outcome, Millis pause) const;
  /// Whether the server is away rather than a mail at fault: two different ones did not reach it.
  bool is_server_away(const std::string& mail, MailFate fate);
  /// How long mails for that address still wait, as the line has broken there.
  Millis rest_of(const std::string& address) const;
  Millis pause_of(const ClaimedMail& mail, const MailOutcome& outcome);
  Task<void> note(MailDecision decision, Lease lease);
  Lease new_lease();

  Parts parts_;
  Options options_;
  struct BrokenLine {
    std::int64_t times = 0;  ///< In a row.
    MonoTime until;
  };
  std::map<std::string, BrokenLine> broken_lines_;  ///< By address. Of this process alone: a guard of time.
  std::string unreachable_mail_;                    ///< The last one that did not reach a server; or empty.
  unsigned unreachable_ = 0;                        ///< Rounds since a server was there.
  bool running_ = false;
  bool draining_ = false;
  net::Signal end_;
  net::Signal ended_;
};

}  // namespace perkline::hub::notifications
