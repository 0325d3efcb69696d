#include "hub/config.hpp"

#include <algorithm>
#include <optional>

#include "hub/notifications/mail_text.hpp"
#include "shared/config/rules.hpp"
#include "shared/core/money.hpp"

namespace perkline::hub {
namespace {

using config::check;
using config::Schema;

/// A URL that may hold a password: read like a secret (`<key>_file` too), shown with the password alone
/// hidden.
void describe_secret_url(Schema& s, std::string_view key, std::string& url) {
  if (s.reading()) {
    s.secret(key, url);
  } else {
    std::string shown = config::masked_url(url);
    s.text(key, shown);
  }
}

/// Each of `values` by `wrong`; the first that is not right is told by its place.
void check_each(Schema& s, std::string_view key, const std::vector<std::string>& values,
                std::string_view (*wrong)(std::string_view)) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (const auto reason = wrong(values[i]); !reason.empty()) {
      return s.fault(key, "number " + std::to_string(i + 1) + ' ' + std::string(reason));
    }
  }
}

void describe_api(Schema& s, HubConfig::Api& api) {
  config::describe_listen(s, "listen", api.listen);
  config::describe_tls(s, api.tls);
  s.text("public_url", api.public_url, {.required = true, .choices = {}});
  check(s, "public_url", config::wrong_web_url(api.public_url));
  s.texts("cors_origins", api.cors_origins);
  check_each(s, "cors_origins", api.cors_origins, config::wrong_origin);
  s.texts("trusted_proxies", api.trusted_proxies);
  check_each(s, "trusted_proxies", api.trusted_proxies, config::wrong_network);
}

void describe_sync(Schema& s, HubConfig::Sync& sync) {
  s.text("listen", sync.listen, {.required = true, .choices = {}});
  check(s, "listen", config::wrong_tcp_listen(sync.listen));
  s.secret("secret_key", sync.secret_key);
  if (!sync.secret_key.empty()) check(s, "secret_key", config::wrong_curve_key(sync.secret_key));
}

bool is_database_url(std::string_view url) {
  const auto has = [url](std::string_view scheme) {
    return url.starts_with(scheme) && url.size() > scheme.size();
  };
  // The last is what platforms put into DATABASE_URL; libpq takes either.
  return has("sqlite:") || has("postgresql://") || has("postgres://");
}

void describe_database(Schema& s, HubConfig::Database& database) {
  describe_secret_url(s, "url", database.url);
  if (!is_database_url(database.url))
    s.fault("url", "must be sqlite:PATH or postgresql://user:password@host:port/name");
}

