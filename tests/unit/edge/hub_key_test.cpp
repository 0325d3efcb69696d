#include "edge/hub_key.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.hpp"

namespace perkline::edge {
namespace {

class HubKeyTest : public ::testing::Test {
 protected:
  HubKey open(const std::string& configured) {
    auto key = HubKey::open(dir_.path().string(), configured);
    EXPECT_TRUE(key) << key.error().detail;
    return std::move(*key);
  }

  test::TempDir dir_;
  const net::CurveKeys configured_ = net::make_curve_keys();
};

TEST_F(HubKeyTest, IsTheConfigurationsUntilItIsRotated) {
  EXPECT_EQ(open(configured_.secret_key).current().public_key, configured_.public_key);
  EXPECT_FALSE(HubKey::open(dir_.path().string(), "none"));
}

TEST_F(HubKeyTest, IsRotatedAndStaysSo) {
  HubKey key = open(configured_.secret_key);
  const std::string next = key.offer().value();
  EXPECT_NE(next, configured_.public_key);
  EXPECT_EQ(key.offer().value(), next) << "the same until it is taken over";
  EXPECT_EQ(key.current().public_key, configured_.public_key);
  EXPECT_FALSE(key.take_over(std::string(64, 'a')).value());
  EXPECT_TRUE(key.take_over(next).value());
  EXPECT_EQ(key.current().public_key, next);
  EXPECT_EQ(net::public_key_of(key.current().secret_key).value(), next);
  EXPECT_EQ(open(configured_.secret_key).current().public_key, next);
  const auto mode = std::filesystem::status(dir_.file("hub_key")).permissions();
  EXPECT_EQ(mode & std::filesystem::perms::mask,
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(HubKeyTest, ARotationThatWasCutShortGoesOnWithTheSameKey) {
  const std::string next = open(configured_.secret_key).offer().value();
  HubKey key = open(configured_.secret_key);
  EXPECT_EQ(key.offer().value(), next);
  // Between the two files.
  std::filesystem::copy_file(dir_.file("hub_key.next"), dir_.file("hub_key"));
  HubKey after = open(configured_.secret_key);
  EXPECT_EQ(after.current().public_key, next);
  EXPECT_NE(after.offer().value(), next) << "which is in use by now";
}

TEST_F(HubKeyTest, OneThatSomebodyPutsIntoTheConfigurationCountsAgain) {
  HubKey key = open(configured_.secret_key);
  ASSERT_TRUE(key.take_over(key.offer().value()).value());
  const net::CurveKeys fresh = net::make_curve_keys();
  EXPECT_EQ(open(fresh.secret_key).current().public_key, fresh.public_key);
}

TEST_F(HubKeyTest, MayBeRotatedAgainAndAgain) {
  std::string last = configured_.public_key;
  for (int i = 0; i < 3; ++i) {
    HubKey key = open(configured_.secret_key);
    EXPECT_EQ(key.current().public_key, last);
    last = key.offer().value();
    ASSERT_TRUE(key.take_over(last).value());
  }
}

TEST_F(HubKeyTest, AFileThatHoldsNoneIsPassedOver) {
  std::ofstream(dir_.file("hub_key")) << "garbage\n";
  EXPECT_EQ(open(configured_.secret_key).current().public_key, configured_.public_key);
}

}  // namespace
}  // namespace perkline::edge
