#include "shared/core/clock.hpp"

#include <gtest/gtest.h>

namespace perkline {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::year;

TEST(Time, IsWrittenInUtcWithMilliseconds) {
  EXPECT_EQ(format_time(sys_days{year{2026} / 3 / 1} + 12h + 30min + 250ms), "2026-03-01T12:30:00.250Z");
  EXPECT_EQ(format_time(WallTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(sys_days{year{2024} / 2 / 29} + 23h + 59min + 59s + 7ms), "2024-02-29T23:59:59.007Z");
}

TEST(Time, OutsideOfFourDigitYearsIsClamped) {
  EXPECT_EQ(format_time(WallTime{-1ms}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(sys_days{year{10000} / 1 / 1}), "9999-12-31T23:59:59.999Z");
}

TEST(Time, ReadsBackWhatItWrote) {
  const WallTime first = sys_days{year{1999} / 12 / 31} + 23h + 59min + 58s + 1ms;
  for (const Millis step : {0ms, 999ms, 1'001ms, 86'400'000ms, 31'622'399'999ms}) {
    EXPECT_EQ(parse_time(format_time(first + step)), first + step);
  }
}

TEST(Time, FractionIsOptionalAndCutToMilliseconds) {
  const WallTime half_past = sys_days{year{2026} / 3 / 1} + 12h + 30min;
  EXPECT_EQ(parse_time("2026-03-01T12:30:00Z"), half_past);
  EXPECT_EQ(parse_time("2026-03-01T12:30:00.5Z"), half_past + 500ms);
  EXPECT_EQ(parse_time("2026-03-01T12:30:00.123456789Z"), half_past + 123ms);
}

TEST(Day, IsWrittenAndReadAsACalendarDoes) {
  const sys_days leap = year{2028} / 2 / 29;
  EXPECT_EQ(format_day(leap), "2028-02-29");
  EXPECT_EQ(parse_day("2028-02-29"), leap);
  EXPECT_EQ(parse_day("9999-12-31"), sys_days{year{9999} / 12 / 31});
  EXPECT_EQ(utc_day(leap + 23h + 59min + 59s + 999ms), leap);
  EXPECT_EQ(utc_day(leap + 24h), sys_days{year{2028} / 3 / 1});
}

TEST(Day, ThatIsNoneIsRefused) {
  for (const char* text :
       {"", "2027-02-29", "2026-13-01", "2026-00-10", "2026-01-32", "1969-12-31", "2026-1-1", "26-01-01",
        "2026/01/01", "2026-01-01T00:00:00Z", " 2026-01-01", "2026-01-01 ", "+026-01-01"}) {
    EXPECT_EQ(parse_day(text), std::nullopt) << text;
  }
}

TEST(Time, AnythingElseIsRefused) {
  for (const char* text : {"",
                           "2026-03-01",
                           "2026-03-01T12:30:00",
                           "2026-03-01 12:30:00Z",
                           "2026-03-01t12:30:00z",
                           "2026-03-01T12:30:00+00:00",
                           "2026-03-01T12:30:00.Z",
                           "2026-03-01T12:30:00.1234567890Z",
                           "2026-03-01T12:30:00Zx",
                           " 2026-03-01T12:30:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-01-32T00:00:00Z",
                           "2026-01-01T24:00:00Z",
                           "2026-01-01T00:60:00Z",
                           "2026-01-01T00:00:60Z",
                           "1969-12-31T23:59:59Z",
                           "+026-01-01T00:00:00Z",
                           "2026-1-1T00:00:00Z"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(SystemClock, GivesWholeMillisecondsAndNeverGoesBack) {
  const SystemClock clock;
  const MonoTime before = clock.mono_now();
  EXPECT_GT(clock.wall_now(), WallTime{sys_days{year{2024} / 1 / 1}});
  EXPECT_LE(before, clock.mono_now());
}

}  // namespace
}  // namespace perkline