void describe_jwt(Schema& s, HubConfig::Jwt& jwt) {
  s.text("issuer", jwt.issuer, {.required = true, .choices = {}});
  s.integer("access_ttl_s", jwt.access_ttl_s, 1, 86'400);
  s.integer("refresh_ttl_h", jwt.refresh_ttl_h, 1, 8'760);
  s.integer("refresh_max_days", jwt.refresh_max_days, 1, 3'650);
  s.file("key_file", jwt.key_file);
}

void describe_limits(Schema& s, HubConfig::Limits& limits) {
  s.integer("login_per_minute", limits.login_per_minute, 0, 1'000'000);
  s.integer("auth_per_address_minute", limits.auth_per_address_minute, 0, 1'000'000);
  s.integer("member_per_second", limits.member_per_second, 0, 1'000'000);
  s.integer("sockets_per_address", limits.sockets_per_address, 0, 1'000'000);
}

bool is_tier_name(std::string_view name) {
  constexpr std::size_t bytes_max = 32;
  return !name.empty() && name.size() <= bytes_max && name != "Base" &&
         std::ranges::all_of(name, [](char c) { return c >= ' ' && c <= '~'; });
}

void describe_tiers(Schema& s, HubConfig::Programme& programme) {
  s.integers_by_name("tiers", programme.tiers, 1, points_max.count);
  if (!s.reading()) return;
  using Tier = std::pair<std::string, std::int64_t>;
  std::ranges::sort(programme.tiers, {}, &Tier::second);
  if (std::ranges::adjacent_find(programme.tiers, {}, &Tier::second) != programme.tiers.end()) {
    s.fault("tiers", "must not begin two tiers at the same points");
  }
  if (!std::ranges::all_of(programme.tiers, is_tier_name, &Tier::first)) {
    s.fault("tiers", "must be named by 1 to 32 printable ASCII characters, and none by Base");
  }
}

void describe_purchase_rule(Schema& s, HubConfig::Programme& programme) {
  auto& steps = programme.purchase_rule;
  const auto currency = find_currency(programme.currency);
  std::optional<Money> before;
  s.sections(
      "purchase_rule", [&] { return steps.size(); }, [&](std::size_t count) { steps.resize(count); },
      [&](Schema& step, std::size_t i) {
        step.text("from", steps[i].from, {.required = true, .choices = {}});
        step.integer("points", steps[i].points, 0, points_max.count);
        if (!currency || steps[i].from.empty()) return;
        auto from = parse_amount(steps[i].from, *currency);
        if (!from) return step.fault("from", from.error().detail);
        if (before && from->minor <= before->minor) step.fault("from", "must be more than the one before");
        before = *from;
      });
}

void describe_programme(Schema& s, HubConfig::Programme& programme) {
  s.text("currency", programme.currency);
  if (!find_currency(programme.currency))
    s.fault("currency", "must be the ISO 4217 code of a currency in use, such as USD");
  s.integer("signup", programme.signup, 0, points_max.count);
  s.integer("referral", programme.referral, 0, points_max.count);
  s.section("prize_points", [&](Schema& prize) {
    prize.integer("cash", programme.prize_points.cash, 0, points_max.count);
    prize.integer("coupon", programme.prize_points.coupon, 0, points_max.count);
    prize.integer("lottery_ticket", programme.prize_points.lottery_ticket, 0, points_max.count);
    prize.integer("none", programme.prize_points.none, 0, points_max.count);
  });
  s.integer("expiry_days", programme.expiry_days, 1, 36'500);
  s.text("issue_rate", programme.issue_rate);
  check(s, "issue_rate", config::wrong_rate(programme.issue_rate));
  s.text("redeem_rate", programme.redeem_rate);
  check(s, "redeem_rate", config::wrong_rate(programme.redeem_rate));
  describe_tiers(s, programme);
  describe_purchase_rule(s, programme);
}

void describe_smtp(Schema& s, HubConfig::Smtp& smtp) {
  describe_secret_url(s, "url", smtp.url);
  if (!smtp.url.empty()) check(s, "url", config::wrong_mail_url(smtp.url));
  s.text("from", smtp.from, {.required = !smtp.url.empty(), .choices = {}});
  if (!smtp.from.empty() && !notifications::sender_address(smtp.from))
    s.fault("from", "must be a mail address");
  s.file("ca_file", smtp.ca_file);
}

}  // namespace

void describe(Schema& s, HubConfig& c) {
  s.section("api", [&](Schema& api) { describe_api(api, c.api); });
  s.section("ops", [&](Schema& ops) { config::describe_listen(ops, "listen", c.ops.listen); });
  s.section("sync", [&](Schema& sync) { describe_sync(sync, c.sync); });
  s.section("database", [&](Schema& database) { describe_database(database, c.database); });
  s.section("jwt", [&](Schema& jwt) { describe_jwt(jwt, c.jwt); });
  s.section("limits", [&](Schema& limits) { describe_limits(limits, c.limits); });
  s.section("programme", [&](Schema& programme) { describe_programme(programme, c.programme); });
  s.section("wheel", [&](Schema& wheel) { wheel.integer("cost", c.wheel.cost, 0, points_max.count); });
  s.section("billing", [&](Schema& billing) {
    billing.text("provider", c.billing.provider, {.required = true, .choices = {"test", "none"}});
  });
  s.section("smtp", [&](Schema& smtp) { describe_smtp(smtp, c.smtp); });
  config::describe_log(s, c.log);
}

Result<HubConfig> read_config(const std::string& path) {
  HubConfig config;
  auto read = config::read_file(path, [&](Schema& schema) { describe(schema, config); });
  if (!read) return failure(read);
  return config;
}

std::vector<std::string> changed_keys(HubConfig before, HubConfig after) {
  return config::changed_keys([&](Schema& schema) { describe(schema, before); },
                              [&](Schema& schema) { describe(schema, after); });
}

std::string print(HubConfig config) {
  return config::print([&](Schema& schema) { describe(schema, config); });
}

}  // namespace perkline::hub
