#include <latch>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "tests/fault/misbehaviour/stories.hpp"

namespace perkline::test {
namespace {

using Call = FakePdi::Call;

constexpr Call endpoints[] = {Call::identify, Call::calculate, Call::finalize, Call::status, Call::token};
constexpr BreakerIs states[] = {BreakerIs::closed, BreakerIs::open, BreakerIs::half_open};

TEST(Matrix, SpeaksOfEveryCellOnce) {
  for (std::size_t i = 0; i < misbehaviour_count; ++i) {
    const auto kind = static_cast<Misbehaviour>(i);
    for (const Call endpoint : endpoints) {
      for (const BreakerIs state : states) {
        EXPECT_EQ(matrix().lines_for(kind, endpoint, state), 1u)
            << written(kind) << ' ' << written(endpoint) << ' ' << written(state);
      }
    }
  }
}

/// Every kind at that endpoint, side by side, as most of it is waiting; each on an edge of its own, or on
/// two: one that has asked the token endpoint in vain asks it the less often.
void tell_all(Call endpoint) {
  (void)matrix();  // What is wrong with it is to be known before any edge starts.
  const ProviderPapers papers;
  const std::size_t edges = misbehaviour_count * (endpoint == Call::token ? 2 : 1);
  std::latch ready(static_cast<std::ptrdiff_t>(edges));
  std::vector<std::jthread> tellers;
  for (std::size_t i = 0; i < edges; ++i) {
    tellers.emplace_back([&, i] {
      const auto kind = static_cast<Misbehaviour>(i % misbehaviour_count);
      std::unique_ptr<Story> story;
      if (endpoint == Call::token) {
        story = std::make_unique<TokenStory>(papers, kind, endpoint);
      } else {
        story = std::make_unique<CallStory>(papers, kind, endpoint);
      }
      // So that no story's times suffer from the start of the others' edges.
      ready.arrive_and_wait();
      if (i < misbehaviour_count) story->tell(BreakerIs::half_open);
      if (i >= misbehaviour_count || endpoint != Call::token) story->tell(BreakerIs::closed);
    });
  }
}

TEST(IdentifyMisbehaves, InEveryWayAsTheTableSays) {
  tell_all(Call::identify);
}
TEST(CalculateMisbehaves, InEveryWayAsTheTableSays) {
  tell_all(Call::calculate);
}
TEST(FinalizeMisbehaves, InEveryWayAsTheTableSays) {
  tell_all(Call::finalize);
}
TEST(StatusMisbehaves, InEveryWayAsTheTableSays) {
  tell_all(Call::status);
}
TEST(TokenMisbehaves, InEveryWayAsTheTableSays) {
  tell_all(Call::token);
}

}  // namespace
}  // namespace perkline::test
