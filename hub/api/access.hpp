#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "hub/identity/user.hpp"
#include "shared/net/http.hpp"

/// Who may call what: every route of the hub, in one table.
namespace perkline::hub::api {

enum class Access : std::uint8_t {
  anyone,
  refresh_cookie,   ///< Who has the cookie of a session: the handler sees to that.
  self,             ///< Whoever is signed in: what is theirs.
  self_or_admin,    ///< Anybody theirs, admins anybody's: the handler sees to that.
  member,           ///< Members alone: what is theirs.
  member_or_staff,  ///< Members their own, staff anybody's: the handler sees to that.
  staff,
  admin,
};

/// As net::Route::access spells it.
constexpr std::string_view word_of(Access access) {
  switch (access) {
    case Access::anyone:
      return "anyone";
    case Access::refresh_cookie:
      return "refresh-cookie";
    case Access::self:
      return "self";
    case Access::self_or_admin:
      return "self or admin";
    case Access::member:
      return "member";
    case Access::member_or_staff:
      return "member or staff";
    case Access::staff:
      return "staff";
    case Access::admin:
      return "admin";
  }
  return {};
}

constexpr std::optional<Access> access_named(std::string_view word) {
  for (const Access access : {Access::anyone, Access::refresh_cookie, Access::self, Access::self_or_admin,
                              Access::member, Access::member_or_staff, Access::staff, Access::admin}) {
    if (word_of(access) == word) return access;
  }
  return std::nullopt;
}

/// Whether the guard asks who it is: it needs no token otherwise.
constexpr bool asks_for_token(Access access) {
  return access != Access::anyone && access != Access::refresh_cookie;
}

/// Where people come in without a token: how often one address tries is limited, before a body is read.
constexpr bool is_entrance(net::Method method, Access access) {
  return method == net::Method::post && !asks_for_token(access);
}

/// What anybody may read of the database without a token: how often one address does is limited as a member's
/// calls are. What lies in memory (the document, the keys) is not.
constexpr bool is_open_read(net::Method method, Access access, std::string_view pattern) {
  return method == net::Method::get && !asks_for_token(access) && pattern.starts_with("/api/v1/") &&
         pattern != "/api/v1/openapi.json";
}

/// nullopt: somebody without a token.
constexpr bool may(Access access, std::optional<identity::Role> role) {
  using identity::Role;
  if (!asks_for_token(access)) return true;
  if (!role) return false;
  if (access == Access::self || access == Access::self_or_admin) return true;
  switch (*role) {
    case Role::member:
      return access == Access::member || access == Access::member_or_staff;
    case Role::staff:
      return access == Access::staff || access == Access::member_or_staff;
    case Role::admin:
      return access != Access::member;
  }
  return false;
}

struct AccessRule {
  net::Method method;
  std::string_view pattern;
  Access access;
};

inline constexpr std::array access_rules{
    AccessRule{net::Method::get, "/health", Access::anyone},
    AccessRule{net::Method::get, "/.well-known/jwks.json", Access::anyone},
    AccessRule{net::Method::get, "/api/v1/openapi.json", Access::anyone},
    AccessRule{net::Method::get, "/api-docs", Access::anyone},
    AccessRule{net::Method::get, "/api-docs/{file}", Access::anyone},
    AccessRule{net::Method::post, "/api/v1/auth/register", Access::anyone},
    AccessRule{net::Method::post, "/api/v1/auth/register-staff", Access::admin},
    AccessRule{net::Method::post, "/api/v1/auth/login", Access::anyone},
    AccessRule{net::Method::post, "/api/v1/auth/refresh", Access::refresh_cookie},
    AccessRule{net::Method::post, "/api/v1/auth/logout", Access::self},
    AccessRule{net::Method::get, "/api/v1/auth/me", Access::self},
    AccessRule{net::Method::patch, "/api/v1/auth/me", Access::self},
    AccessRule{net::Method::post, "/api/v1/auth/password", Access::self},
    AccessRule{net::Method::post, "/api/v1/auth/me/loyalty", Access::self},
    AccessRule{net::Method::get, "/api/v1/users", Access::staff},
    AccessRule{net::Method::patch, "/api/v1/users/{id}", Access::admin},
    AccessRule{net::Method::del, "/api/v1/users/{id}", Access::self_or_admin},
    AccessRule{net::Method::get, "/api/v1/users/{id}/export", Access::self_or_admin},
    AccessRule{net::Method::get, "/api/v1/audit", Access::admin},
    AccessRule{net::Method::get, "/api/v1/stores", Access::staff},
    AccessRule{net::Method::post, "/api/v1/stores", Access::admin},
    AccessRule{net::Method::get, "/api/v1/stores/{id}", Access::staff},
    AccessRule{net::Method::post, "/api/v1/stores/{id}/keys", Access::admin},
    AccessRule{net::Method::get, "/api/v1/stats/overview", Access::staff},
    AccessRule{net::Method::get, "/api/v1/rules", Access::staff},
    AccessRule{net::Method::put, "/api/v1/rules", Access::staff},
    AccessRule{net::Method::post, "/api/v1/rules/dry-run", Access::staff},
    AccessRule{net::Method::get, "/api/v1/points/balance", Access::member_or_staff},
    AccessRule{net::Method::get, "/api/v1/points/history", Access::member_or_staff},
    AccessRule{net::Method::post, "/api/v1/points/apply", Access::staff},
    AccessRule{net::Method::post, "/api/v1/points/purchase", Access::member},
    AccessRule{net::Method::get, "/api/v1/wallet", Access::member},
    AccessRule{net::Method::get, "/api/v1/wallet/entries", Access::member},
    AccessRule{net::Method::post, "/api/v1/wallet/transfers", Access::member},
    AccessRule{net::Method::post, "/api/v1/wallet/credits", Access::staff},
    AccessRule{net::Method::post, "/api/v1/wallet/debits", Access::staff},
    AccessRule{net::Method::post, "/api/v1/wallet/holds", Access::staff},
    AccessRule{net::Method::post, "/api/v1/wallet/holds/{id}/capture", Access::staff},
    AccessRule{net::Method::post, "/api/v1/wallet/holds/{id}/release", Access::staff},
    AccessRule{net::Method::post, "/api/v1/webhooks", Access::admin},
    AccessRule{net::Method::get, "/api/v1/webhooks", Access::admin},
    AccessRule{net::Method::del, "/api/v1/webhooks/{id}", Access::admin},
    AccessRule{net::Method::get, "/api/v1/webhooks/{id}/deliveries", Access::admin},
    AccessRule{net::Method::post, "/api/v1/webhooks/{id}/deliveries/{deliveryId}/retry", Access::admin},
    AccessRule{net::Method::post, "/api/v1/promotions", Access::staff},
    AccessRule{net::Method::get, "/api/v1/promotions", Access::staff},
    AccessRule{net::Method::patch, "/api/v1/promotions/{id}", Access::staff},
    AccessRule{net::Method::get, "/api/v1/promotions/players/{id}", Access::member_or_staff},
    AccessRule{net::Method::post, "/api/v1/promotions/{id}/assign", Access::staff},
    AccessRule{net::Method::post, "/api/v1/promotions/claim", Access::member},
    AccessRule{net::Method::post, "/api/v1/payments", Access::member},
    AccessRule{net::Method::get, "/api/v1/payments", Access::member},
    AccessRule{net::Method::get, "/api/v1/payments/{id}", Access::member},
    AccessRule{net::Method::get, "/api/v1/billing/records", Access::member_or_staff},
    AccessRule{net::Method::get, "/api/v1/billing/statements", Access::staff},
    AccessRule{net::Method::get, "/api/v1/prizes", Access::anyone},
    AccessRule{net::Method::post, "/api/v1/prizes", Access::staff},
    AccessRule{net::Method::patch, "/api/v1/prizes/{id}", Access::staff},
    AccessRule{net::Method::post, "/api/v1/spin", Access::member},
    AccessRule{net::Method::get, "/api/v1/spins", Access::member},
    AccessRule{net::Method::get, "/api/v1/spins/{id}/proof", Access::anyone},
    AccessRule{net::Method::get, "/api/v1/wheel/seeds", Access::anyone},
    AccessRule{net::Method::get, "/api/v1/notifications", Access::member},
    AccessRule{net::Method::post, "/api/v1/notifications/{id}/read", Access::member},
    AccessRule{net::Method::post, "/api/v1/notifications/read-all", Access::member},
    AccessRule{net::Method::get, "/api/v1/notifications/ws", Access::member},
    AccessRule{net::Method::get, "/api/v1/notifications/preferences", Access::member},
    AccessRule{net::Method::put, "/api/v1/notifications/preferences", Access::member},
    AccessRule{net::Method::get, "/api/v1/notifications/templates/{name}", Access::staff},
    AccessRule{net::Method::put, "/api/v1/notifications/templates/{name}", Access::staff},
    AccessRule{net::Method::get, "/api/v1/dead-letters", Access::staff},
    AccessRule{net::Method::post, "/api/v1/dead-letters/{id}/retry", Access::staff},
    AccessRule{net::Method::post, "/api/v1/dead-letters/{id}/discard", Access::staff},
};

/// nullopt: there is no such route.
constexpr std::optional<Access> access_of(net::Method method, std::string_view pattern) {
  for (const auto& rule : access_rules) {
    if (rule.method == method && rule.pattern == pattern) return rule.access;
  }
  return std::nullopt;
}

/// What staff may, admins may.
constexpr bool admins_may_what_staff_may() {
  for (const auto& rule : access_rules) {
    if (may(rule.access, identity::Role::staff) && !may(rule.access, identity::Role::admin)) return false;
  }
  return true;
}
static_assert(admins_may_what_staff_may());
static_assert(!may(Access::staff, identity::Role::member) && !may(Access::admin, identity::Role::staff));
static_assert(!may(Access::member, std::nullopt) && !may(Access::staff, std::nullopt));

}  // namespace perkline::hub::api
