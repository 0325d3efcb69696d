#include "shared/core/ids.hpp"

#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.hpp"

namespace perkline {
namespace {

using namespace std::chrono_literals;

/// Every number the same: the most and the least that randomness can give.
class ConstantRng final : public Rng {
 public:
  explicit ConstantRng(std::uint64_t word) : word_(word) {}
  std::uint64_t next() override { return word_; }

 private:
  std::uint64_t word_;
};

std::uint64_t millis_of(const Uuid& uuid) {
  std::uint64_t millis = 0;
  for (std::size_t i = 0; i < 6; ++i) millis = millis << 8 | uuid.bytes[i];
  return millis;
}

TEST(Uuid, ReadsItsCanonicalFormAndNoOther) {
  const std::string text = "0190163d-8694-739b-aea5-966c26f8ad91";
  const auto uuid = parse_uuid(text);
  ASSERT_TRUE(uuid);
  EXPECT_EQ(uuid->str(), text);
  EXPECT_EQ(uuid->bytes[0], 0x01);
  EXPECT_EQ(uuid->bytes[15], 0x91);
  for (const char* other : {"", "0190163d8694739baea5966c26f8ad91", "0190163D-8694-739B-AEA5-966C26F8AD91",
                            "{0190163d-8694-739b-aea5-966c26f8ad91}", "0190163d-8694-739b-aea5-966c26f8ad9",
                            "0190163d-8694-739b-aea5-966c26f8ad911", "0190163g-8694-739b-aea5-966c26f8ad91",
                            "0190163d-8694-739b-aea59-66c26f8ad91", "0190163d-8694-739b-aea5-966c26f8a-91"}) {
    EXPECT_FALSE(parse_uuid(other)) << other;
  }
}

TEST(UuidMaker, MakesVersionSevenOfTheClocksTime) {
  test::ManualClock clock;
  SeededRng rng(1);
  const Uuid uuid = UuidMaker(clock, rng).next();
  EXPECT_EQ(millis_of(uuid), static_cast<std::uint64_t>(clock.wall.time_since_epoch().count()));
  EXPECT_EQ(uuid.bytes[6] >> 4, 7);
  EXPECT_EQ(uuid.bytes[8] >> 6, 2);
  EXPECT_EQ(parse_uuid(uuid.str()), uuid);
}

TEST(UuidMaker, SortsInTheOrderMadeWithinOneMillisecondAndWhenTheClockGoesBack) {
  test::ManualClock clock;
  SeededRng rng(2);
  UuidMaker maker(clock, rng);
  std::vector<Uuid> made;
  for (int i = 0; i < 1'000; ++i) made.push_back(maker.next());
  clock.advance(-10min);
  for (int i = 0; i < 1'000; ++i) made.push_back(maker.next());
  clock.wall = WallTime{-5ms};
  made.push_back(maker.next());
  clock.wall = std::chrono::sys_days{std::chrono::year{2040} / 1 / 1};
  made.push_back(maker.next());
  for (std::size_t i = 1; i < made.size(); ++i) {
    ASSERT_LT(made[i - 1], made[i]) << i;
    ASSERT_LT(made[i - 1].str(), made[i].str()) << i;
  }
}

TEST(UuidMaker, StaysInOrderWhateverTheRandomnessGives) {
  for (const std::uint64_t word : {std::uint64_t{0}, UINT64_MAX}) {
    test::ManualClock clock;
    ConstantRng rng(word);
    UuidMaker maker(clock, rng);
    Uuid last = maker.next();
    for (int i = 0; i < 10'000; ++i) {
      const Uuid next = maker.next();
      ASSERT_LT(last, next);
      ASSERT_EQ(millis_of(next), millis_of(last));
      ASSERT_EQ(next.bytes[6] >> 4, 7);
      ASSERT_EQ(next.bytes[8] >> 6, 2);
      last = next;
    }
  }
}

TEST(UuidMaker, TwoMakersOfOneMillisecondDiffer) {
  test::ManualClock clock;
  SeededRng rng(3);
  std::unordered_set<std::string> made;
  for (int i = 0; i < 1'000; ++i) made.insert(UuidMaker(clock, rng).next().str());
  EXPECT_EQ(made.size(), 1'000u);
}

TEST(SessionIds, AreMadeAndRecognised) {
  test::ManualClock clock;
  SeededRng rng(4);
  EXPECT_TRUE(is_session_id(UuidMaker(clock, rng).next_session_id().str()));
  EXPECT_FALSE(is_session_id(""));
  EXPECT_FALSE(is_session_id("sess_"));
  EXPECT_FALSE(is_session_id("0190163d-8694-739b-aea5-966c26f8ad91"));
  EXPECT_FALSE(is_session_id("SESS_0190163d-8694-739b-aea5-966c26f8ad91"));
  EXPECT_FALSE(is_session_id("sess_0190163d-8694-739b-aea5-966c26f8ad91/.."));
}

TEST(ReturnIds, AreMadeAndRecognised) {
  test::ManualClock clock;
  SeededRng rng(4);
  const std::string made = UuidMaker(clock, rng).next_return_id().str();
  EXPECT_TRUE(is_return_id(made));
  EXPECT_FALSE(is_session_id(made));
  EXPECT_FALSE(is_return_id("ret_"));
  EXPECT_FALSE(is_return_id("sess_0190163d-8694-739b-aea5-966c26f8ad91"));
}

TEST(Id, ComparesByItsText) {
  EXPECT_EQ(StoreId("store-1"), StoreId("store-1"));
  EXPECT_LT(StoreId("store-1"), StoreId("store-2"));
  EXPECT_TRUE(StoreId().empty());
  EXPECT_EQ(std::unordered_set<StoreId>({StoreId("a"), StoreId("a"), StoreId("b")}).size(), 2u);
}

}  // namespace
}  // namespace perkline
