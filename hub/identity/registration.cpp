#include "hub/identity/registration.hpp"

#include "hub/events/event_log.hpp"
#include "hub/identity/audit.hpp"
#include "shared/json/fields.hpp"

namespace perkline::hub::identity {
namespace {

/// What the database has to say about a registration.
struct Judged {
  std::optional<UserId> referrer;
  LinkVerdict link;
};

Login login_of(const std::optional<std::string>& email, const std::optional<std::string>& mobile) {
  return {.email_key = email.and_then([](const std::string& text) { return email_key(text); }),
          .mobile = mobile};
}

Result<Judged> judge(db::Transaction& transaction, const NewMember& member, WallTime now) {
  const auto taken = is_taken(transaction, login_of(member.email, member.mobile));
  if (!taken) return std::unexpected(taken.error());
  if (*taken) return fail(Errc::already_registered, "this e-mail address or mobile number is registered");
  Judged judged;
  if (member.referral_code) {
    auto referrer = find_referrer(transaction, *member.referral_code);
    if (!referrer) return failure(referrer);
    if (!*referrer) return fail(json::validation_error({{"referralCode", "is nobody's"}}));
    judged.referrer = std::move(*referrer);
  }
  if (member.loyalty_id) {
    auto link = judge_link(transaction, *member.loyalty_id, member.receipt, std::nullopt, now);
    if (!link) return failure(link);
    judged.link = std::move(*link);
  }
  return judged;
}

events::DomainEvent event_of(const Registered& registered, const Uuid& id, std::string type) {
  json::Writer data;
  data.begin_object().field("userId", registered.user.id.str()).key("referrerId");
  registered.referrer ? data.value(registered.referrer->str()) : data.null();
  data.field("registeredAt", format_time(registered.at)).end_object();
  return {.id = id,
          .type = std::move(type),
          .occurred_at = registered.at,
          .traceparent = registered.traceparent,
          .data = data.take()};
}

}  // namespace

/// All that is drawn on the reactor's thread: the transaction may run more than once, and elsewhere.
struct Registration::Prepared {
  NewUser added;
  RefreshFamily family;
  std::string traceparent;
  Uuid audit_id;
  Uuid displaced_audit_id;
  Uuid registered_event;
  Uuid referral_event;
};

Registration::Prepared Registration::prepare(const NewMember& member, std::string password_hash,
                                             std::string traceparent) {
  const UserId id(parts_.uuids.next().str());
  return {.added = {.user = {.id = id,
                             .email = member.email,
                             .mobile = member.mobile,
                             .name = member.name,
                             .role = Role::member,
                             .active = true,
                             .referral_code = new_referral_code(),
                             .loyalty_id = member.loyalty_id,
                             .created_at = parts_.clock.wall_now()},
                    .password_hash = std::move(password_hash)},
          .family = parts_.sessions.new_family(id),
          .traceparent = std::move(traceparent),
          .audit_id = parts_.uuids.next(),
          .displaced_audit_id = parts_.uuids.next(),
          .registered_event = parts_.uuids.next(),
          .referral_event = parts_.uuids.next()};
}

Result<User> Registration::write(db::Transaction& transaction, const NewMember& member,
                                 const Prepared& prepared, const Registered& registered,
                                 std::span<const UserHooks::Work> works) {
  const auto judged = judge(transaction, member, registered.at);
  if (!judged) return std::unexpected(judged.error());
  if (judged->referrer != registered.referrer || judged->link.verified != registered.user.loyalty_verified)
    return fail({.code = Errc::overloaded, .detail = "try again", .retry_after = seconds{1}});
  NewUser added = prepared.added;
  const std::string actor = "user:" + added.user.id.str();
  if (judged->link.displaced) {
    auto done = displace(transaction, {.user = *judged->link.displaced,
                                       .card = *member.loyalty_id,
                                       .by = actor,
                                       .audit_id = prepared.displaced_audit_id,
                                       .at = registered.at});
    if (!done) return failure(done);
  }
  if (auto inserted = insert_user(transaction, added); !inserted) return failure(inserted);
  if (auto opened = insert_family(transaction, prepared.family); !opened) return failure(opened);
  // Before what it brings about, so that whoever hears of that knows the member.
  std::vector<events::DomainEvent> happened{
      event_of(registered, prepared.registered_event, "PLAYER_REGISTERED")};
  if (registered.referrer)
    happened.push_back(event_of(registered, prepared.referral_event, "REFERRAL_SIGNUP"));
  if (auto told = events::append(transaction, happened); !told) return failure(told);
  for (const UserHooks::Work& work : works) {
    if (auto done = work(transaction); !done) return failure(done);
  }
  auto audited = append_audit(transaction, {.id = prepared.audit_id,
                                            .at = registered.at,
                                            .actor = actor,
                                            .action = "user.registered",
                                            .subject = actor});
  if (!audited) return failure(audited);
  return std::move(added.user);
}

/// Fifty random bits, without letters that look like others.
std::string Registration::new_referral_code() {
  constexpr std::string_view letters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
  static_assert(letters.size() == 32);
  std::string code;
  for (int i = 0; i < 10; ++i) code += letters[parts_.rng.below(letters.size())];
  return code;
}

Task<Result<SignedIn>> Registration::register_member(NewMember member, std::string traceparent) {
  const WallTime now = parts_.clock.wall_now();
  auto judged = co_await db::read_for<Judged>(parts_.database, [&member, now](db::Transaction& transaction) {
    return judge(transaction, member, now);
  });
  if (!judged) co_return failure(judged);
  auto hash = co_await parts_.hasher.hash(std::move(member.password));
  if (!hash) co_return failure(hash);

  Prepared prepared = prepare(member, std::move(*hash), std::move(traceparent));
  prepared.added.user.loyalty_verified = judged->link.verified;
  prepared.added.referred_by = judged->referrer;
  // What the hooks hear is what the transaction will find, or it is refused and tried again.
  const Registered registered{.user = prepared.added.user,
                              .referrer = judged->referrer,
                              .at = prepared.added.user.created_at,
                              .traceparent = prepared.traceparent};
  std::vector<UserHooks::Work> works;
  works.reserve(parts_.hooks.registered.size());
  for (const auto& hook : parts_.hooks.registered) works.push_back(hook(registered));

  auto user = co_await db::write_for<User>(parts_.database, [&](db::Transaction& transaction) {
    return write(transaction, member, prepared, registered, works);
  });
  if (!user) co_return failure(user);
  co_return parts_.sessions.signed_in(std::move(*user), prepared.family);
}

Task<Result<User>> Registration::register_staff(NewStaff staff, std::string actor) {
  const Login login = login_of(staff.email, std::nullopt);
  auto taken = co_await db::read_for<bool>(
      parts_.database, [&login](db::Transaction& transaction) { return is_taken(transaction, login); });
  if (!taken) co_return failure(taken);
  if (*taken) co_return fail(Errc::already_registered, "this e-mail address is registered");
  auto hash = co_await parts_.hasher.hash(std::move(staff.password));
  if (!hash) co_return failure(hash);

  NewUser added{.user = {}, .password_hash = std::move(*hash)};
  added.user.id = UserId(parts_.uuids.next().str());
  added.user.email = std::move(staff.email);
  added.user.name = std::move(staff.name);
  added.user.role = staff.role;
  added.user.created_at = parts_.clock.wall_now();
  const AuditEntry entry{.id = parts_.uuids.next(),
                         .at = added.user.created_at,
                         .actor = std::move(actor),
                         .action = "user.staff_registered",
                         .subject = "user:" + added.user.id.str(),
                         .detail = R"({"role":")" + std::string(name_of(staff.role)) + R"("})"};
  auto done = co_await parts_.database.write([&](db::Transaction& transaction) -> Result<void> {
    if (auto inserted = insert_user(transaction, added); !inserted) return inserted;
    return append_audit(transaction, entry);
  });
  if (!done) co_return failure(done);
  co_return std::move(added.user);
}

}  // namespace perkline::hub::identity
