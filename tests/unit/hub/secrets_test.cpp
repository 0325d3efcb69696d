#include "hub/secrets.hpp"

#include "tests/support/temp_dir.hpp"
#include "tests/unit/hub/hub_database.hpp"

namespace perkline::hub {
namespace {

constexpr WallTime now{hours{24 * 365 * 50}};

/// What tells one hub's from another's.
struct Told {
  std::string log_key;
  std::string refresh_key;
  std::size_t token_keys = 0;
  sync::PublicKey catalogue_key{};
  bool operator==(const Told&) const = default;
};

Told secrets_in(test::HubDatabase& database, bool token_keys_in_file = false) {
  SystemRng rng;
  Told told;
  EXPECT_TRUE(database.write([&](db::Transaction& transaction) -> Result<void> {
    auto loaded = load_or_make_secrets(transaction, token_keys_in_file, now, rng);
    if (!loaded) return failure(loaded);
    told = {.log_key = loaded->log_key,
            .refresh_key = loaded->refresh_key,
            .token_keys = loaded->token_keys.size(),
            .catalogue_key = loaded->catalogue_key.public_key()};
    return {};
  }));
  return told;
}

TEST(Secrets, AreEachHubsOwnAndStayWithItsDatabase) {
  const test::TempDir folder;
  test::HubDatabase one(folder.file("one.db"));
  const Told secrets = secrets_in(one);
  EXPECT_EQ(secrets.log_key.size(), 32u);
  EXPECT_EQ(secrets.refresh_key.size(), 32u);
  EXPECT_NE(secrets.log_key, secrets.refresh_key);
  EXPECT_EQ(secrets.token_keys, 1u);
  one.reopen();
  EXPECT_EQ(secrets_in(one), secrets);
  test::HubDatabase other(folder.file("other.db"));
  const Told others = secrets_in(other);
  EXPECT_NE(others.log_key, secrets.log_key);
  EXPECT_NE(others.refresh_key, secrets.refresh_key);
  EXPECT_NE(others.catalogue_key, secrets.catalogue_key);
}

TEST(Secrets, MakeNoTokenKeyWhereAFileHasThem) {
  test::HubDatabase database;
  EXPECT_EQ(secrets_in(database, true).token_keys, 0u);
  EXPECT_EQ(secrets_in(database, false).token_keys, 1u);
}

TEST(Secrets, ThatAreNoneAreTold) {
  test::HubDatabase database;
  database.execute("INSERT INTO hub_meta (name, value) VALUES ('log_key', 'abc')");
  SystemRng rng;
  const auto loaded = database.write([&](db::Transaction& transaction) -> Result<void> {
    auto secrets = load_or_make_secrets(transaction, false, now, rng);
    if (!secrets) return failure(secrets);
    return {};
  });
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::corrupt);
}

}  // namespace
}  // namespace perkline::hub
