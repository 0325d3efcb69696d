#include <gtest/gtest.h>

#include "edge/config.hpp"
#include "edge/reload.hpp"
#include "tests/unit/ops/config_file.hpp"

namespace perkline::edge {
namespace {

const std::string key_a(64, 'a');
const std::string key_b(64, 'b');

/// All that has no default.
const std::string least =
    "store_id: store-1\n"
    "pdi: {url: 'https://pdi.example.com', client_id: id, client_secret: hunter2}\n";

std::string faults(const std::string& yaml) {
  EdgeConfig config;
  return test::told(yaml, [&](config::Schema& s) { describe(s, config); });
}

Result<EdgeConfig> read(const std::string& yaml) {
  const test::TempDir dir;
  test::write_file(dir.file("edge.yaml"), yaml);
  return read_config(dir.file("edge.yaml"));
}

TEST(EdgeConfig, NeedsOnlyItsStoreAndPdi) {
  const auto config = read(least);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->store_id, "store-1");
  EXPECT_EQ(config->data_dir, "/var/lib/perkline-edge");
  EXPECT_EQ(config->api.listen, "127.0.0.1:7070");
  EXPECT_EQ(config->pdi.token_url, "https://pdi.example.com/oauth/token");
  EXPECT_EQ(config->pdi.client_secret, "hunter2");
  EXPECT_EQ(config->pdi.timeouts_ms.finalize, 10'000);
  EXPECT_EQ(config->breaker.open_max_ms, 60'000);
  EXPECT_TRUE(config->standin.enabled);
  EXPECT_EQ(config->session.ttl_hours, 24);
  EXPECT_TRUE(config->hub.endpoint.empty());
  EXPECT_EQ(faults(""),
            "f: store_id: is required\n"
            "f: pdi.url: is required\n"
            "f: pdi.client_id: is required\n"
            "f: pdi.client_secret: is required, here or as client_secret_file\n");
}

TEST(EdgeConfig, FourFaultsGiveFourLines) {
  EXPECT_EQ(faults("store_id: 'store 1'\n"
                   "currency: usd\n"
                   "api: {listen: nowhere}\n"
                   "breaker: {failure_rate: 1.5}\n"
                   "pdi: {url: 'https://pdi.example.com', client_id: id, client_secret: s}\n"),
            "f: store_id: must be 1 to 64 letters, digits, dots, dashes or underscores\n"
            "f: currency: must be the ISO 4217 code of a currency in use, such as USD\n"
            "f: api.listen: must be host:port, [IPv6]:port, or a port alone\n"
            "f: breaker.failure_rate: must be a number from 0 to 1\n");
}

TEST(EdgeConfig, PrintedDefaultsAreReadAgain) {
  EdgeConfig config;
  config.store_id = "store-1";
  config.pdi.url = "https://pdi.example.com";
  config.pdi.client_id = "id";
  config.pdi.client_secret = "hunter2";
  const std::string yaml = print(config);
  EXPECT_EQ(yaml.find("hunter2"), std::string::npos);
  const auto again = read(yaml);
  ASSERT_TRUE(again) << config::fault_lines("f", again.error()) << yaml;
  EXPECT_EQ(again->pdi.client_secret, "***");
  config.pdi.token_url = again->pdi.token_url;
  EXPECT_EQ(print(*again), print(config));
}

TEST(EdgeConfig, PrintedSecretsAreHidden) {
  EdgeConfig config;
  config.hub.secret_key = key_a;
  config.pdi.client_secret = "hunter2";
  const std::string yaml = print(config);
  EXPECT_EQ(yaml.find(key_a), std::string::npos);
  EXPECT_NE(yaml.find("secret_key: \"***\""), std::string::npos);
  EXPECT_NE(yaml.find("client_secret: \"***\""), std::string::npos);
}

TEST(EdgeConfig, StoreIdIsAShortPlainName) {
  const std::string pdi = least.substr(least.find("pdi:"));
  for (const std::string& id : {std::string("s"), std::string("Store_1.a-B"), std::string(64, 's')}) {
    EXPECT_EQ(faults("store_id: " + id + '\n' + pdi), "");
  }
  for (const std::string& id :
       {std::string(65, 's'), std::string("a/b"), std::string("é"), std::string("a b")}) {
    EXPECT_EQ(faults("store_id: '" + id + "'\n" + pdi),
              "f: store_id: must be 1 to 64 letters, digits, dots, dashes or underscores\n");
  }
}

TEST(EdgeConfig, TimezoneIsOneOfTheTzDatabase) {
  for (const char* zone : {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"}) {
    EXPECT_EQ(faults(least + "timezone: " + zone), "") << zone;
  }
  for (const char* zone : {"''", "Mars/Olympus", "+02:00", "../../etc/passwd", "europe/berlin"}) {
    EXPECT_EQ(faults(least + "timezone: " + zone),
              "f: timezone: must be a time zone this machine knows, such as Europe/Berlin\n")
        << zone;
  }
}

TEST(EdgeConfig, WithoutTerminalKeysOnlyLoopbackIsServed) {
  EXPECT_EQ(faults(least + "api: {listen: 7070}"), "");
  EXPECT_EQ(faults(least + "api: {listen: '[::1]:7070'}"), "");
  EXPECT_EQ(faults(least + "api: {listen: '0.0.0.0:7070'}"),
            "f: api.listen: needs api.terminals_file unless on loopback\n");
  EXPECT_EQ(faults(least + "api: {listen: '0.0.0.0:7070', terminals_file: /not/made/yet}"), "");
}

TEST(EdgeConfig, TlsNeedsBothFiles) {
  const test::TempDir dir;
  test::write_file(dir.file("cert"), "c");
  test::write_file(dir.file("key"), "k");
  const auto tls = [&](const std::string& files) { return faults(least + "api: {tls: {" + files + "}}"); };
  EXPECT_EQ(tls("cert_file: " + dir.file("cert") + ", key_file: " + dir.file("key")), "");
  EXPECT_EQ(tls("cert_file: " + dir.file("cert")), "f: api.tls.key_file: is required with cert_file\n");
  EXPECT_EQ(tls("key_file: " + dir.file("key")), "f: api.tls.cert_file: is required with key_file\n");
  EXPECT_EQ(tls("cert_file: /no/such, key_file: " + dir.file("key")),
            "f: api.tls.cert_file: names a file that does not exist\n");
}

TEST(EdgeConfig, PdiIsReachedSecurelyUnlessOnLoopback) {
  const auto url = [](const std::string& text) {
    return faults("store_id: s\npdi: {url: '" + text + "', client_id: id, client_secret: s}");
  };
  EXPECT_EQ(url("http://127.0.0.1:7443"), "");
  EXPECT_EQ(url("http://pdi.example.com"), "f: pdi.url: must be https:// unless on loopback\n");
  EXPECT_EQ(url("pdi.example.com"), "f: pdi.url: must be an https:// or http:// URL\n");
  const auto config = read(
      "store_id: s\npdi: {url: 'https://a/base/', token_url: 'https://b/t', client_id: id, client_secret: "
      "s}");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->pdi.url, "https://a/base");
  EXPECT_EQ(config->pdi.token_url, "https://b/t");
}

TEST(EdgeConfig, AHubNeedsBothKeys) {
  EXPECT_EQ(faults(least + "hub: {endpoint: ''}"), "");
  EXPECT_EQ(faults(least + "hub: {endpoint: [], hub_public_key: '', secret_key_file: ''}"), "");
  EXPECT_EQ(faults(least + "hub: {endpoint: 'tcp://hub:7090'}"),
            "f: hub.hub_public_key: is required\n"
            "f: hub.secret_key: is required, here or as secret_key_file\n");
  EXPECT_EQ(faults(least + "hub: {endpoint: ['tcp://a:1', 'b:2'], hub_public_key: XYZ, secret_key: hunter2}"),
            "f: hub.endpoint: number 2 must be tcp://host:port\n"
            "f: hub.hub_public_key: must be 64 lower-case hex digits\n"
            "f: hub.secret_key: must be 64 lower-case hex digits\n");
  const test::TempDir dir;
  test::write_file(dir.file("key"), key_b + "\n");
  const auto config = read(least + "hub: {endpoint: ['tcp://a:1', 'tcp://b:2'], hub_public_key: " + key_a +
                           ", secret_key_file: " + dir.file("key") + "}");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->hub.endpoint.size(), 2u);
  EXPECT_EQ(config->hub.secret_key, key_b);
}

TEST(EdgeConfig, BreakerOpensNoLongerThanItsMost) {
  EXPECT_EQ(faults(least + "breaker: {open_base_ms: 6000, open_max_ms: 5999}"),
            "f: breaker.open_max_ms: must not be less than open_base_ms\n");
}

TEST(EdgeConfig, TransactionsStayUniqueForAtLeastAMonth) {
  EXPECT_EQ(faults(least + "session: {keep_days: 29}"),
            "f: session.keep_days: must be a whole number from 30 to 3650\n");
}

TEST(EdgeConfig, UnixSocketIsTheDaemonsItsGroupsOrEverybodys) {
  for (const char* mode : {"'0600'", "'0660'", "0666"})
    EXPECT_EQ(faults(least + "api: {unix_socket_mode: " + mode + '}'), "") << mode;
  for (const char* mode : {"''", "0777", "660", "rw"}) {
    EXPECT_EQ(faults(least + "api: {unix_socket_mode: " + mode + '}'),
              "f: api.unix_socket_mode: must be one of 0600, 0660, 0666\n")
        << mode;
  }
}

TEST(EdgeConfig, EveryNumberHasItsRange) {
  EXPECT_EQ(faults(least + "api: {max_connections: 0, rate_per_terminal_s: -1, unix_socket: " +
                   std::string(108, 's') +
                   "}\n"
                   "standin: {deadline_ms: 0, max_redeem_points_per_member_day: 1000000000001}\n"
                   "storage: {reserve_mib: -1}\nlog: {level: INFO, format: xml}\n"),
            "f: api.unix_socket: must be at most 107 bytes long\n"
            "f: api.max_connections: must be a whole number from 1 to 8192\n"
            "f: api.rate_per_terminal_s: must be a whole number from 0 to 1000000\n"
            "f: standin.deadline_ms: must be a whole number from 1 to 120000\n"
            "f: standin.max_redeem_points_per_member_day: must be a whole number from 0 to 1000000000000\n"
            "f: storage.reserve_mib: must be a whole number from 0 to 1048576\n"
            "f: log.level: must be one of debug, info, warn, error\n"
            "f: log.format: must be one of json, text\n");
}

// ---- read again

TEST(EdgeReload, NamesWhatTakesEffectAtOnceAndWhatWaits) {
  const auto running = read(least);
  const auto fresh = read(
      "store_id: store-1\n"
      "pdi: {url: 'https://pdi.example.com', client_id: id, client_secret: another}\n"
      "api: {rate_per_terminal_s: 7, max_connections: 8}\n"
      "standin: {deadline_ms: 900, max_redeem_points_store_day: 5}\n"
      "hub: {endpoint: [], hub_public_key: '', secret_key: ''}\n"
      "log: {level: debug, format: text}\n");
  ASSERT_TRUE(running && fresh);
  const ConfigChange change = change_of(*running, *fresh);
  EXPECT_EQ(change.at_once,
            (std::vector<std::string>{"api.rate_per_terminal_s", "standin.deadline_ms",
                                      "standin.max_redeem_points_store_day", "log.level", "log.format"}));
  EXPECT_EQ(change.at_start, (std::vector<std::string>{"api.max_connections", "pdi.client_secret"}));

  const EdgeConfig next = taken_over(*running, *fresh);
  EXPECT_EQ(next.api.rate_per_terminal_s, 7);
  EXPECT_EQ(next.api.max_connections, running->api.max_connections);
  EXPECT_EQ(change_of(next, *fresh).at_once, std::vector<std::string>{});
  EXPECT_EQ(change_of(next, *fresh).at_start, change.at_start) << "it is told again until the next start";
}

TEST(EdgeReload, OfTheSameChangesNothing) {
  const auto config = read(least);
  ASSERT_TRUE(config);
  EXPECT_TRUE(changed_keys(*config, *config).empty());
}

}  // namespace
}  // namespace perkline::edge
