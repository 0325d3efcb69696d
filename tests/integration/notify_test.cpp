#include <csignal>
#include <fstream>

#include "tests/integration/chain.hpp"
#include "tests/support/notify_socket.hpp"

namespace perkline::test {
namespace {

/// The daemons under a service manager that is a socket of the test's.
class Notify : public ChainTest {
 protected:
  static std::string log_of(const std::string& part) {
    std::ifstream file(fleet().log_of(part));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static std::size_t ready_lines(const std::string& part) {
    const std::string log = log_of(part);
    const std::string line = R"("message":"ready")";
    std::size_t count = 0;
    for (std::size_t at = log.find(line); at != std::string::npos; at = log.find(line, at + 1)) ++count;
    return count;
  }

  /// `start` starts the daemon `part` anew, `child` gives it.
  static void lives_under_systemd(const std::string& part, const std::function<bench::Child&()>& child,
                                  const std::function<Result<void>()>& start) {
    const std::size_t before = ready_lines(part);
    ASSERT_EQ(child().terminate(), 0);
    NotifySocket systemd(Millis{400});
    ASSERT_TRUE(start());
    const auto first = systemd.receive(seconds{30});
    ASSERT_TRUE(first && first->contains("READY")) << "nothing comes before it";
    EXPECT_EQ(ready_lines(part), before + 1) << "it serves by then";
    EXPECT_FALSE(first->at("STATUS").empty());
    EXPECT_TRUE(systemd.await("WATCHDOG"));
    EXPECT_TRUE(systemd.await("WATCHDOG")) << "it goes on";

    ::kill(child().pid(), SIGHUP);
    EXPECT_TRUE(systemd.await("RELOADING"));
    EXPECT_TRUE(systemd.await("READY"));
    EXPECT_TRUE(systemd.await("WATCHDOG"));

    EXPECT_EQ(child().terminate(), 0);
    EXPECT_TRUE(systemd.await("STOPPING"));
  }
};

TEST_F(Notify, TheEdgeTellsWhenItServesReloadsAndStopsAndFeedsTheWatchdog) {
  lives_under_systemd(
      "edge-1", []() -> bench::Child& { return fleet().edge(0); }, [] { return fleet().start_edge(0); });
  ASSERT_TRUE(fleet().start_edge(0)) << "and starts without systemd";
}

TEST_F(Notify, TheHubTellsWhenItServesReloadsAndStopsAndFeedsTheWatchdog) {
  lives_under_systemd(
      "hub", []() -> bench::Child& { return fleet().hub(); }, [] { return fleet().start_hub(); });
  ASSERT_TRUE(fleet().start_hub()) << "and starts without systemd";
}

}  // namespace
}  // namespace perkline::test
