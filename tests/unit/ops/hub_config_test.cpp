#include <gtest/gtest.h>

#include "hub/config.hpp"
#include "pdi_client/sandbox/config.hpp"
#include "tests/unit/ops/config_file.hpp"

namespace perkline::hub {
namespace {

const std::string key(64, 'a');

std::string faults(const std::string& yaml) {
  HubConfig config;
  return test::told(yaml, [&](config::Schema& s) { describe(s, config); });
}

Result<HubConfig> read(const std::string& yaml) {
  const test::TempDir dir;
  test::write_file(dir.file("hub.yaml"), yaml);
  return read_config(dir.file("hub.yaml"));
}

TEST(HubConfig, HasADefaultForEverything) {
  const auto config = read("");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->api.public_url, "http://127.0.0.1:8080");
  EXPECT_EQ(config->sync.listen, "tcp://127.0.0.1:7090");
  EXPECT_EQ(config->database.url, "sqlite:/var/lib/perkline-hub/hub.db");
  EXPECT_EQ(config->jwt.access_ttl_s, 600);
  EXPECT_EQ(config->programme.prize_points.cash, 3);
  EXPECT_EQ(config->programme.tiers.size(), 3u);
  EXPECT_EQ(config->wheel.cost, 1);
  EXPECT_EQ(config->billing.provider, "test");
}

TEST(HubConfig, PrintedDefaultsAreReadAgain) {
  const std::string yaml = print(HubConfig{});
  const auto again = read(yaml);
  ASSERT_TRUE(again) << config::fault_lines("f", again.error()) << yaml;
  EXPECT_EQ(print(*again), yaml);
}

TEST(HubConfig, FourFaultsGiveFourLines) {
  EXPECT_EQ(faults("api: {trusted_proxies: [10.0.0.0/8, everyone]}\n"
                   "database: {url: 'mysql://db'}\n"
                   "programme: {issue_rate: -1}\n"
                   "wheel: {price: 1}\n"),
            "f: api.trusted_proxies: number 2 must be an IP address or a block such as 10.0.0.0/8\n"
            "f: database.url: must be sqlite:PATH or postgresql://user:password@host:port/name\n"
            "f: programme.issue_rate: must be a plain decimal number with at most 8 decimals\n"
            "f: wheel.price: is no known key\n");
}

TEST(HubConfig, DatabaseMayBeEitherAndItsUrlAFile) {
  EXPECT_EQ(faults("database: {url: 'postgresql://user:pass@host:5432/perkline'}"), "");
  EXPECT_EQ(faults("database: {url: 'sqlite:hub.db'}"), "");
  for (const char* url : {"", "sqlite:", "postgresql://", "hub.db"}) {
    EXPECT_EQ(faults("database: {url: '" + std::string(url) + "'}"),
              "f: database.url: must be sqlite:PATH or postgresql://user:password@host:port/name\n");
  }
  const test::TempDir dir;
  test::write_file(dir.file("url"), "postgresql://perk:hunter2@db/perkline\n");
  const auto config = read("database: {url_file: " + dir.file("url") + "}");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->database.url, "postgresql://perk:hunter2@db/perkline");
}

TEST(HubConfig, PrintHidesPasswordsInsideUrls) {
  HubConfig config;
  config.database.url = "postgresql://perk:hunter2@db/perkline";
  config.smtp.url = "smtps://mailer:hunter2@mail.example.com";
  config.smtp.from = "shop@example.com";
  config.sync.secret_key = key;
  const std::string yaml = print(config);
  EXPECT_EQ(yaml.find("hunter2"), std::string::npos) << yaml;
  EXPECT_EQ(yaml.find(key), std::string::npos) << yaml;
  EXPECT_NE(yaml.find("postgresql://perk:***@db/perkline"), std::string::npos) << yaml;
}

TEST(HubConfig, SyncKeyIsHexOrAbsent) {
  EXPECT_EQ(faults("sync: {listen: 'tcp://*:0', secret_key: " + key + "}"), "");
  EXPECT_EQ(faults("sync: {listen: '7090', secret_key: hunter2}"),
            "f: sync.listen: must be tcp://host:port\n"
            "f: sync.secret_key: must be 64 lower-case hex digits\n");
}

TEST(HubConfig, PurchaseRuleRises) {
  const auto config =
      read("programme: {purchase_rule: [{from: '100000', points: 1}, {from: 200000.50, points: 2}]}");
  ASSERT_TRUE(config);
  ASSERT_EQ(config->programme.purchase_rule.size(), 2u);
  EXPECT_EQ(config->programme.purchase_rule[1].from, "200000.50");
  EXPECT_EQ(config->programme.purchase_rule[1].points, 2);
  EXPECT_EQ(faults("programme: {purchase_rule: [{from: 200, points: 1}, {from: '200.00', points: 2}, {from: "
                   "1.001, points: 1},"
                   " {from: 300, points: -1}, {points: 1}]}"),
            "f: programme.purchase_rule[1].from: must be more than the one before\n"
            "f: programme.purchase_rule[2].from: must have at most 2 decimals\n"
            "f: programme.purchase_rule[3].points: must be a whole number from 0 to 1000000000000\n"
            "f: programme.purchase_rule[4].from: is required\n");
  EXPECT_EQ(faults("programme: {currency: JPY, purchase_rule: [{from: 1.5, points: 1}]}"),
            "f: programme.purchase_rule[0].from: must not have decimals\n");
}

