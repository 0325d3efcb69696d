#include "shared/ops/log.hpp"

#include <array>
#include <limits>
#include <sstream>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "shared/core/clock.hpp"
#include "shared/json/value.hpp"

namespace perkline::ops {
namespace {

/// Collects what is written to stderr between its making and lines().
class Log : public testing::Test {
 protected:
  void start(Level level, bool json) {
    start_log({.level = level, .json = json, .service = "perkline-edge"});
    testing::internal::CaptureStderr();
    capturing_ = true;
  }
  std::vector<std::string> lines() {
    capturing_ = false;
    std::istringstream text(testing::internal::GetCapturedStderr());
    std::vector<std::string> found;
    for (std::string line; std::getline(text, line);) found.push_back(line);
    return found;
  }
  void TearDown() override {
    if (capturing_) testing::internal::GetCapturedStderr();
    start_log({});
  }

 private:
  bool capturing_ = false;
};

std::vector<std::string_view> names_of(const json::Value& object) {
  std::vector<std::string_view> names;
  for (const json::Member& member : object.members()) names.push_back(member.name);
  return names;
}

TEST_F(Log, LineIsOneJsonObjectWithItsFieldsInOrder) {
  start(Level::info, true);
  const std::string id = "sess_1";
  log(Level::warn, "session", "finalized",
      {{"sessionId", id},
       {"earnedPoints", 450},
       {"multiplier", 2.5},
       {"replayed", true},
       {"traceId", "abc"}});
  const auto all = lines();
  ASSERT_EQ(all.size(), 1u);
  const auto document = json::parse(all[0]);
  ASSERT_TRUE(document) << all[0];
  const json::Value& line = document->root();
  EXPECT_EQ(names_of(line),
            (std::vector<std::string_view>{"timestamp", "level", "service", "context", "message", "sessionId",
                                           "earnedPoints", "multiplier", "replayed", "traceId"}));
  EXPECT_TRUE(parse_time(line.find("timestamp")->text()));
  EXPECT_EQ(line.find("timestamp")->text().size(), std::string_view("2026-03-01T12:30:00.250Z").size());
  EXPECT_EQ(line.find("level")->text(), "warn");
  EXPECT_EQ(line.find("service")->text(), "perkline-edge");
  EXPECT_EQ(line.find("context")->text(), "session");
  EXPECT_EQ(line.find("message")->text(), "finalized");
  EXPECT_EQ(line.find("sessionId")->text(), "sess_1");
  EXPECT_EQ(line.find("earnedPoints")->text(), "450");
  EXPECT_EQ(line.find("multiplier")->text(), "2.5");
  EXPECT_TRUE(line.find("replayed")->boolean());
}

TEST_F(Log, ValuesFromOutsideForgeNoLine) {
  const std::string hostile = "a\n{\"level\":\"error\"}\r\"\\\x01\xff=b c";
  start(Level::info, true);
  log(Level::info, "api", hostile, {{"value", hostile}});
  auto all = lines();
  ASSERT_EQ(all.size(), 1u);
  const auto document = json::parse(all[0]);
  ASSERT_TRUE(document) << all[0];
  EXPECT_EQ(document->root().find("level")->text(), "info");
  EXPECT_EQ(document->root().find("value")->text(), "a\n{\"level\":\"error\"}\r\"\\\x01\xef\xbf\xbd=b c");

  start(Level::info, false);
  log(Level::info, "api", hostile, {{"value", hostile}});
  all = lines();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_NE(all[0].find(R"(value="a\n{\"level\":\"error\"}\u000d\"\\\u0001)"), std::string::npos) << all[0];
}

TEST_F(Log, NumbersThatJsonDoesNotKnowAreNull) {
  start(Level::info, true);
  log(Level::info, "api", "odd",
      {{"a", std::numeric_limits<double>::quiet_NaN()},
       {"b", std::numeric_limits<double>::infinity()},
       {"c", std::numeric_limits<std::int64_t>::min()}});
  const auto document = json::parse(lines().at(0));
  ASSERT_TRUE(document);
  EXPECT_TRUE(document->root().find("a")->is(json::Value::Kind::null));
  EXPECT_TRUE(document->root().find("b")->is(json::Value::Kind::null));
  EXPECT_EQ(document->root().find("c")->text(), "-9223372036854775808");
}

TEST_F(Log, TextFormatIsForPeople) {
  start(Level::info, false);
  log(Level::error, "journal", "sync failed",
      {{"path", "/var/lib"}, {"note", "two words"}, {"empty", ""}, {"tries", 3}});
  const auto all = lines();
  ASSERT_EQ(all.size(), 1u);
  const std::size_t stamp = std::string_view("2026-03-01T12:30:00.250Z").size();
  EXPECT_TRUE(parse_time(all[0].substr(0, stamp)));
  EXPECT_EQ(all[0].substr(stamp),
            R"( error journal: sync failed path=/var/lib note="two words" empty="" tries=3)");
}

TEST_F(Log, LevelDecidesAndMayChangeWhileRunning) {
  start(Level::warn, true);
  log(Level::info, "c", "not told");
  log(Level::warn, "c", "one");
  EXPECT_FALSE(log_enabled(Level::info));
  set_log_level(Level::debug);
  EXPECT_TRUE(log_enabled(Level::debug));
  log(Level::debug, "c", "two");
  set_log_level(Level::error);
  log(Level::warn, "c", "not told");
  const auto all = lines();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_NE(all[0].find("\"one\""), std::string::npos);
  EXPECT_NE(all[1].find("\"debug\""), std::string::npos);
}

TEST_F(Log, LinesOfManyThreadsNeverMix) {
  constexpr int threads_count = 4;
  constexpr int lines_each = 250;
  start(Level::info, true);
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < threads_count; ++thread) {
    threads.emplace_back([thread] {
      const std::string filler(200, static_cast<char>('a' + thread));
      for (int i = 0; i < lines_each; ++i) log(Level::info, "thread", filler, {{"number", i}});
    });
  }
  threads.clear();
  const auto all = lines();
  EXPECT_EQ(all.size(), std::size_t{threads_count * lines_each});
  for (const auto& line : all) ASSERT_TRUE(json::parse(line)) << line;
}

TEST(LogLevel, IsNamedAsInConfigurations) {
  EXPECT_EQ(level_named("debug"), Level::debug);
  EXPECT_EQ(level_named("info"), Level::info);
  EXPECT_EQ(level_named("warn"), Level::warn);
  EXPECT_EQ(level_named("error"), Level::error);
  EXPECT_FALSE(level_named("INFO"));
  EXPECT_FALSE(level_named(""));
}

TEST(Hashed, HasAKeyBeforeItIsGivenOne) {
  const std::string hash = hashed("abc");
  EXPECT_EQ(hashed("abc"), hash);
  EXPECT_NE(hashed("abd"), hash);
  EXPECT_NE(hash, "ba7816bf8f01cfea") << "plain SHA-256, which can be tried";
  EXPECT_NE(hash, "fd7adb152c05ef80") << "with no key at all";
}

TEST(Hashed, IsTheStartOfAnHmac) {
  const auto use = [](std::string_view key) {
    set_hash_key({reinterpret_cast<const std::uint8_t*>(key.data()), key.size()});
  };
  use("Jefe");  // RFC 4231, test case 2
  EXPECT_EQ(hashed("what do ya want for nothing?"), "5bdcc146bf60754e");
  use(std::string(20, '\x0b'));  // test case 1
  EXPECT_EQ(hashed("Hi There"), "b0344c61d8db3853");
}

}  // namespace
}  // namespace perkline::ops
