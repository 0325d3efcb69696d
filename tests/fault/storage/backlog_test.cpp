#include "tests/fault/storage/backlog.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include <gtest/gtest.h>

#include "bench/fleet/child.hpp"
#include "bench/fleet/web.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds ready_max{5000};
constexpr long rss_max_kib = 256 * 1024;

/// A short round by default; PERKLINE_BACKLOG asks for more.
std::size_t backlog_sales() {
  const char* sales = std::getenv("PERKLINE_BACKLOG");
  return sales == nullptr ? 20'000 : static_cast<std::size_t>(std::atol(sales));
}

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// In KiB; the highest it has been.
long memory_of(pid_t pid) {
  const std::string status = content("/proc/" + std::to_string(pid) + "/status");
  const auto at = status.find("VmHWM:");
  return at == std::string::npos ? -1 : std::atol(status.c_str() + at + 6);
}

class Backlog : public ::testing::Test {
 protected:
  Backlog() {
    std::ofstream(dir.path() / "edge.yaml")
        << "store_id: store-1\n"
           "data_dir: "
        << (dir.path() / "data").string()
        << "\n"
           "api: { listen: \"127.0.0.1:0\" }\n"
           "ops: { listen: \"127.0.0.1:0\" }\n"
           "pdi: { url: \"http://127.0.0.1:9\", client_id: a, client_secret: b }\n";
  }
  bench::CommandOutput command(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--config", dir.file("edge.yaml"), "--json"});
    auto output = bench::run_command(PERKLINE_BIN_DIR "/perkline-edge", arguments);
    EXPECT_TRUE(output);
    return output.value_or(bench::CommandOutput{});
  }
  /// Starts the daemon, waits until it says that it is ready, and tells how it was.
  void start_and_measure(const char* when) {
    const fs::path log = dir.path() / (std::string(when) + ".log");
    const auto began = steady_clock::now();
    auto daemon = bench::Child::start(PERKLINE_BIN_DIR "/perkline-edge",
                                      {"serve", "--config", dir.file("edge.yaml")}, log);
    ASSERT_TRUE(daemon);
    ASSERT_TRUE(eventually([&] { return content(log).find(R"("message":"ready")") != std::string::npos; },
                           std::chrono::seconds(60)))
        << content(log);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - began);
    EXPECT_LT(took, ready_max);
    // It has begun to work on them; the log says what it found.
    EXPECT_NE(content(log).find("\"queueDepth\":" + std::to_string(backlog_sales())), std::string::npos);
    std::this_thread::sleep_for(std::chrono::seconds(2));
    const long memory = memory_of(daemon->pid());
    EXPECT_LT(memory, rss_max_kib);
    std::printf("backlog of %zu sales, %s: ready in %lld ms, peak RSS %ld MiB\n", backlog_sales(), when,
                static_cast<long long>(took.count()), memory / 1024);
    RecordProperty(std::string(when) + "_ready_ms", static_cast<int>(took.count()));
    daemon->kill();
  }
  TempDir dir;
};

TEST_F(Backlog, IsThereSoonAndInBoundedMemoryAlsoAfterAKill) {
  make_backlog(dir.path() / "data", backlog_sales());
  start_and_measure("first_start");
  start_and_measure("after_a_kill");
  const auto verified = command({"verify"});
  EXPECT_EQ(verified.status, 0) << verified.out.substr(0, 1000) << verified.err;
  EXPECT_NE(verified.out.find("\"due\":" + std::to_string(backlog_sales())), std::string::npos)
      << verified.out.substr(0, 1000);
}

}  // namespace
}  // namespace perkline::test
