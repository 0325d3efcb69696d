#include "hub/identity/user_admin.hpp"

#include "hub/events/event_log.hpp"
#include "hub/identity/ascii.hpp"
#include "hub/identity/audit.hpp"
#include "hub/identity/refresh_families.hpp"

namespace perkline::hub::identity {
namespace {

/// Above every UUID, in whatever order the database puts letters.
constexpr std::string_view behind_all = "z";

/// LIKE's pattern of texts that hold `text`, with `!` as its escape.
std::string pattern_of(std::string_view text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '!') pattern += '!';
    pattern += c;
  }
  return pattern + '%';
}

events::DomainEvent deactivated_event(const UserId& id, const Uuid& event, WallTime now,
                                      const std::string& traceparent) {
  json::Writer data;
  data.begin_object().field("userId", id.str()).field("reason", "deactivated").end_object();
  return {.id = event,
          .type = "USER_DEACTIVATED",
          .occurred_at = now,
          .traceparent = traceparent,
          .data = data.take()};
}

bool is_active_admin(const User& user) {
  return user.role == Role::admin && user.active;
}

/// What changed, for the audit.
std::string difference(const User& before, const User& after) {
  json::Writer out;
  out.begin_object();
  if (before.role != after.role) {
    out.key("role").begin_object().field("from", name_of(before.role)).field("to", name_of(after.role));
    out.end_object();
  }
  if (before.active != after.active) out.field("active", after.active);
  out.end_object();
  return out.take();
}

}  // namespace

Result<std::vector<User>> search_users(db::Transaction& transaction, const UserSearch& search) {
  std::string condition = "id < $1";
  std::vector<db::Value> parameters{search.after.empty() ? std::string(behind_all) : search.after};
  const auto next = [&parameters](db::Value value) {
    parameters.push_back(std::move(value));
    return '$' + std::to_string(parameters.size());
  };
  if (search.role) condition += " AND role = " + next(std::string(name_of(*search.role)));
  if (search.active) condition += " AND active = " + next(std::int64_t{*search.active});
  if (!search.text.empty()) {
    const std::string pattern = next(pattern_of(ascii_lower(search.text)));
    const std::string whole = next(search.text);
    condition += " AND (email_key LIKE " + pattern + " ESCAPE '!' OR mobile LIKE " + pattern +
                 " ESCAPE '!' OR LOWER(name) LIKE " + pattern + " ESCAPE '!' OR id = " + whole +
                 " OR loyalty_id = " + whole + " OR referral_code = " + whole + ")";
  }
  condition += " ORDER BY id DESC LIMIT " + next(search.limit);
  return find_users(transaction, condition, std::move(parameters));
}

Result<bool> is_last_admin(db::Transaction& transaction, const UserId& id) {
  auto rows = transaction.query("SELECT id FROM users WHERE role = 'admin' AND active = 1 ORDER BY id" +
                                std::string(transaction.for_update()));
  if (!rows) return failure(rows);
  return rows->size() == 1 && rows->front().text(0) == id.str();
}

Task<Result<User>> UserAdmin::change(UserId id, Change change, std::string actor, std::string traceparent) {
  const WallTime now = clock_.wall_now();
  const Uuid audit_id = uuids_.next();
  const Uuid event_id = uuids_.next();
  co_return co_await db::write_for<User>(database_, [&](db::Transaction& transaction) -> Result<User> {
    auto known = hold_user(transaction, id);
    if (!known) return failure(known);
    if (!*known) return fail(Errc::not_found, "no such user");
    const User& before = **known;
    User after = before;
    after.role = change.role.value_or(before.role);
    after.active = change.active.value_or(before.active);
    if (after.role == before.role && after.active == before.active) return after;
    if (is_active_admin(before) && !is_active_admin(after)) {
      const auto last = is_last_admin(transaction, id);
      if (!last) return std::unexpected(last.error());
      if (*last) return fail(Errc::forbidden, "the last active admin must stay");
    }

    if (auto updated = update_user(transaction, after); !updated) return failure(updated);
    if (before.active && !after.active) {
      if (auto ended = end_families_of(transaction, id); !ended) return failure(ended);
      auto told = events::append(transaction, deactivated_event(id, event_id, now, traceparent));
      if (!told) return failure(told);
    }
    auto audited = append_audit(transaction, {.id = audit_id,
                                              .at = now,
                                              .actor = actor,
                                              .action = "user.set",
                                              .subject = "user:" + id.str(),
                                              .detail = difference(before, after)});
    if (!audited) return failure(audited);
    return after;
  });
}

}  // namespace perkline::hub::identity
