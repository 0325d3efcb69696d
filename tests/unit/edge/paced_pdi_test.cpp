#include "edge/pdi_queue/paced_pdi.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/sim_world.hpp"

namespace perkline::test {
namespace {

using edge::pdi_queue::PacedPdi;

/// Each status call takes a second; the others are not made.
class SlowPdi final : public pdi::Pdi {
 public:
  explicit SlowPdi(net::AsyncClock& clock) : clock_(clock) {}

  Task<pdi::Reply<pdi::SessionStatus>> status(pdi::StatusCall call, MonoTime deadline) override {
    called.push_back(call.session.str());
    patience.push_back(deadline - clock_.mono_now());
    most = std::max(most, ++under_way);
    co_await clock_.sleep(seconds{1});
    --under_way;
    co_return pdi::SessionStatus{.status = "active", .finalized = {}};
  }
  Task<pdi::Reply<pdi::Identified>> identify(pdi::IdentifyCall, MonoTime) override {
    return none<pdi::Identified>();
  }
  Task<pdi::Reply<pdi::Rewards>> calculate(pdi::CalculateCall, MonoTime) override {
    return none<pdi::Rewards>();
  }
  Task<pdi::Reply<pdi::Finalized>> finalize(pdi::FinalizeCall, MonoTime) override {
    return none<pdi::Finalized>();
  }

  std::vector<std::string> called;
  std::vector<MonoTime::duration> patience;
  std::size_t under_way = 0;
  std::size_t most = 0;

 private:
  template <class T>
  static Task<pdi::Reply<T>> none() {
    co_return std::unexpected(pdi::Failure{});
  }
  net::AsyncClock& clock_;
};

class PacedPdiTest : public testing::Test {
 protected:
  void call(const std::string& session) {
    world.spawn([](PacedPdiTest& test, std::string id) -> Task<void> {
      const MonoTime deadline = test.time.mono + seconds{3};
      const auto reply = co_await test.paced.status(ProviderSessionId(std::move(id)), deadline);
      (reply ? test.answered : test.refused)++;
      if (!reply) {
        EXPECT_EQ(reply.error().outcome, pdi::Outcome::not_tried);
        EXPECT_FALSE(reply.error().may_have_been_sent);
      }
    }(*this, session));
  }
  void run(Millis time_max) {
    world.run_until([] { return false; }, time_max);
  }

  VirtualTime time;
  SimWorld world{time};
  SlowPdi slow{world.clock()};
  std::size_t places = 2;
  PacedPdi paced{slow, world.clock(), [this] { return places; }};
  int answered = 0;
  int refused = 0;
};

TEST_F(PacedPdiTest, LetsSoManyOutAtATimeAsTheyCameEachWithItsWholePatience) {
  for (const char* session : {"a", "b", "c", "d", "e"}) call(session);
  run(minutes{1});
  EXPECT_EQ(slow.most, 2u);
  EXPECT_EQ(slow.called, (std::vector<std::string>{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(slow.patience, std::vector<MonoTime::duration>(5, seconds{3}))
      << "waiting for a place takes none of it";
  EXPECT_EQ(answered, 5);
}

TEST_F(PacedPdiTest, GoesByThePlacesThereAreNow) {
  places = 1;
  for (const char* session : {"a", "b", "c", "d"}) call(session);
  run(Millis{500});
  EXPECT_EQ(slow.under_way, 1u);
  places = 3;
  run(Millis{1100});
  EXPECT_EQ(slow.under_way, 3u);
  run(minutes{1});
  EXPECT_EQ(answered, 4);
}

TEST_F(PacedPdiTest, OnceStoppedWhoWaitsAndWhoComesIsNotTried) {
  for (const char* session : {"a", "b", "c"}) call(session);
  run(Millis{500});
  paced.stop();
  call("d");
  run(minutes{1});
  EXPECT_EQ(answered, 2) << "what is out ends";
  EXPECT_EQ(refused, 2);
  EXPECT_EQ(slow.called, (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace perkline::test
