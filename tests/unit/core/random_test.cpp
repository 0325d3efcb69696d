#include "shared/core/random.hpp"

#include <algorithm>
#include <array>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "shared/core/backoff.hpp"

namespace perkline {
namespace {

using namespace std::chrono_literals;

/// Gives the words of a list, then its last one for ever.
class ListedRng final : public Rng {
 public:
  explicit ListedRng(std::vector<std::uint64_t> words) : words_(std::move(words)) {}
  std::uint64_t next() override {
    const std::uint64_t word = words_.front();
    if (words_.size() > 1) words_.erase(words_.begin());
    return word;
  }

 private:
  std::vector<std::uint64_t> words_;
};

TEST(Rng, SameSeedGivesTheSameNumbers) {
  SeededRng a(7);
  SeededRng b(7);
  SeededRng c(8);
  const auto first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
}

TEST(Rng, BelowReachesEveryValueUnderTheBoundAndNoOther) {
  SeededRng rng(1);
  std::array<int, 6> seen{};
  for (int i = 0; i < 6'000; ++i) ++seen.at(rng.below(6));
  for (const int count : seen) EXPECT_NEAR(count, 1'000, 200);
  EXPECT_EQ(rng.below(1), 0u);
}

TEST(Rng, BelowDrawsAgainWhereTheLastRoundWouldBiasIt) {
  // 2^64 - 1 = 3 · k: of the words only UINT64_MAX itself lies behind the last full round of 3.
  ListedRng rng({UINT64_MAX, 5});
  EXPECT_EQ(rng.below(3), 2u);
}

TEST(RngDeathTest, NothingIsBelowZero) {
  SeededRng rng(1);
  EXPECT_DEATH(rng.below(0), "assertion failed");
}

TEST(Rng, UnitIsAtLeastZeroAndLessThanOne) {
  EXPECT_EQ(ListedRng({0}).unit(), 0.0);
  EXPECT_LT(ListedRng({UINT64_MAX}).unit(), 1.0);
  EXPECT_EQ(ListedRng({std::uint64_t{1} << 63}).unit(), 0.5);
}

TEST(Rng, FillsEveryByteAndNotOneMore) {
  for (const std::size_t size : {0u, 1u, 7u, 8u, 9u, 32u}) {
    std::vector<std::uint8_t> bytes(size + 1, 0);
    ListedRng rng({UINT64_MAX});
    rng.fill(std::span(bytes).first(size));
    EXPECT_TRUE(std::ranges::all_of(std::span(bytes).first(size), [](auto byte) { return byte == 0xff; }));
    EXPECT_EQ(bytes.back(), 0);
  }
}

TEST(SystemRng, AChildHasOtherWordsThanItsParent) {
  SystemRng rng;
  rng.next();  // By now this thread has words that are not used yet.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const std::uint64_t word = rng.next();
    ::_exit(::write(ends[1], &word, sizeof word) == sizeof word ? 0 : 1);
  }
  std::uint64_t theirs = 0;
  EXPECT_EQ(::read(ends[0], &theirs, sizeof theirs), static_cast<ssize_t>(sizeof theirs));
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_NE(rng.next(), theirs);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(SystemRng, DoesNotRepeatItself) {
  SystemRng rng;
  EXPECT_NE(rng.next(), rng.next());
}

TEST(FullJitter, StaysUnderADoublingCeiling) {
  SeededRng rng(5);
  for (unsigned attempt = 0; attempt < 8; ++attempt) {
    const Millis ceiling = std::min(60'000ms, 1'000ms * (1 << attempt));
    Millis most{0};
    for (int i = 0; i < 2'000; ++i) {
      const Millis delay = full_jitter(rng, attempt, 1'000ms, 60'000ms);
      ASSERT_GE(delay, 0ms);
      ASSERT_LT(delay, ceiling);
      most = std::max(most, delay);
    }
    EXPECT_GT(most, ceiling * 9 / 10) << "uniform up to the ceiling";
  }
}

TEST(FullJitter, KeepsToTheCapAfterAnyNumberOfAttempts) {
  SeededRng rng(6);
  EXPECT_LT(full_jitter(rng, 4'000'000'000U, 1ms, 300'000ms), 300'000ms);
  EXPECT_LT(full_jitter(rng, 0, 10'000ms, 50ms), 50ms);
}

TEST(FullJitter, OfNoTimeIsNone) {
  SeededRng rng(6);
  EXPECT_EQ(full_jitter(rng, 3, 1'000ms, 0ms), 0ms);
  EXPECT_EQ(full_jitter(rng, 20, 0ms, 1'000ms), 0ms);
}

}  // namespace
}  // namespace perkline
