#include "hub/notifications/template_store.hpp"

#include "hub/identity/audit.hpp"

namespace perkline::hub::notifications {
namespace {

void write_words(json::Writer& out, const Words& words) {
  out.key("inApp").begin_object().field("title", words.title).field("body", words.body).end_object();
  out.key("email").begin_object().field("subject", words.subject).field("body", words.mail_body).end_object();
}

std::string audit_detail(const std::optional<Words>& words) {
  json::Writer out;
  out.begin_object().field("builtIn", !words.has_value());
  if (words) write_words(out, *words);
  return out.end_object().take();
}

}  // namespace

Result<Template> find_template(db::Transaction& transaction, const std::string& name) {
  const Kind* kind = kind_named(name);
  if (kind == nullptr) return fail(Errc::not_found, "no such template");
  auto rows = transaction.query(
      "SELECT title, body, subject, mail_body, updated_at, updated_by FROM notification_template"
      " WHERE name = $1",
      {name});
  if (!rows) return failure(rows);
  if (rows->empty()) return Template{.kind = kind, .words = built_in_words(*kind), .changed = std::nullopt};
  const db::Row& row = rows->front();
  return Template{
      .kind = kind,
      .words = {row.text(0), row.text(1), row.text(2), row.text(3)},
      .changed = Template::Change{.at = WallTime{Millis{row.integer(4)}}, .by = row.text(5)},
  };
}

Result<Template> put_template(db::Transaction& transaction, const std::string& name,
                              const std::optional<Words>& words, const TemplateChange& change) {
  if (kind_named(name) == nullptr) return fail(Errc::not_found, "no such template");
  if (words) {
    auto put = transaction.execute(
        "INSERT INTO notification_template (name, title, body, subject, mail_body, updated_at, updated_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO UPDATE SET title = excluded.title,"
        " body = excluded.body, subject = excluded.subject, mail_body = excluded.mail_body,"
        " updated_at = excluded.updated_at, updated_by = excluded.updated_by",
        {name, words->title, words->body, words->subject, words->mail_body,
         change.at.time_since_epoch().count(), change.actor});
    if (!put) return failure(put);
  } else {
    auto dropped = transaction.execute("DELETE FROM notification_template WHERE name = $1", {name});
    if (!dropped) return failure(dropped);
  }
  auto noted = identity::append_audit(transaction, {.id = change.audit,
                                                    .at = change.at,
                                                    .actor = change.actor,
                                                    .action = "notification_template.set",
                                                    .subject = "notification-template:" + name,
                                                    .detail = audit_detail(words)});
  if (!noted) return failure(noted);
  return find_template(transaction, name);
}

Result<std::map<std::string, Words, std::less<>>> changed_templates(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT name, title, body, subject, mail_body FROM notification_template");
  if (!rows) return failure(rows);
  std::map<std::string, Words, std::less<>> found;
  for (const db::Row& row : *rows)
    found.emplace(row.text(0), Words{row.text(1), row.text(2), row.text(3), row.text(4)});
  return found;
}

void write_template(json::Writer& out, const Template& shown) {
  const Kind& kind = *shown.kind;
  out.begin_object().field("name", kind.name).field("type", kind.type).field("event", kind.event);
  out.key("names").begin_array().value(member_name);
  for (const std::string_view name : kind.names) {
    if (!name.empty()) out.value(name);
  }
  out.end_array().field("builtIn", !shown.changed.has_value());
  write_words(out, shown.words);
  out.key("updatedAt");
  shown.changed ? out.value(format_time(shown.changed->at)) : out.null();
  out.key("updatedBy");
  shown.changed ? out.value(shown.changed->by) : out.null();
  out.end_object();
}

}  // namespace perkline::hub::notifications
