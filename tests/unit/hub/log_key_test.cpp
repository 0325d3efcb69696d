#include "hub/log_key.hpp"

#include "tests/support/temp_dir.hpp"
#include "tests/unit/hub/hub_database.hpp"

namespace perkline::hub {
namespace {

std::string key_in(test::HubDatabase& database) {
  SystemRng rng;
  std::string key;
  EXPECT_TRUE(database.write([&](db::Transaction& transaction) -> Result<void> {
    auto loaded = load_or_make_log_key(transaction, rng);
    if (!loaded) return failure(loaded);
    key = std::move(*loaded);
    return {};
  }));
  return key;
}

TEST(LogKey, IsEachHubsOwnAndStaysWithItsDatabase) {
  const test::TempDir folder;
  test::HubDatabase one(folder.file("one.db"));
  const std::string key = key_in(one);
  EXPECT_EQ(key.size(), 32u);
  EXPECT_EQ(key_in(one), key);
  one.reopen();
  EXPECT_EQ(key_in(one), key);
  test::HubDatabase other(folder.file("other.db"));
  EXPECT_NE(key_in(other), key);
}

TEST(LogKey, ThatIsNoneIsTold) {
  test::HubDatabase database;
  database.execute("INSERT INTO hub_meta (name, value) VALUES ('log_key', 'abc')");
  SystemRng rng;
  const auto loaded = database.write([&](db::Transaction& transaction) -> Result<void> {
    auto key = load_or_make_log_key(transaction, rng);
    if (!key) return failure(key);
    return {};
  });
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::corrupt);
}

}  // namespace
}  // namespace perkline::hub
