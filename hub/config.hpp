#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "shared/config/schema.hpp"
#include "shared/config/sections.hpp"
#include "shared/core/result.hpp"

namespace perkline::hub {

/// hub.yaml with its defaults (contract.md §3). Members are named as the file's keys, which carry their
/// units.
struct HubConfig {
  struct Api {
    std::string listen = "127.0.0.1:8080";
    config::TlsFiles tls;
    std::string public_url = "http://127.0.0.1:8080";
    std::vector<std::string> cors_origins;
    std::vector<std::string>
        trusted_proxies;  ///< Addresses and blocks; X-Forwarded-For counts from these alone.
  } api;

  struct Ops {
    std::string listen = "127.0.0.1:8081";
  } ops;

  struct Sync {
    std::string listen = "tcp://127.0.0.1:7090";
    std::string secret_key;  ///< 64 lower-case hex digits. Empty: no store can be served.
  } sync;

  struct Database {
    std::string url =
        "sqlite:/var/lib/perkline-hub/hub.db";  ///< `sqlite:PATH` or `postgresql://…`; may hold a password.
  } database;

  struct Jwt {
    std::string issuer = "perkline";
    std::int64_t access_ttl_s = 600;
    std::int64_t refresh_ttl_h = 24;
    std::int64_t refresh_max_days = 30;
    std::string key_file;  ///< Empty: made and kept in the database.
  } jwt;

  struct Limits {
    std::int64_t login_per_minute = 10;  ///< 0: off, like the others.
    std::int64_t auth_per_address_minute = 300;
    std::int64_t member_per_second = 200;
    std::int64_t sockets_per_address = 200;  ///< Members' WebSockets; of IPv6 all of a /64 are one.
  } limits;

  /// Points for a sale of at least `from`.
  struct PurchaseStep {
    std::string from;  ///< An amount by parse_amount in the programme's currency.
    std::int64_t points = 0;
  };

  struct Programme {
    std::string currency = "USD";
    std::int64_t signup = 0;
    std::int64_t referral = 1;
    struct PrizePoints {
      std::int64_t cash = 3;
      std::int64_t coupon = 1;
      std::int64_t lottery_ticket = 0;
      std::int64_t none = 0;
    } prize_points;
    std::int64_t expiry_days = 365;
    std::string issue_rate =
        "0.01";  ///< Plain decimals with at most 8 places, of the currency's unit a point.
    std::string redeem_rate = "0.01";
    /// Names and the points they begin at, rising. Below the first: Base.
    std::vector<std::pair<std::string, std::int64_t>> tiers{
        {"Silver", 5'000}, {"Gold", 20'000}, {"Platinum", 50'000}};
    std::vector<PurchaseStep> purchase_rule;  ///< Rising in `from`; the highest one reached counts.
  } programme;

  struct Wheel {
    std::int64_t cost = 1;
  } wheel;

  struct Billing {
    std::string provider = "test";  ///< Who moves money outside: test, none.
  } billing;

  struct Smtp {
    std::string url;  ///< Empty: no mail. May hold a password.
    std::string from;
    std::string ca_file;  ///< Empty: whom the system trusts.
  } smtp;

  config::LogSettings log;
};

void describe(config::Schema& schema, HubConfig& config);

/// Errors: validation_failed with every fault of the file.
Result<HubConfig> read_config(const std::string& path);

/// The keys whose values differ.
std::vector<std::string> changed_keys(HubConfig before, HubConfig after);

/// As YAML, secrets and the passwords inside URLs as `***`.
std::string print(HubConfig config);

}  // namespace perkline::hub
