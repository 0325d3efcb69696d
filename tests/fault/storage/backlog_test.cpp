#include "tests/fault/storage/backlog.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include "bench/fleet/child.hpp"
#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds ready_max{5000};
/// How long an operator's question, or a till's sale, may take while the queue is worked on.
constexpr milliseconds answer_max{1000};
constexpr long rss_max_kib = 256 * 1024;

std::size_t number_in(const char* variable, std::size_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : static_cast<std::size_t>(std::atol(text));
}
/// A short round by default; PERKLINE_BACKLOG asks for more.
std::size_t backlog_sales() {
  return number_in("PERKLINE_BACKLOG", 20'000);
}
/// How long PDI and the hub are served from it: PERKLINE_BACKLOG_SECONDS.
std::chrono::seconds drain_time() {
  return std::chrono::seconds(number_in("PERKLINE_BACKLOG_SECONDS", 3));
}

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// In KiB; the highest it has been. -1: it is no more.
long memory_of(pid_t pid) {
  const std::string status = content("/proc/" + std::to_string(pid) + "/status");
  const auto at = status.find("VmHWM:");
  return at == std::string::npos ? -1 : std::atol(status.c_str() + at + 6);
}

milliseconds since(steady_clock::time_point began) {
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - began);
}

void tell(const char* what, milliseconds took, long memory_kib) {
  std::printf("backlog of %zu sales, %s: %lld ms, peak RSS %ld MiB\n", backlog_sales(), what,
              static_cast<long long>(took.count()), memory_kib / 1024);
  EXPECT_GT(memory_kib, 0) << what;
  EXPECT_LT(memory_kib, rss_max_kib) << what;
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
  Result<bench::Child> start(const std::vector<std::string>& arguments, const fs::path& log) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"--config", dir.file("edge.yaml")});
    return bench::Child::start(bin_dir() + "/perkline-edge", all, log);
  }
  /// Starts the daemon, waits until it says that it is ready, and tells how it was.
  void start_and_measure(const char* when) {
    const fs::path log = dir.path() / (std::string(when) + ".log");
    const auto began = steady_clock::now();
    auto daemon = start({"serve"}, log);
    ASSERT_TRUE(daemon);
    ASSERT_TRUE(eventually([&] { return content(log).find(R"("message":"ready")") != std::string::npos; },
                           std::chrono::seconds(60)))
        << content(log);
    const auto took = since(began);
    EXPECT_LT(took, ready_max);
    // It has begun to work on them; the log says what it found.
    EXPECT_NE(content(log).find("\"queueDepth\":" + std::to_string(backlog_sales())), std::string::npos);
    std::this_thread::sleep_for(std::chrono::seconds(2));
    tell(when, took, memory_of(daemon->pid()));
    daemon->kill();
  }
  /// `verify`, and what it takes.
  void verify_and_measure() {
    const fs::path out = dir.path() / "verify.out";
    const auto began = steady_clock::now();
    auto command = start({"verify", "--json"}, out);
    ASSERT_TRUE(command);
    long memory = 0;
    while (command->running()) {
      memory = std::max(memory, memory_of(command->pid()));
      std::this_thread::sleep_for(milliseconds(5));
    }
    tell("verify", since(began), memory);
    const std::string verified = content(out);
    EXPECT_NE(verified.find(R"({"ok":true)"), std::string::npos) << verified.substr(0, 1000);
    EXPECT_NE(verified.find("\"due\":" + std::to_string(backlog_sales())), std::string::npos)
        << verified.substr(0, 1000);
  }
  TempDir dir;
};

TEST_F(Backlog, IsThereSoonAndInBoundedMemoryAlsoAfterAKill) {
  const auto began = steady_clock::now();
  make_backlog(dir.path() / "data", backlog_sales());
  std::printf("backlog of %zu sales, made: %lld ms\n", backlog_sales(),
              static_cast<long long>(since(began).count()));
  start_and_measure("first start");
  start_and_measure("after a kill");
  verify_and_measure();
}

