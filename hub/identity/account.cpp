#include "hub/identity/account.hpp"

#include "hub/identity/audit.hpp"
#include "hub/identity/refresh_families.hpp"
#include "shared/json/fields.hpp"

namespace perkline::hub::identity {
namespace {

/// Errors: unauthenticated, when it is gone by now.
Result<User> hold_own(db::Transaction& transaction, const UserId& id) {
  auto user = hold_user(transaction, id);
  if (!user) return failure(user);
  if (!*user) return fail(Errc::unauthenticated, "the account is gone");
  return std::move(**user);
}

AuditEntry own_entry(const UserId& id, const Uuid& entry, WallTime at, std::string action) {
  const std::string self = "user:" + id.str();
  return {.id = entry, .at = at, .actor = self, .action = std::move(action), .subject = self};
}

/// The names of what changed, without what it is.
std::string fields_in(const ProfileChange& change) {
  json::Writer out;
  out.begin_object().key("fields").begin_array();
  if (change.name) out.value("name");
  if (change.email) out.value("email");
  if (change.mobile) out.value("mobile");
  out.end_array().end_object();
  return out.take();
}

Result<User> with(User user, const ProfileChange& change) {
  if (change.name) user.name = *change.name;
  if (change.email) user.email = *change.email;
  if (change.mobile) user.mobile = *change.mobile;
  if (user.email || user.mobile) return user;
  std::vector<FieldFault> faults;
  if (change.email) faults.push_back({"email", "must stay where there is no mobile number"});
  if (change.mobile) faults.push_back({"mobile", "must stay where there is no e-mail address"});
  return fail(json::validation_error(std::move(faults)));
}

}  // namespace

Task<Result<User>> Account::change_profile(UserId id, ProfileChange change) {
  const AuditEntry entry = [&] {
    AuditEntry made = own_entry(id, parts_.uuids.next(), parts_.clock.wall_now(), "user.changed");
    made.detail = fields_in(change);
    return made;
  }();
  co_return co_await db::write_for<User>(parts_.database, [&](db::Transaction& transaction) -> Result<User> {
    auto known = hold_own(transaction, id);
    if (!known) return known;
    auto changed = with(std::move(*known), change);
    if (!changed) return changed;
    if (auto updated = update_user(transaction, *changed); !updated) return failure(updated);
    if (auto told = append_audit(transaction, entry); !told) return failure(told);
    return changed;
  });
}

Task<Result<User>> Account::change_password(UserId id, std::optional<Uuid> kept, std::string current,
                                            std::string fresh) {
  auto known = co_await db::read_for<std::optional<Credentials>>(
      parts_.database, [&id](db::Transaction& transaction) { return find_credentials_of(transaction, id); });
  if (!known) co_return failure(known);
  if (!*known) co_return fail(Errc::unauthenticated, "the account is gone");
  const std::string before = (*known)->password_hash;
  auto right = co_await parts_.hasher.verify(before, std::move(current));
  if (!right) co_return failure(right);
  if (!*right) co_return fail(Errc::invalid_credentials, "the current password is wrong");
  const auto hash = co_await parts_.hasher.hash(std::move(fresh));
  if (!hash) co_return std::unexpected(hash.error());

  const AuditEntry entry =
      own_entry(id, parts_.uuids.next(), parts_.clock.wall_now(), "user.password_changed");
  co_return co_await db::write_for<User>(parts_.database, [&](db::Transaction& transaction) -> Result<User> {
    auto held = hold_credentials(transaction, id);
    if (!held) return failure(held);
    // Somebody changed it while this was checked against the one before.
    if (!*held || (*held)->password_hash != before)
      return fail(Errc::invalid_credentials, "the current password is wrong");
    auto updated =
        transaction.execute("UPDATE users SET password_hash = $2 WHERE id = $1", {id.str(), *hash});
    if (!updated) return failure(updated);
    if (auto ended = end_families_of(transaction, id, kept); !ended) return failure(ended);
    if (auto told = append_audit(transaction, entry); !told) return failure(told);
    return std::move((*held)->user);
  });
}

Task<Result<User>> Account::link_card(UserId id, Card card) {
  const WallTime now = parts_.clock.wall_now();
  const AuditEntry entry = own_entry(id, parts_.uuids.next(), now, "user.card_linked");
  const Uuid displaced_audit_id = parts_.uuids.next();
  std::vector<UserHooks::Work> works;
  for (const auto& hook : parts_.hooks.card_verified) works.push_back(hook({id, card.id, now}));
  co_return co_await db::write_for<User>(parts_.database, [&](db::Transaction& transaction) -> Result<User> {
    auto user = hold_own(transaction, id);
    if (!user) return user;
    const auto verdict = judge_link(transaction, card.id, card.receipt, id, now);
    if (!verdict) return std::unexpected(verdict.error());
    if (user->loyalty_id == card.id && user->loyalty_verified == verdict->verified) return user;
    if (verdict->displaced) {
      auto done = displace(transaction, {.user = *verdict->displaced,
                                         .card = card.id,
                                         .by = entry.actor,
                                         .audit_id = displaced_audit_id,
                                         .at = now});
      if (!done) return failure(done);
    }
    user->loyalty_id = card.id;
    user->loyalty_verified = verdict->verified;
    if (auto updated = update_user(transaction, *user); !updated) return failure(updated);
    for (const UserHooks::Work& work : works) {
      if (!user->loyalty_verified) break;
      if (auto done = work(transaction); !done) return failure(done);
    }
    if (auto told = append_audit(transaction, entry); !told) return failure(told);
    return user;
  });
}

}  // namespace perkline::hub::identity
