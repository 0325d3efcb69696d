#include "hub/notifications/notifier.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "hub/db/bulk_statement.hpp"
#include "hub/identity/mail_refusal.hpp"
#include "hub/notifications/mail_queue.hpp"
#include "hub/notifications/notice.hpp"
#include "hub/notifications/preferences.hpp"
#include "hub/notifications/template_store.hpp"

namespace perkline::hub::notifications {
namespace {

/// All that is made on the reactor's thread.
struct Batch {
  std::vector<Notice> notices;
  std::vector<Uuid> mails;  ///< One a notice.
  std::optional<Error> wrong;
  WallTime now;
  bool mail = false;
};

struct Member {
  std::string name;
  bool is_written_to = false;  ///< Has an address that no server has refused of late.
  std::map<std::string, std::int64_t, std::less<>> mails_recent = {};  ///< Made within the hour, by kind.
};
using Members = std::map<std::string, Member, std::less<>>;

std::string find_members() {
  return "SELECT id, name, CASE WHEN " + identity::is_written_to("$1", "$2") +
         " THEN 1 ELSE 0 END FROM users WHERE role = 'member' AND active = 1 AND id IN (";
}
constexpr std::string_view in_order = ") ORDER BY id";

Result<db::Rows> read_members(db::Transaction& transaction, std::vector<db::Value> users, WallTime now) {
  static const db::BulkStatement find(find_members(), "?", in_order, 2);
  return find.run(transaction, std::move(users), identity::refused_between(now));
}

/// What ends the statement is the same for every engine that needs it at all.
Result<db::Rows> hold_members(db::Transaction& transaction, std::vector<db::Value> users, WallTime now) {
  static const db::BulkStatement find(find_members(), "?",
                                      std::string(in_order) + std::string(transaction.for_update()), 2);
  return find.run(transaction, std::move(users), identity::refused_between(now));
}

/// Those who are to hear anything at all. Held, so that nothing is written for one who is being forgotten.
/// `users`: rising.
Result<Members> members_of(db::Transaction& transaction, const std::vector<std::string>& users,
                           WallTime now) {
  std::vector<db::Value> ids(users.begin(), users.end());
  auto rows = transaction.for_update().empty() ? read_members(transaction, std::move(ids), now)
                                               : hold_members(transaction, std::move(ids), now);
  if (!rows) return failure(rows);
  Members found;
  for (const db::Row& row : *rows)
    found.emplace(row.text(0), Member{.name = row.text(1), .is_written_to = row.integer(2) == 1});
  return found;
}

/// Adds how many mails of each kind each was made within the hour. What a clock that was ahead has made
/// counts for nothing.
Result<void> count_mails(db::Transaction& transaction, Members& members, WallTime now) {
  static const db::BulkStatement count(
      "SELECT user_id, template, COUNT(*) FROM notification_mail WHERE created_at > $1 AND created_at <= $2"
      " AND user_id IN (",
      "?", ") GROUP BY user_id, template", 2);
  std::vector<db::Value> users;
  for (const auto& [id, member] : members) users.emplace_back(id);
  auto rows =
      count.run(transaction, std::move(users),
                {(now - hours{1}).time_since_epoch().count(), (now + hours{1}).time_since_epoch().count()});
  if (!rows) return failure(rows);
  for (const db::Row& row : *rows)
    members.find(row.text(0))->second.mails_recent[row.text(1)] = row.integer(2);
  return {};
}

/// The words of each kind as they stand, parsed when first needed.
class Forms {
 public:
  explicit Forms(std::map<std::string, Words, std::less<>> changed) : changed_(std::move(changed)) {}
  const WordForm& of(const Kind& kind) {
    const auto known = forms_.find(&kind);
    if (known != forms_.end()) return known->second;
    const auto own = changed_.find(kind.name);
    // What another version let in, or somebody wrote by hand, may be no template for this one.
    const bool usable = own != changed_.end() && faults_of(kind, own->second).empty();
    return forms_.emplace(&kind, WordForm(usable ? own->second : built_in_words(kind))).first->second;
  }