/// A store that comes back to PDI and the hub with all of it.
class BacklogDrain : public ChainTest {
 protected:
  static void SetUpTestSuite() {
    start_chain(1);
    fleet().edge(0).terminate();
    const fs::path data = fs::path(folder_file("fleet")) / "edge-1";
    fs::remove_all(data / "db");
    fs::remove(data / "high_water");
    make_backlog(data, backlog_sales());
  }

  static double metric(const std::string& name) {
    const auto answer = bench::call({.origin = fleet().edge_ops_url(0), .path = "/metrics"});
    const std::string text = "\n" + answer.value_or(bench::WebAnswer{}).body;
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::atof(text.c_str() + at + name.size() + 2);
  }
  /// Does something that must not wait for the queue.
  template <class Do>
  void soon(const char* what, Do something) {
    const auto began = steady_clock::now();
    something();
    const auto took = since(began);
    EXPECT_LT(took, answer_max) << what;
    auto& longest = longest_[what];
    longest = std::max(longest, took);
  }
  void ask_everything(int round) {
    soon("/metrics", [&] { EXPECT_GE(metric("perkline_edge_queue_records"), 0); });
    soon("/health/ready", [&] {
      const auto ready = bench::call({.origin = fleet().edge_ops_url(0), .path = "/health/ready"});
      EXPECT_TRUE(ready && ready->status == 200);
    });
    for (const auto& command : {std::vector<std::string>{"queue", "list"}, {"jobs", "list"}, {"status"}})
      soon(command.front().c_str(), [&] { EXPECT_EQ(edge_command(0, command).status, 0); });
    soon("a till's sale", [&] {
      const std::string transaction = "TODAY-" + std::to_string(round);
      const std::string session = till.price(transaction);
      EXPECT_LT(till.finalize(session, transaction).status, 300);
    });
  }
  Till till = till_of(0);
  std::map<std::string, milliseconds> longest_;
};

TEST_F(BacklogDrain, GoesToPdiAndHubInBoundedMemoryWhileEverybodyIsServed) {
  const auto began = steady_clock::now();
  ASSERT_TRUE(fleet().start_edge(0));
  tell("ready, with PDI and hub", since(began), memory_of(fleet().edge(0).pid()));
  EXPECT_LT(since(began), ready_max);
  double waited = 0;
  ASSERT_TRUE(eventually([&] { return (waited = metric("perkline_edge_queue_records")) > 0; }));
  const double lagged = metric("perkline_edge_outbox_lag_records");
  const auto from = steady_clock::now();
  for (int round = 0; since(from) < drain_time(); ++round) {
    ask_everything(round);
    std::this_thread::sleep_for(milliseconds(100));
  }
  // Missed while the store was off, they began with the start; reconcile follows, and asks PDI for each sale.
  for (const char* job : {"expire", "archive"}) {
    EXPECT_TRUE(eventually(
        [&] {
          return metric("perkline_edge_job_last_success_timestamp_seconds{job=\"" + std::string(job) +
                        "\"}") > 0;
        },
        std::chrono::seconds(60)))
        << job;
  }
  const double waits = metric("perkline_edge_queue_records");
  const double lags = metric("perkline_edge_outbox_lag_records");
  EXPECT_LT(waits, waited);
  EXPECT_LT(lags, lagged);
  std::printf("sales that await PDI: %.0f, then %.0f; events that the hub lacks: %.0f, then %.0f\n", waited,
              waits, lagged, lags);
  for (const auto& [what, took] : longest_)
    std::printf("  %s: %lld ms at most\n", what.c_str(), static_cast<long long>(took.count()));
  tell("PDI and hub served", since(from), memory_of(fleet().edge(0).pid()));
  tell("the hub", since(from), memory_of(fleet().hub().pid()));
}

}  // namespace
}  // namespace perkline::test
