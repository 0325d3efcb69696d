#include "pdi_client/retry_after.hpp"

#include <set>

#include <gtest/gtest.h>

namespace perkline::pdi {
namespace {

constexpr std::string_view date = "Sun, 01 Mar 2026 12:00:00 GMT";

TEST(RetryAfter, DigitsAreSeconds) {
  EXPECT_EQ(parse_retry_after("0", ""), Millis{0});
  EXPECT_EQ(parse_retry_after("7", ""), seconds{7});
  EXPECT_EQ(parse_retry_after("007", ""), seconds{7});
}

TEST(RetryAfter, IsCappedAtTenMinutes) {
  EXPECT_EQ(parse_retry_after("600", ""), seconds{600});
  EXPECT_EQ(parse_retry_after("601", ""), seconds{600});
  EXPECT_EQ(parse_retry_after("99999999999999999999999999", ""), seconds{600});
  EXPECT_EQ(parse_retry_after("Sun, 01 Mar 2036 12:00:00 GMT", date), seconds{600});
}

TEST(RetryAfter, DateCountsFromTheAnswersOwn) {
  EXPECT_EQ(parse_retry_after("Sun, 01 Mar 2026 12:01:30 GMT", date), seconds{90});
  EXPECT_EQ(parse_retry_after("Mon, 02 Mar 2026 00:00:05 GMT", "Sun, 01 Mar 2026 23:59:59 GMT"), seconds{6});
}

TEST(RetryAfter, PastDateIsNow) {
  EXPECT_EQ(parse_retry_after("Sun, 01 Mar 2026 11:59:59 GMT", date), Millis{0});
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", date), Millis{0});
}

TEST(RetryAfter, DateWithoutTheAnswersOwnIsIgnored) {
  EXPECT_EQ(parse_retry_after("Sun, 01 Mar 2026 12:01:30 GMT", ""), std::nullopt);
  EXPECT_EQ(parse_retry_after("Sun, 01 Mar 2026 12:01:30 GMT", "yesterday"), std::nullopt);
}

TEST(RetryAfter, GarbageIsIgnored) {
  for (const std::string_view garbage :
       {"", " ", "-5", "+5", "1.5", "5s", "1e3", "0x10", "soon", "7, 8", "Sun, 01 Mar 2026 12:01:30",
        "Sun, 01 Mar 2026 12:01:30 CET", "Sun, 31 Feb 2026 12:01:30 GMT", "Sun, 01 Mar 2026 25:01:30 GMT",
        "Sun, 01 Mar 2026 12:61:30 GMT", "Sun, 01 Foo 2026 12:01:30 GMT", "Sun, 0x Mar 2026 12:01:30 GMT",
        "2026-03-01T12:01:30Z", "\xff\xff"}) {
    EXPECT_EQ(parse_retry_after(garbage, date), std::nullopt) << garbage;
  }
}

TEST(RetryAfter, IsStretchedByUpToAFifthAndNotByTheSameForAll) {
  SeededRng rng(1);
  std::set<Millis> waited;
  for (int i = 0; i < 100; ++i) {
    const Millis wait = stretched(seconds{100}, rng);
    EXPECT_GE(wait, seconds{100});
    EXPECT_LE(wait, seconds{120});
    waited.insert(wait);
  }
  EXPECT_GT(waited.size(), 50u);
  EXPECT_EQ(stretched(Millis{0}, rng), Millis{0});
}

}  // namespace
}  // namespace perkline::pdi
