#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/json/writer.hpp"

/// Mails that wait in the database until a server has taken them, and those that none will take.
namespace perkline::hub::notifications {

/// Who works at mails, and how long nobody else touches them: a worker that died is followed by another then.
struct Lease {
  std::string holder;  ///< Of this claim alone.
  WallTime from;
  WallTime until;
};

struct ClaimedMail {
  std::string id;
  /// The member's address of this moment, unless it was refused for good; none: nobody is to be written to.
  std::optional<std::string> to;
  std::string subject;
  std::string body;
  std::int64_t attempts = 0;  ///< This one counted.
  WallTime created_at;
  WallTime due_at;
};
/// No mail is put off for longer from one try to the next.
inline constexpr hours mail_pause_max{1};

/// Of the mails made in masses, or of all others, those that have been due for longest; then those whose
/// moment lies further ahead than any is put off, as a clock was wrong. Errors: the database's.
Result<std::vector<ClaimedMail>> claim_mails(db::Transaction& transaction, const Lease& lease, bool in_masses,
                                             std::int64_t count);
/// Lets others have what of a claim is not decided. Errors: the database's.
Result<void> release_mails(db::Transaction& transaction, const Lease& lease);

/// Lets anybody have what is waiting, whoever is at it: for a hub that starts, where there can be no other.
/// Errors: the database's.
Result<void> release_all_mails(db::Transaction& transaction);

enum class MailState : std::uint8_t { waiting = 1, sent, dead, discarded };
std::string_view name_of(MailState state);

struct MailDecision {
  std::string id;
  MailState state = MailState::waiting;
  std::string reason = {};
  WallTime at;
  WallTime next_at = {};  ///< Of one that goes on waiting.
  /// Of a dead one, where no mail will ever be taken for that address. The first such mail is the dead letter
  /// that tells of it; any other is discarded.
  std::optional<std::string> refused_address = {};
};
/// Writes down what became of a mail, unless the lease is somebody else's by now; an address that was refused
/// is written to again when it is another one, when somebody retries its dead letter, or after
/// identity::mail_refused_for. Errors: the database's.
Result<void> decide_mail(db::Transaction& transaction, const Lease& lease, const MailDecision& decision);

/// How much there is, of whichever replica's making.
struct Counts {
  std::int64_t notifications = 0;  ///< Ever made.
  std::int64_t mails_waiting = 0;
  std::int64_t mails_dead = 0;
};
/// Errors: the database's.
Result<Counts> count_all(db::Transaction& transaction);

/// A mail that no server would take, whatever became of it since.
struct DeadMail {
  std::string id;  ///< `mail-` and the mail's.
  UserId user;
  std::string template_name;
  std::string reason;
  std::int64_t attempts = 0;
  MailState state = MailState::dead;
  WallTime died_at;
  std::optional<WallTime> decided_at;
};
/// Whether `id` is a dead mail's by its form.
bool is_dead_mail_id(std::string_view id);

/// Where in the list of dead mails a page begins: behind this one.
struct DeadMailPlace {
  std::int64_t died_at = 0;  ///< In ms since 1970.
  std::string id;
};
/// Those that nobody has decided about, the newest first. Errors: the database's.
Result<std::vector<DeadMail>> dead_mails(db::Transaction& transaction,
                                         const std::optional<DeadMailPlace>& after, std::int64_t limit);
/// Errors: not_found, the database's.
Result<DeadMail> find_dead_mail(db::Transaction& transaction, const std::string& id);
/// It waits again as if it were new, or is given up. Errors: not_found, session_state (it is not dead any
/// more), the database's.
Result<DeadMail> retry_dead_mail(db::Transaction& transaction, const std::string& id, WallTime now);
Result<DeadMail> discard_dead_mail(db::Transaction& transaction, const std::string& id, WallTime now);

}  // namespace perkline::hub::notifications
