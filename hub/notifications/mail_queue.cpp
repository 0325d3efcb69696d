#include "hub/notifications/mail_queue.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "hub/db/bulk_statement.hpp"
#include "hub/db/due.hpp"
#include "hub/identity/mail_refusal.hpp"
#include "hub/notifications/notifications.hpp"
#include "shared/core/stamp.hpp"

namespace perkline::hub::notifications {
namespace {

constexpr std::string_view id_prefix = "mail-";
constexpr std::string_view select_dead =
    "SELECT id, user_id, template, reason, attempts, state, died_at, decided_at FROM notification_mail "
    "WHERE ";

MailState state_named(std::string_view name) {
  for (const MailState state : {MailState::waiting, MailState::sent, MailState::dead}) {
    if (name_of(state) == name) return state;
  }
  return MailState::discarded;
}

DeadMail dead_in(const db::Row& row) {
  DeadMail mail{.id = std::string(id_prefix) + row.text(0),
                .user = UserId(row.text(1)),
                .template_name = row.text(2),
                .reason = row.text(3),
                .attempts = row.integer(4),
                .state = state_named(row.text(5)),
                .died_at = WallTime{Millis{row.integer(6)}},
                .decided_at = std::nullopt};
  if (const auto at = row.optional_integer(7)) mail.decided_at = WallTime{Millis{*at}};
  return mail;
}

/// The mail's own id; what is none is nobody's.
std::string mail_id_in(const std::string& id) {
  return is_dead_mail_id(id) ? id.substr(id_prefix.size()) : "";
}

/// One that is still dead, its row held.
Result<DeadMail> hold_dead_mail(db::Transaction& transaction, const std::string& id) {
  auto mail = find_dead_mail(transaction, id);
  if (mail && mail->state != MailState::dead)
    return fail(Errc::session_state, "dead letter " + id + " is decided about");
  return mail;
}

/// Their members' addresses, of those that are to be written to.
Result<std::map<std::string, std::string, std::less<>>> addresses_of(db::Transaction& transaction,
                                                                     std::vector<db::Value> users,
                                                                     WallTime now) {
  static const db::BulkStatement find("SELECT id, email FROM users WHERE active = 1 AND " +
                                          identity::is_written_to("$1", "$2") + " AND id IN (",
                                      "?", ")", 2);
  auto rows = find.run(transaction, std::move(users), identity::refused_between(now));
  if (!rows) return failure(rows);
  std::map<std::string, std::string, std::less<>> found;
  for (const db::Row& row : *rows) found.emplace(row.text(0), row.text(1));
  return found;
}

/// Whether it was noted before, and so has its dead letter. In the row of the user, who may have another
/// address by now: then nothing is noted.
Result<bool> note_refused_address(db::Transaction& transaction, const Lease& lease,
                                  const MailDecision& decision) {
  std::vector<db::Value> parameters = identity::refused_between(decision.at);
  parameters.insert(parameters.end(),
                    {*decision.refused_address, decision.id, lease.holder, stamp(decision.at)});
  auto noted =
      transaction.execute("UPDATE users SET refused_email = email, refused_at = $6 WHERE email = $3 AND " +
                              identity::is_written_to("$1", "$2") +
                              " AND id = (SELECT user_id FROM notification_mail WHERE id = $4 AND lease = $5 "
                              "AND state = 'waiting')",
                          std::move(parameters));
  if (!noted) return failure(noted);
  if (*noted > 0) return false;
  auto known = transaction.query(
      "SELECT id FROM users WHERE refused_email = $1"
      " AND id = (SELECT user_id FROM notification_mail WHERE id = $2)",
      {*decision.refused_address, decision.id});
  if (!known) return failure(known);
  return !known->empty();
}

/// Somebody believes that it can be written to after all. Before the mail's row is held: users come first.
Result<void> forget_refused_address(db::Transaction& transaction, const std::string& dead_mail) {
  auto forgotten = transaction.execute(
      "UPDATE users SET refused_email = NULL, refused_at = NULL"
      " WHERE id = (SELECT user_id FROM notification_mail WHERE id = $1)",
      {mail_id_in(dead_mail)});
  if (!forgotten) return failure(forgotten);
  return {};
}

}  // namespace

std::string_view name_of(MailState state) {
  switch (state) {
    case MailState::waiting:
      return "waiting";
    case MailState::sent:
      return "sent";
    case MailState::dead:
      return "dead";
    case MailState::discarded:
      return "discarded";
  }
  return {};
}

Result<std::vector<ClaimedMail>> claim_mails(db::Transaction& transaction, const Lease& lease, bool in_masses,
                                             std::int64_t count) {
  const std::string is_free = db::is_due("leased_until", "$3", "$5");
  // Of two that choose the same ones the second finds them leased when it gets to their rows.
  auto rows = transaction.query(
      "UPDATE notification_mail SET lease = $1, leased_until = $2, attempts = attempts + 1"
      " WHERE state = 'waiting' AND " +
          is_free +
          " AND id IN (SELECT id FROM notification_mail WHERE state = 'waiting' AND in_masses = $7 AND " +
          db::is_due("next_at", "$3", "$6") + " AND " + is_free +
          " ORDER BY next_at, id LIMIT $4) RETURNING id, user_id, subject, body, attempts, created_at, "
          "next_at",
      {lease.holder, stamp(lease.until), stamp(lease.from), count,
       db::beyond(lease.from, lease.until - lease.from), db::beyond(lease.from, mail_pause_max),
       std::int64_t{in_masses}});
  if (!rows) return failure(rows);
  std::vector<db::Value> users;
  for (const db::Row& row : *rows) users.emplace_back(row.text(1));
  const auto addresses = addresses_of(transaction, std::move(users), lease.from);
  if (!addresses) return std::unexpected(addresses.error());
  std::vector<ClaimedMail> claimed;
  for (const db::Row& row : *rows) {
    const auto address = addresses->find(row.text(1));
    claimed.push_back({.id = row.text(0),
                       .to = address == addresses->end() ? std::nullopt : std::optional(address->second),
                       .subject = row.text(2),
                       .body = row.text(3),
                       .attempts = row.integer(4),
                       .created_at = WallTime{Millis{row.integer(5)}},
                       .due_at = WallTime{Millis{row.integer(6)}}});
  }
  std::ranges::sort(claimed, {}, [](const ClaimedMail& mail) { return std::tie(mail.due_at, mail.id); });
  return claimed;
}

Result<void> release_mails(db::Transaction& transaction, const Lease& lease) {
  auto released = transaction.execute(
      "UPDATE notification_mail SET leased_until = 0, attempts = attempts - 1"
      " WHERE lease = $1 AND leased_until = $2 AND state = 'waiting'",
      {lease.holder, stamp(lease.until)});
  if (!released) return failure(released);
  return {};
}

Result<void> release_all_mails(db::Transaction& transaction) {
  auto released = transaction.execute(
      "UPDATE notification_mail SET lease = '', leased_until = 0 WHERE state = 'waiting' AND leased_until > "
      "0");
  if (!released) return failure(released);
  return {};
}

Result<void> decide_mail(db::Transaction& transaction, const Lease& lease, const MailDecision& told) {
  MailDecision decision = told;
  if (decision.refused_address) {
    const auto known = note_refused_address(transaction, lease, decision);
    if (!known) return std::unexpected(known.error());
    if (*known) decision.state = MailState::discarded;
  }
  const bool gone = decision.state == MailState::sent || decision.state == MailState::discarded;
  const std::int64_t at = stamp(decision.at);
  const auto when = [at](bool so) { return so ? db::Value(at) : db::Value(nullptr); };
  auto decided = transaction.execute(
      "UPDATE notification_mail SET state = $1, reason = $2, next_at = $3, lease = '', leased_until = 0,"
      " died_at = COALESCE(died_at, $4), decided_at = $5, subject = CASE WHEN $6 = 1 THEN '' ELSE subject "
      "END,"
      " body = CASE WHEN $6 = 1 THEN '' ELSE body END WHERE id = $7 AND lease = $8 AND state = 'waiting'",
      {std::string(name_of(decision.state)), decision.reason,
       decision.state == MailState::waiting ? stamp(decision.next_at) : at,
       when(decision.state == MailState::dead), when(gone), std::int64_t{gone}, decision.id, lease.holder});
  if (!decided) return failure(decided);
  return {};
}

Result<Counts> count_all(db::Transaction& transaction) {
  const auto last = last_id(transaction);
  if (!last) return std::unexpected(last.error());
  auto rows = transaction.query(
      "SELECT state, COUNT(*) FROM notification_mail WHERE state IN ('waiting', 'dead') GROUP BY state");
  if (!rows) return failure(rows);
  Counts counts{.notifications = *last};
  for (const db::Row& row : *rows)
    (row.text(0) == "dead" ? counts.mails_dead : counts.mails_waiting) = row.integer(1);
  return counts;
}

bool is_dead_mail_id(std::string_view id) {
  return id.starts_with(id_prefix);
}

Result<std::vector<DeadMail>> dead_mails(db::Transaction& transaction,
                                         const std::optional<DeadMailPlace>& after, std::int64_t limit) {
  const DeadMailPlace place = after.value_or(DeadMailPlace{std::numeric_limits<std::int64_t>::max(), ""});
  auto rows = transaction.query(
      std::string(select_dead) +
          "state = 'dead' AND (died_at, id) < ($1, $2) ORDER BY died_at DESC, id DESC LIMIT $3",
      {place.died_at, mail_id_in(place.id), limit});
  if (!rows) return failure(rows);
  std::vector<DeadMail> found;
  for (const db::Row& row : *rows) found.push_back(dead_in(row));
  return found;
}

Result<DeadMail> find_dead_mail(db::Transaction& transaction, const std::string& id) {
  auto rows = transaction.query(
      std::string(select_dead) + "died_at IS NOT NULL AND id = $1" + std::string(transaction.for_update()),
      {mail_id_in(id)});
  if (!rows) return failure(rows);
  if (rows->empty()) return fail(Errc::not_found, "no such dead letter");
  return dead_in(rows->front());
}

Result<DeadMail> retry_dead_mail(db::Transaction& transaction, const std::string& id, WallTime now) {
  if (auto forgotten = forget_refused_address(transaction, id); !forgotten) return failure(forgotten);
  auto mail = hold_dead_mail(transaction, id);
  if (!mail) return mail;
  auto put = transaction.execute(
      "UPDATE notification_mail SET state = 'waiting', attempts = 0, next_at = $2, created_at = $2,"
      " lease = '', leased_until = 0 WHERE id = $1",
      {mail_id_in(id), stamp(now)});
  if (!put) return failure(put);
  mail->state = MailState::waiting;
  return mail;
}

Result<DeadMail> discard_dead_mail(db::Transaction& transaction, const std::string& id, WallTime now) {
  auto mail = hold_dead_mail(transaction, id);
  if (!mail) return mail;
  auto put = transaction.execute(
      "UPDATE notification_mail SET state = 'discarded', decided_at = $2, subject = '', body = ''"
      " WHERE id = $1",
      {mail_id_in(id), stamp(now)});
  if (!put) return failure(put);
  mail->state = MailState::discarded;
  mail->decided_at = now;
  return mail;
}

}  // namespace perkline::hub::notifications
