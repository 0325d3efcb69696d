#include "edge/config.hpp"

#include <algorithm>
#include <date/tz.h>
#include <exception>
#include <sstream>

#include "shared/config/rules.hpp"
#include "shared/core/limits.hpp"
#include "shared/core/money.hpp"
#include "shared/core/store_id.hpp"

namespace perkline::edge {
namespace {

using config::check;
using config::Schema;

constexpr std::int64_t keep_days_max = 3'650;
constexpr std::int64_t timeout_ms_max = 120'000;

bool is_timezone(const std::string& name) {
  if (name == "UTC") return true;  // also where the machine has no tz database
  try {
    return date::locate_zone(name) != nullptr;
  } catch (const std::exception&) {
    return false;
  }
}

/// sockaddr_un holds 108 bytes, the last of them 0.
bool is_socket_path(std::string_view path) {
  return path.size() < 108;
}

void describe_api(Schema& s, EdgeConfig::Api& api) {
  config::describe_listen(s, "listen", api.listen);
  s.text("unix_socket", api.unix_socket);
  if (!is_socket_path(api.unix_socket)) s.fault("unix_socket", "must be at most 107 bytes long");
  s.text("unix_socket_mode", api.unix_socket_mode, {.required = true, .choices = {"0600", "0660", "0666"}});
  s.text("terminals_file", api.terminals_file);
  s.integer("max_connections", api.max_connections, 1,
            static_cast<std::int64_t>(limits::till_connections_max));
  s.integer("rate_per_terminal_s", api.rate_per_terminal_s, 0, 1'000'000);
  config::describe_tls(s, api.tls);
  if (api.terminals_file.empty() && !config::is_loopback_listen(api.listen)) {
    s.fault("listen", "needs api.terminals_file unless on loopback");
  }
}

void describe_pdi(Schema& s, EdgeConfig::Pdi& pdi) {
  s.text("url", pdi.url, {.required = true, .choices = {}});
  if (!pdi.url.empty()) check(s, "url", config::wrong_secure_url(pdi.url));
  s.text("token_url", pdi.token_url);
  if (!pdi.token_url.empty()) check(s, "token_url", config::wrong_secure_url(pdi.token_url));
  s.text("client_id", pdi.client_id, {.required = true, .choices = {}});
  s.secret("client_secret", pdi.client_secret, {.required = true, .choices = {}});
  s.file("ca_file", pdi.ca_file);
  s.integer("max_in_flight", pdi.max_in_flight, 1, 4'096);
  s.integer("quiet_ms", pdi.quiet_ms, 0, 600'000);
  s.section("timeouts_ms", [&](Schema& timeouts) {
    timeouts.integer("identify", pdi.timeouts_ms.identify, 1, timeout_ms_max);
    timeouts.integer("calculate", pdi.timeouts_ms.calculate, 1, timeout_ms_max);
    timeouts.integer("finalize", pdi.timeouts_ms.finalize, 1, timeout_ms_max);
    timeouts.integer("status", pdi.timeouts_ms.status, 1, timeout_ms_max);
  });
  if (!s.reading()) return;
  while (pdi.url.ends_with('/')) pdi.url.pop_back();
  if (pdi.token_url.empty()) pdi.token_url = pdi.url + "/oauth/token";
}

void describe_breaker(Schema& s, EdgeConfig::Breaker& breaker) {
  s.integer("window_s", breaker.window_s, 1, 600);
  s.integer("min_calls", breaker.min_calls, 1, 1'000'000);
  s.number("failure_rate", breaker.failure_rate, 0, 1);
  s.number("slow_rate", breaker.slow_rate, 0, 1);
  s.integer("consecutive_failures", breaker.consecutive_failures, 1, 1'000'000);
  s.integer("open_base_ms", breaker.open_base_ms, 1, 600'000);
  s.integer("open_max_ms", breaker.open_max_ms, 1, 3'600'000);
  if (breaker.open_max_ms < breaker.open_base_ms)
    s.fault("open_max_ms", "must not be less than open_base_ms");
  s.integer("half_open_permits", breaker.half_open_permits, 1, 1'000);
}

void describe_standin(Schema& s, EdgeConfig::Standin& c) {
  s.flag("enabled", c.enabled);
  s.integer("deadline_ms", c.deadline_ms, 1, timeout_ms_max);
  s.document("rules_file", c.rules_file, [&](Schema& rules) { rules::describe(rules, c.rules); });
  s.integer("max_redeem_points_per_member_day", c.max_redeem_points_per_member_day, 0, points_max.count);
  s.integer("max_redeem_points_store_day", c.max_redeem_points_store_day, 0, points_max.count);
}

void describe_hub(Schema& s, EdgeConfig::Hub& hub) {
  s.texts("endpoint", hub.endpoint);
  for (std::size_t i = 0; i < hub.endpoint.size(); ++i) {
    if (const auto reason = config::wrong_tcp_endpoint(hub.endpoint[i]); !reason.empty()) {
      s.fault("endpoint", "number " + std::to_string(i + 1) + ' ' + std::string(reason));
      break;
    }
  }
  const bool required = !hub.endpoint.empty();
  s.text("hub_public_key", hub.hub_public_key, {.required = required, .choices = {}});
  if (!hub.hub_public_key.empty()) check(s, "hub_public_key", config::wrong_curve_key(hub.hub_public_key));
  s.secret("secret_key", hub.secret_key, {.required = required, .choices = {}});
  if (!hub.secret_key.empty()) check(s, "secret_key", config::wrong_curve_key(hub.secret_key));
}

}  // namespace

void describe(Schema& s, EdgeConfig& c) {
  s.text("store_id", c.store_id, {.required = true, .choices = {}});
  if (!is_store_id(c.store_id))
    s.fault("store_id", "must be 1 to 64 letters, digits, dots, dashes or underscores");
  s.text("data_dir", c.data_dir, {.required = true, .choices = {}});
  s.text("currency", c.currency);
  if (!find_currency(c.currency))
    s.fault("currency", "must be the ISO 4217 code of a currency in use, such as USD");
  s.text("timezone", c.timezone);
  if (s.reading() && !is_timezone(c.timezone))
    s.fault("timezone", "must be a time zone this machine knows, such as Europe/Berlin");
  s.section("api", [&](Schema& api) { describe_api(api, c.api); });
  s.section("ops", [&](Schema& ops) { config::describe_listen(ops, "listen", c.ops.listen); });
  s.section("pdi", [&](Schema& pdi) { describe_pdi(pdi, c.pdi); });
  s.section("breaker", [&](Schema& breaker) { describe_breaker(breaker, c.breaker); });
  s.section("standin", [&](Schema& section) { describe_standin(section, c.standin); });
  s.section("session", [&](Schema& session) {
    session.integer("ttl_hours", c.session.ttl_hours, 1, 720);
    session.integer("keep_days", c.session.keep_days, 30, keep_days_max);
  });
  s.section("outbox",
            [&](Schema& outbox) { outbox.integer("keep_days", c.outbox.keep_days, 0, keep_days_max); });
  s.section("storage",
            [&](Schema& storage) { storage.integer("reserve_mib", c.storage.reserve_mib, 0, 1'048'576); });
  s.section("hub", [&](Schema& hub) { describe_hub(hub, c.hub); });
  config::describe_log(s, c.log);
}

Result<EdgeConfig> read_config(const std::string& path) {
  EdgeConfig config;
  auto read = config::read_file(path, [&](Schema& schema) { describe(schema, config); });
  if (!read) return failure(read);
  return config;
}

std::vector<std::string> changed_keys(EdgeConfig before, EdgeConfig after) {
  return config::changed_keys([&](Schema& schema) { describe(schema, before); },
                              [&](Schema& schema) { describe(schema, after); });
}

namespace {

std::string as_comments(const std::string& yaml) {
  std::string out;
  std::istringstream lines(yaml);
  for (std::string line; std::getline(lines, line);) out += "#   " + line + '\n';
  return out;
}

}  // namespace

std::string print(EdgeConfig config) {
  return config::print([&](Schema& schema) { describe(schema, config); }) +
         "# The stand-in's rules (standin.rules_file):\n" +
         as_comments(config::print([&](Schema& rules) { rules::describe(rules, config.standin.rules); }));
}

}  // namespace perkline::edge