 private:
  std::map<std::string, Words, std::less<>> changed_;
  std::map<const Kind*, WordForm> forms_;
};

/// What goes into the two tables: a notification's parameters but its id, a mail's whole.
struct Made {
  struct Row {
    const Notice* notice;
    std::string content;
  };
  std::vector<Row> notifications;
  std::vector<db::Value> mails;
};

void make(Made& made, const Batch& batch, std::size_t index, Member& member, const Channels& channels,
          Forms& forms) {
  const Notice& notice = batch.notices[index];
  std::int64_t& mails_recent = member.mails_recent[std::string(notice.kind->name)];
  const bool mails = batch.mail && channels.email && member.is_written_to &&
                     mails_recent < mails_an_hour_max && batch.now - notice.occurred_at <= mail_age_max;
  if (!channels.in_app && !mails) return;
  Facts facts = notice.facts;
  facts.insert_or_assign(std::string(member_name), member.name);
  const Words words = forms.of(*notice.kind).render(facts);
  if (channels.in_app) made.notifications.push_back({&notice, content_of(notice, words)});
  if (!mails) return;
  ++mails_recent;
  const std::int64_t now = batch.now.time_since_epoch().count();
  db::append_row(made.mails, batch.mails[index].str(), notice.event, notice.user.str(),
                 std::string(notice.kind->name), words.subject, words.mail_body,
                 std::int64_t{notice.kind->in_masses}, now, now);
}

/// The first of `count` ids that follow one another; other writers wait for this one's end.
Result<std::int64_t> take_ids(db::Transaction& transaction, std::int64_t count) {
  auto rows = transaction.query(
      "UPDATE notification_sequence SET last = last + $1 WHERE id = 1 RETURNING last", {count});
  if (!rows) return failure(rows);
  return rows->at(0).integer(0) - count + 1;
}

Result<void> insert(db::Transaction& transaction, const Batch& batch, Made made) {
  static const db::BulkStatement insert_notification(
      "INSERT INTO notification (id, event_id, user_id, type, event_type, content, created_at) VALUES ",
      "(?, ?, ?, ?, ?, ?, ?)", " ON CONFLICT (event_id, user_id) DO NOTHING");
  static const db::BulkStatement insert_mail(
      "INSERT INTO notification_mail (id, event_id, user_id, template, subject, body, state, in_masses,"
      " next_at, created_at) VALUES ",
      "(?, ?, ?, ?, ?, ?, 'waiting', ?, ?, ?)", " ON CONFLICT (event_id, user_id) DO NOTHING");
  if (!made.notifications.empty()) {
    auto id = take_ids(transaction, std::ssize(made.notifications));
    if (!id) return failure(id);
    std::vector<db::Value> values;
    for (Made::Row& row : made.notifications) {
      const Notice& notice = *row.notice;
      db::append_row(values, (*id)++, notice.event, notice.user.str(), std::string(notice.kind->type),
                     std::string(notice.kind->event_type), std::move(row.content),
                     batch.now.time_since_epoch().count());
    }
    auto added = insert_notification.run(transaction, std::move(values));
    if (!added) return failure(added);
  }
  if (made.mails.empty()) return {};
  auto added = insert_mail.run(transaction, std::move(made.mails));
  if (!added) return failure(added);
  return {};
}

Result<void> tell(db::Transaction& transaction, const Batch& batch) {
  if (batch.wrong) return fail(*batch.wrong);
  if (batch.notices.empty()) return {};
  std::vector<std::string> users;
  for (const Notice& notice : batch.notices) users.push_back(notice.user.str());
  std::ranges::sort(users);
  users.erase(std::ranges::unique(users).begin(), users.end());
  auto members = members_of(transaction, users, batch.now);
  if (!members) return failure(members);
  if (batch.mail) {
    if (auto counted = count_mails(transaction, *members, batch.now); !counted) return counted;
  }
  const auto preferences = preferences_of(transaction, users);
  if (!preferences) return std::unexpected(preferences.error());
  auto templates = changed_templates(transaction);
  if (!templates) return failure(templates);

  Forms forms(std::move(*templates));
  Made made;
  for (std::size_t i = 0; i < batch.notices.size(); ++i) {
    const Notice& notice = batch.notices[i];
    const auto member = members->find(notice.user.str());
    if (member == members->end()) continue;
    const auto wanted = preferences->find(notice.user.str());
    const Channels channels =
        (wanted == preferences->end() ? Preferences{} : wanted->second).of(notice.kind->type);
    make(made, batch, i, member->second, channels, forms);
  }
  return insert(transaction, batch, std::move(made));
}

}  // namespace

Notifier::Work Notifier::take(std::span<const events::DomainEvent> events) {
  const auto batch = std::make_shared<Batch>();
  batch->now = clock_.wall_now();
  batch->mail = options_.mail;
  for (const events::DomainEvent& event : events) {
    auto notice = notice_of(event);
    if (!notice) {
      batch->wrong = std::move(notice.error());
      break;
    }
    if (!*notice) continue;
    batch->notices.push_back(std::move(**notice));
    batch->mails.push_back(ids_.next());
  }
  if (!batch->notices.empty() && options_.about_to_tell) options_.about_to_tell();
  return [batch](db::Transaction& transaction) { return tell(transaction, *batch); };
}

}  // namespace perkline::hub::notifications
