#include "hub/identity/export.hpp"

namespace perkline::hub::identity {
namespace {

std::string time_at(const db::Row& row, std::size_t column) {
  return format_time(WallTime{Millis{row.integer(column)}});
}

Result<void> write_sessions(db::Transaction& transaction, const UserId& id, json::Writer& out) {
  auto rows = transaction.query(
      "SELECT id, created_at, rotated_at, expires_at, revoked_at FROM refresh_family WHERE user_id = $1"
      " ORDER BY id",
      {id.str()});
  if (!rows) return failure(rows);
  out.begin_array();
  for (const db::Row& row : *rows) {
    out.begin_object().field("id", row.text(0)).field("createdAt", time_at(row, 1));
    out.field("lastUsedAt", time_at(row, 2)).field("expiresAt", time_at(row, 3));
    out.field("revoked", !row.is_null(4)).end_object();
  }
  out.end_array();
  return {};
}

Result<void> write_referrals(db::Transaction& transaction, const UserId& id, json::Writer& out) {
  auto by = transaction.query("SELECT referred_by FROM users WHERE id = $1", {id.str()});
  if (!by) return failure(by);
  auto of = transaction.query("SELECT id FROM users WHERE referred_by = $1 ORDER BY id", {id.str()});
  if (!of) return failure(of);
  out.begin_object().key("referredBy");
  by->empty() || by->front().is_null(0) ? out.null() : out.value(by->front().text(0));
  out.key("referred").begin_array();
  for (const db::Row& row : *of) out.value(row.text(0));
  out.end_array().end_object();
  return {};
}

/// What they did, and what was done to their account.
Result<void> write_audit(db::Transaction& transaction, const UserId& id, json::Writer& out) {
  auto rows = transaction.query(
      "SELECT at, actor, action, subject, detail FROM audit WHERE subject = $1 OR actor = $1 ORDER BY id",
      {"user:" + id.str()});
  if (!rows) return failure(rows);
  out.begin_array();
  for (const db::Row& row : *rows) {
    out.begin_object().field("at", time_at(row, 0)).field("actor", row.text(1));
    out.field("action", row.text(2)).field("subject", row.text(3)).key("detail").raw(row.text(4));
    out.end_object();
  }
  out.end_array();
  return {};
}

}  // namespace

Result<std::string> export_user(db::Transaction& transaction, const UserId& id, const UserHooks& hooks,
                                WallTime now) {
  const auto user = find_user(transaction, id);
  if (!user) return std::unexpected(user.error());
  if (!*user) return fail(Errc::not_found, "no such user");
  json::Writer out;
  out.begin_object().field("exportedAt", format_time(now)).key("user");
  write_user(out, **user);
  out.key("sessions");
  if (auto done = write_sessions(transaction, id, out); !done) return failure(done);
  out.key("referrals");
  if (auto done = write_referrals(transaction, id, out); !done) return failure(done);
  out.key("audit");
  if (auto done = write_audit(transaction, id, out); !done) return failure(done);
  for (const UserHooks::Export& part : hooks.exports) {
    out.key(part.name);
    if (auto done = part.write(transaction, **user, out); !done) return failure(done);
  }
  out.end_object();
  return out.take();
}

}  // namespace perkline::hub::identity
