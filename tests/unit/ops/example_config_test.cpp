#include <fstream>
#include <iterator>
#include <set>

#include <gtest/gtest.h>

#include "edge/config.hpp"
#include "hub/config.hpp"
#include "pdi_client/sandbox/config.hpp"
#include "shared/config/document.hpp"
#include "tests/unit/ops/config_file.hpp"

namespace perkline {
namespace {

using test::Variable;

const std::string examples = PERKLINE_SOURCE_DIR "/deploy/systemd/";

void collect_keys(const config::Node& node, const std::string& path, std::set<std::string>& keys) {
  for (const auto& member : node.members) {
    const std::string key = config::join_path(path, member.key);
    keys.insert(key);
    collect_keys(member.value, key, keys);
  }
}

std::set<std::string> keys_of(const std::string& yaml) {
  std::vector<FieldFault> faults;
  std::set<std::string> keys;
  collect_keys(config::read_document(yaml, faults), "", keys);
  EXPECT_TRUE(faults.empty());
  return keys;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Every key of `printed` is in the example, a secret perhaps as its file.
void expect_every_key(const std::string& example, const std::string& printed) {
  const auto there = keys_of(content_of(examples + example));
  for (const std::string& key : keys_of(printed)) {
    EXPECT_TRUE(there.contains(key) || there.contains(key + "_file")) << example << " lacks " << key;
  }
}

TEST(ExampleConfiguration, OfTheEdgeFollowsTheEnvironment) {
  const test::TempDir dir;
  test::write_file(dir.file("key"), std::string(64, 'b') + '\n');
  const Variable store("STORE_ID", "store-7");
  const Variable url("PDI_API_URL", "https://pdi.example.com");
  const Variable client("PDI_CLIENT_ID", "client-7");
  const Variable secret("PDI_CLIENT_SECRET", "hunter2");
  const Variable port("PORT", "3000");
  const Variable level("LOG_LEVEL", "debug");
  const Variable ttl("SESSION_TTL_HOURS", "12");
  const Variable hub("HUB_ENDPOINT", "tcp://hub.example.com:7090");
  const Variable hub_key("HUB_PUBLIC_KEY", std::string(64, 'a'));
  const Variable own_key("HUB_SECRET_KEY_FILE", dir.file("key"));
  const auto config = edge::read_config(examples + "edge.example.yaml");
  ASSERT_TRUE(config) << config::fault_lines("edge.example.yaml", config.error());
  EXPECT_EQ(config->store_id, "store-7");
  EXPECT_EQ(config->api.listen, "3000");
  EXPECT_EQ(config->pdi.client_secret, "hunter2");
  EXPECT_EQ(config->session.ttl_hours, 12);
  EXPECT_EQ(config->log.level, "debug");
  EXPECT_EQ(config->hub.secret_key, std::string(64, 'b'));
}

TEST(ExampleConfiguration, OfTheHubIsTheDefaults) {
  const auto config = hub::read_config(examples + "hub.example.yaml");
  ASSERT_TRUE(config) << config::fault_lines("hub.example.yaml", config.error());
  EXPECT_EQ(hub::print(*config), hub::print(hub::HubConfig{}));
}

TEST(ExampleConfiguration, OfTheHubFollowsTheEnvironment) {
  const Variable port("PORT", "3000");
  const Variable database("DATABASE_URL", "postgresql://user:pass@postgres:5432/loyalty");
  const auto config = hub::read_config(examples + "hub.example.yaml");
  ASSERT_TRUE(config) << config::fault_lines("hub.example.yaml", config.error());
  EXPECT_EQ(config->api.listen, "3000");
  EXPECT_EQ(config->database.url, "postgresql://user:pass@postgres:5432/loyalty");
}

TEST(ExampleConfiguration, HasEveryKey) {
  expect_every_key("edge.example.yaml", edge::print(edge::EdgeConfig{}));
  expect_every_key("hub.example.yaml", hub::print(hub::HubConfig{}));
}

TEST(ExampleConfiguration, OfTheEdgeIsTheDefaultsAndTheSandboxForWhatHasNone) {
  const auto config = edge::read_config(examples + "edge.example.yaml");
  ASSERT_TRUE(config) << config::fault_lines("edge.example.yaml", config.error());
  const pdi::sandbox::SandboxConfig sandbox;
  edge::EdgeConfig expected;
  expected.store_id = "store-1";
  expected.pdi.url = "http://" + sandbox.listen;
  expected.pdi.token_url = expected.pdi.url + "/oauth/token";
  expected.pdi.client_id = sandbox.clients.front().id;
  expected.pdi.client_secret = sandbox.clients.front().secret;
  EXPECT_EQ(edge::print(*config), edge::print(expected));
  EXPECT_EQ(config->pdi.client_secret, expected.pdi.client_secret);
}

}  // namespace
}  // namespace perkline