TEST(HubConfig, TiersAreTheChainsOwnAndRise) {
  const auto config = read("programme: {tiers: {Ruby: 300, Topaz: 100}}");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->programme.tiers, (decltype(config->programme.tiers){{"Topaz", 100}, {"Ruby", 300}}));
  EXPECT_EQ(faults("programme: {tiers: {Ruby: 300, Topaz: 300}}"),
            "f: programme.tiers: must not begin two tiers at the same points\n");
  EXPECT_EQ(faults("programme: {tiers: {Base: 300}}"),
            "f: programme.tiers: must be named by 1 to 32 printable ASCII characters, and none by Base\n");
  EXPECT_EQ(faults("programme: {tiers: {Ruby: 0}}"),
            "f: programme.tiers.Ruby: must be a whole number from 1 to 1000000000000\n");
}

TEST(HubConfig, OnePrizeTypesPointsMayChangeAlone) {
  const auto config = read("programme: {prize_points: {cash: 9}}");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->programme.prize_points.cash, 9);
  EXPECT_EQ(config->programme.prize_points.coupon, 1);
  EXPECT_EQ(faults("programme: {prize_points: {points: 9}}"),
            "f: programme.prize_points.points: is no known key\n");
}

TEST(HubConfig, MailNeedsASender) {
  EXPECT_EQ(faults("smtp: {url: 'smtp://mail.example.com:587', from: shop@example.com}"), "");
  EXPECT_EQ(faults("smtp: {url: 'smtp://mail.example.com:587'}"), "f: smtp.from: is required\n");
  EXPECT_EQ(faults("smtp: {url: 'http://mail.example.com', from: shop}"),
            "f: smtp.url: must be smtp://host:port or smtps://host:port, with user:password@ or without\n"
            "f: smtp.from: must be a mail address\n");
}

TEST(HubConfig, BrowsersOriginsAreExact) {
  EXPECT_EQ(faults("api: {cors_origins: ['https://shop.example.com', 'http://localhost:5173']}"), "");
  EXPECT_EQ(faults("api: {cors_origins: '*', public_url: shop}"),
            "f: api.public_url: must be an https:// or http:// URL\n"
            "f: api.cors_origins: number 1 must be an origin: https://host or http://host, with a port or "
            "without, nothing "
            "behind\n");
}

TEST(HubConfig, ChangedKeysAreNamedOfListsAndMapsToo) {
  const HubConfig before;
  HubConfig after;
  after.sync.secret_key = key;
  after.programme.tiers[1].second = 21'000;
  after.programme.purchase_rule = {{.from = "10.00", .points = 1}};
  after.api.cors_origins = {"https://a.example"};
  const std::vector<std::string> names{"api.cors_origins", "sync.secret_key", "programme.tiers.Gold",
                                       "programme.purchase_rule[0].from",
                                       "programme.purchase_rule[0].points"};
  EXPECT_EQ(changed_keys(before, after), names);
  EXPECT_EQ(changed_keys(after, before).size(), names.size()) << "what is gone has changed too";
}

}  // namespace
}  // namespace perkline::hub

namespace perkline::pdi::sandbox {
namespace {

std::string faults(const std::string& yaml) {
  SandboxConfig config;
  return test::told(yaml, [&](config::Schema& s) { describe(s, config); });
}

TEST(SandboxConfig, ServesWithoutAFile) {
  const SandboxConfig config;
  EXPECT_EQ(config.listen, "127.0.0.1:7443");
  EXPECT_EQ(config.members, 5'000);
  EXPECT_EQ(config.seed, 1);
  EXPECT_EQ(config.clients.size(), 1u);
}

TEST(SandboxConfig, PrintedDefaultsAreReadAgain) {
  const test::TempDir dir;
  test::write_file(dir.file("f"), print(SandboxConfig{}));
  const auto again = read_config(dir.file("f"));
  ASSERT_TRUE(again) << config::fault_lines("f", again.error());
  EXPECT_EQ(print(*again), print(SandboxConfig{}));
}

TEST(SandboxConfig, ClientsAreThoseOfTheFileAlone) {
  const test::TempDir dir;
  test::write_file(dir.file("f"), "clients: [{id: a, secret: s1}, {id: b, secret: s2}]\nlisten: 0\n");
  const auto config = read_config(dir.file("f"));
  ASSERT_TRUE(config);
  ASSERT_EQ(config->clients.size(), 2u);
  EXPECT_EQ(config->clients[0].secret, "s1");
  EXPECT_EQ(faults("clients: [{id: a}]"), "f: clients[0].secret: is required, here or as secret_file\n");
  EXPECT_EQ(faults("clients: [{id: a, secret: s}, {id: a, secret: t}]"),
            "f: clients[1].id: must differ from those before\n");
  EXPECT_EQ(faults("clients: []"), "f: clients: must hold at least one client\n");
}

}  // namespace
}  // namespace perkline::pdi::sandbox
