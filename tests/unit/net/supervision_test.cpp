#include "shared/net/supervision.hpp"

#include <gtest/gtest.h>

#include "shared/ops/health.hpp"
#include "shared/ops/systemd_notify.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/notify_socket.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::net {
namespace {

using test::NotifySocket;

/// A daemon whose parts' hearts beat as the test says.
class Supervision : public ::testing::Test {
 protected:
  Supervision() {
    health.add("reactor", ops::CheckRole::required, [this] { return of(reactor); });
    health.add("journal", ops::CheckRole::required, [this] { return of(journal); });
    health.add("database", ops::CheckRole::awaited, [this] { return of(database); });
    health.add("pdi", ops::CheckRole::told, [this] { return of(pdi); });
  }
  static ops::CheckResult of(bool beats) {
    ops::CheckResult result;
    if (!beats) result.status = ops::CheckStatus::down;
    return result;
  }
  void start() {
    world.spawn(report_to_systemd(world.clock(), health, [this] { return line; }));
  }
  void pass(Millis time_passed) {
    world.run_until([] { return false; }, time_passed);
  }
  /// How often the watchdog has been fed since it was asked last.
  static int fed(NotifySocket& systemd) {
    int count = 0;
    while (const auto told = systemd.receive(Millis{0})) count += told->contains("WATCHDOG") ? 1 : 0;
    return count;
  }

  test::VirtualTime time;
  test::SimWorld world{time};
  ops::Health health{world.clock()};
  bool reactor = true;
  bool journal = true;
  bool database = true;
  bool pdi = true;
  std::string line = "well";
};

TEST_F(Supervision, FeedsTheWatchdogAtHalfOfWhatSystemdAllows) {
  NotifySocket systemd(seconds{30});
  start();
  pass(seconds{59});
  EXPECT_EQ(fed(systemd), 4) << "at 0, 15, 30 and 45 s";
}

TEST_F(Supervision, AJournalOrAReactorThatStopsBeatingStopsTheFeedAndABeatBeginsItAgain) {
  NotifySocket systemd(seconds{30});
  start();
  for (bool* part : {&journal, &reactor}) {
    pass(minutes{1});
    EXPECT_GE(fed(systemd), 4);
    *part = false;
    pass(minutes{1});
    EXPECT_EQ(fed(systemd), 0);
    *part = true;
  }
  pass(minutes{1});
  EXPECT_GE(fed(systemd), 4);
}

TEST_F(Supervision, APdiOrADatabaseServerThatIsDownNeverStopsTheFeed) {
  NotifySocket systemd(seconds{30});
  pdi = false;
  database = false;
  start();
  pass(seconds{59});
  EXPECT_EQ(fed(systemd), 4);
}

TEST_F(Supervision, KeepsTheStatusAlsoWhereNobodyWatches) {
  NotifySocket systemd;
  start();
  pass(seconds{1});
  EXPECT_EQ(systemd.receive(Millis{0}), (NotifySocket::Fields{{"STATUS", "well"}}));
  line = "3 sales await PDI";
  pass(seconds{10});
  EXPECT_EQ(systemd.receive(Millis{0}), (NotifySocket::Fields{{"STATUS", "3 sales await PDI"}}));
  EXPECT_EQ(fed(systemd), 0);
}

TEST_F(Supervision, EndsWhereSystemdDoesNotListen) {
  start();
  pass(minutes{1});
  EXPECT_FALSE(world.next_due()) << "nothing is left that sleeps";
}

TEST(SystemdNotify, TellsWhatSystemdKnows) {
  NotifySocket systemd;
  const test::ManualClock clock;
  ops::systemd::ready("two\nlines");
  EXPECT_EQ(systemd.receive(Millis{0}), (NotifySocket::Fields{{"READY", "1"}, {"STATUS", "two lines"}}));
  ops::systemd::reloading(clock);
  const auto reloading = systemd.receive(Millis{0});
  ASSERT_TRUE(reloading);
  EXPECT_EQ(reloading->at("RELOADING"), "1");
  EXPECT_EQ(reloading->at("MONOTONIC_USEC"), "3600000000");
  ops::systemd::stopping();
  EXPECT_TRUE(systemd.receive(Millis{0})->contains("STOPPING"));
}

TEST(SystemdNotify, DoesNothingWithoutItsSocket) {
  EXPECT_FALSE(ops::systemd::listens());
  EXPECT_FALSE(ops::systemd::watchdog_period());
  ops::systemd::ready("alone");
  ops::systemd::feed_watchdog();
}

}  // namespace
}  // namespace perkline::net
