#include "bench/measure/histogram.hpp"

#include <gtest/gtest.h>

namespace perkline::bench {
namespace {

using std::chrono::nanoseconds;

TEST(BenchHistogram, KeepsThreeSignificantDigitsFromNanosecondsToMinutes) {
  for (const std::int64_t value :
       {1LL, 999LL, 1'000LL, 123'456LL, 7'654'321LL, 999'999'999LL, 600'000'000'000LL}) {
    Histogram one;
    one.add(nanoseconds(value));
    one.add(nanoseconds(value * 10));
    const auto told = one.quantile(0.5).count();
    EXPECT_GE(told, value);
    EXPECT_LE(static_cast<double>(told), static_cast<double>(value) * 1.001);
  }
}

TEST(BenchHistogram, QuantilesOfAThousandAreTheirRanks) {
  Histogram all;
  for (int i = 1; i <= 1000; ++i) all.add(nanoseconds(i));
  EXPECT_EQ(all.quantile(0.5).count(), 500);
  EXPECT_EQ(all.quantile(0.99).count(), 990);
  EXPECT_EQ(all.quantile(1).count(), 1000);
  EXPECT_EQ(all.longest().count(), 1000);
}

TEST(BenchHistogram, CorrectionAddsWhatWasNotAskedDuringOneSlowAnswer) {
  Histogram raw;
  for (int i = 0; i < 99; ++i) raw.add(nanoseconds(10));
  raw.add(nanoseconds(1000));
  const Histogram all = raw.corrected(nanoseconds(10));
  EXPECT_EQ(raw.quantile(0.99).count(), 10);  // as if nobody had waited
  EXPECT_EQ(all.count(), 100U + 99U);         // 990, 980 … 10
  EXPECT_EQ(all.quantile(0.75).count(), 500);
  EXPECT_EQ(all.longest().count(), 1000);
}

TEST(BenchHistogram, MergedCountsAsOne) {
  Histogram low;
  low.add(nanoseconds(5), 3);
  Histogram high;
  high.add(nanoseconds(2'000'000));
  low.merge(high);
  ASSERT_EQ(low.buckets().size(), 2U);
  EXPECT_EQ(low.buckets().front().count, 3U);
  EXPECT_EQ(low.quantile(1).count(), 2'000'000);
}

}  // namespace
}  // namespace perkline::bench
