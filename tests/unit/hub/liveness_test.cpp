#include "hub/liveness.hpp"

#include <gtest/gtest.h>

#include "tests/support/sim_world.hpp"

namespace perkline::hub {
namespace {

/// Answers as it is told: at once, with an error, or not for a long time.
class MoodyDatabase final : public db::Database {
 public:
  explicit MoodyDatabase(net::AsyncClock& clock) : clock_(clock) {}
  db::Engine engine() const override { return db::Engine::sqlite; }
  Task<Result<void>> write(std::function<Result<void>(db::Transaction&)>) override {
    co_return fail(Errc::internal);
  }
  Task<Result<void>> read(std::function<Result<void>(db::Transaction&)>) override {
    co_await clock_.sleep(delay);
    if (broken) co_return fail(Errc::database_unavailable);
    co_return Result<void>{};
  }

  Millis delay{2};
  bool broken = false;

 private:
  net::AsyncClock& clock_;
};

class LivenessTest : public ::testing::Test {
 protected:
  LivenessTest() {
    world_.spawn(liveness_.watch_reactor());
    world_.spawn(liveness_.watch_database());
  }
  void pass(Millis time) {
    const MonoTime end = time_.mono + time;
    world_.run_until([&] { return time_.mono >= end; }, time);
  }

  test::VirtualTime time_;
  test::SimWorld world_{time_};
  MoodyDatabase database_{world_.clock()};
  Liveness liveness_{database_, world_.clock()};
};

TEST_F(LivenessTest, FeelsBothPulses) {
  EXPECT_FALSE(liveness_.reactor().latency_ms) << "not measured yet";
  EXPECT_FALSE(liveness_.database().latency_ms);
  pass(seconds{30});
  EXPECT_EQ(liveness_.reactor().latency_ms, 0.0) << "virtual time is never late";
  EXPECT_EQ(liveness_.reactor().status, ops::CheckStatus::up);
  EXPECT_EQ(liveness_.database().status, ops::CheckStatus::up);
  EXPECT_EQ(liveness_.database().latency_ms, 2.0);
}

TEST_F(LivenessTest, TellsADatabaseThatRefusesAndOneThatIsBack) {
  database_.broken = true;
  pass(seconds{3});
  EXPECT_EQ(liveness_.database().status, ops::CheckStatus::down);
  database_.broken = false;
  pass(seconds{3});
  EXPECT_EQ(liveness_.database().status, ops::CheckStatus::up);
}

TEST_F(LivenessTest, DoesNotTakeADatabaseThatHangsForAWedgedReactor) {
  pass(seconds{3});
  database_.delay = hours{1};
  pass(seconds{30});
  EXPECT_EQ(liveness_.database().status, ops::CheckStatus::down);
  EXPECT_EQ(liveness_.reactor().status, ops::CheckStatus::up);
}

TEST_F(LivenessTest, TellsAReactorThatDoesNotTurn) {
  pass(seconds{3});
  time_.mono += seconds{11};  // Nobody runs meanwhile.
  EXPECT_EQ(liveness_.reactor().status, ops::CheckStatus::down);
}

}  // namespace
}  // namespace perkline::hub
