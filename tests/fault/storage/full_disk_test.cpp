#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "shared/core/limits.hpp"
#include "tests/fault/storage/small_disk.hpp"
#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

using limits::mib;

/// A short round by default; PERKLINE_DISK_ROUNDS asks for more.
int disk_rounds() {
  const char* rounds = std::getenv("PERKLINE_DISK_ROUNDS");
  return rounds == nullptr ? 2 : std::atoi(rounds);
}

constexpr std::chrono::seconds notice_max{10};

using std::chrono::steady_clock;
std::chrono::milliseconds since(steady_clock::time_point began) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - began);
}

/// One edge on a small disk, of which 16 MiB are to be left.
class DiskFull : public ChainTest {
 protected:
  static void SetUpTestSuite() {
    start_chain(1, {"storage: { reserve_mib: 16 }\n"});
    fleet().edge(0).terminate();
    disk_ = new SmallDisk(std::filesystem::path(folder_file("fleet")) / "edge-1");
    const auto started = fleet().start_edge(0);
    ASSERT_TRUE(started) << started.error().detail;
  }
  static void TearDownTestSuite() {
    fleet().edge(0).terminate();
    delete disk_;
    ChainTest::TearDownTestSuite();
  }

  static bench::WebAnswer ops(const std::string& path) {
    return bench::call({.origin = fleet().edge_ops_url(0), .path = path}).value_or(bench::WebAnswer{});
  }
  static double metric(const std::string& name) {
    const std::string text = "\n" + ops("/metrics").body;
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::atof(text.c_str() + at + name.size() + 2);
  }
  void sold(const std::string& transaction, const bench::WebAnswer& answer) {
    ASSERT_TRUE(answer.status == 200 || answer.status == 202) << transaction << ": " << answer.body;
    acknowledged_[transaction] = text_at(answer, "sessionId");
  }
  void sell(const std::string& transaction) {
    const std::string session = till.price(transaction);
    sold(transaction, till.finalize(session, transaction));
  }
  static void expect_full(const bench::WebAnswer& answer) {
    expect_problem(answer, 507, "STORAGE_FULL");
    EXPECT_FALSE(header_of(answer, "retry-after").empty());
  }
  /// The edge looks every second.
  static bool notices_less_than(std::uint64_t bytes) {
    return eventually(
        [&] {
          const double free = metric("perkline_edge_storage_free_bytes");
          return free >= 0 && free < static_cast<double>(bytes);
        },
        notice_max);
  }
  bool takes_sales(const std::string& transaction) {
    return eventually([&] { return till.identify(transaction).status == 200; }, notice_max);
  }

  void play_round(const std::string& name);

  static inline SmallDisk* disk_ = nullptr;
  Till till = till_of(0);
  std::map<std::string, std::string> acknowledged_;  ///< Transaction → session.
  std::chrono::milliseconds refused_after_{0};       ///< The longest from the reserve's end to a 507 …
  std::chrono::milliseconds taken_after_{0};         ///< … and from room to the next sale.
};

void DiskFull::play_round(const std::string& name) {
  sell(name + "-BEFORE");
  const std::string low = till.price(name + "-LOW");
  const std::string full = till.price(name + "-FULL");
  keep_from_pdi(0);
  sell(name + "-PENDING");
  const std::string pending = acknowledged_[name + "-PENDING"];

  // Under the reserve: no new sale; what has begun ends; what is pending is settled.
  const auto low_since = steady_clock::now();
  disk_->leave(8 * mib);
  ASSERT_TRUE(notices_less_than(16 * mib));
  // The gate may close a moment after the metric tells of it.
  int tries = 0;
  bench::WebAnswer refused;
  ASSERT_TRUE(eventually(
      [&] {
        refused = till.identify(name + "-TRY-" + std::to_string(++tries));
        return refused.status != 200;
      },
      notice_max));
  expect_full(refused);
  refused_after_ = std::max(refused_after_, since(low_since));
  expect_full(till.post("return", R"({"originalTransactionId":")" + name + R"(-BEFORE","transactionId":")" +
                                      name + R"(-RETURN","amount":"1.00"})"));
  let_to_pdi(0);
  status_once(till, pending, "finalized");
  sold(name + "-LOW", till.finalize(low, name + "-LOW"));
  EXPECT_LT(till.finalize(low, name + "-LOW").status, 300) << "told again";
  const auto health = ops("/health");
  EXPECT_NE(health.body.find(R"("storage":{"status":"degraded")"), std::string::npos) << health.body;

  // Nothing left at all: reads go on, and nobody is told that something was kept.
  disk_->leave(0);
  ASSERT_TRUE(notices_less_than(4 * mib));
  expect_full(till.finalize(full, name + "-FULL"));
  EXPECT_EQ(till.status(low).status, 200);
  EXPECT_EQ(ops("/health/ready").status, 503) << "the journal writes nothing";
  EXPECT_EQ(ops("/health/live").status, 503);
  EXPECT_TRUE(fleet().edge(0).running());

  const auto room_since = steady_clock::now();
  disk_->clear();
  ASSERT_TRUE(takes_sales(name + "-NEW")) << "within ten seconds";
  taken_after_ = std::max(taken_after_, since(room_since));
  sold(name + "-FULL", till.finalize(full, name + "-FULL"));
}

TEST_F(DiskFull, FilledAndFreedNothingIsLostAndTheDaemonLives) {
  const pid_t pid = fleet().edge(0).pid();
  for (int round = 0; round < disk_rounds(); ++round) {
    play_round("ROUND-" + std::to_string(round));
    ASSERT_FALSE(HasFatalFailure());
  }
  EXPECT_EQ(fleet().edge(0).pid(), pid);
  EXPECT_TRUE(fleet().edge(0).running());

  for (const auto& [transaction, session] : acknowledged_) {
    status_once(till, session, "finalized");
    EXPECT_EQ(booked_at_pdi(transaction), 1u) << transaction;
  }
  const auto events = [&] { return edge_command(0, {"status", "--json"}).out; };
  EXPECT_TRUE(eventually([&] { return events().find(R"("lag":0)") != std::string::npos; })) << events();
  fleet().edge(0).terminate();
  const auto verified = edge_command(0, {"verify", "--json"});
  EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
  // RocksDB would abort: nobody opens it, and whoever asks is told why.
  disk_->leave(0);
  for (const char* command : {"serve", "verify"}) {
    const auto refused = edge_command(0, {command});
    EXPECT_EQ(refused.status, 1) << command;
    EXPECT_NE((refused.out + refused.err).find("is full: 0 MiB are free"), std::string::npos) << refused.err;
  }
  disk_->clear();
  ASSERT_TRUE(fleet().start_edge(0));
  std::printf(
      "disk filled and freed %d times: %zu sales acknowledged, all booked once; 507 after %lld ms at most, "
      "sales again after %lld ms at most\n",
      disk_rounds(), acknowledged_.size(), static_cast<long long>(refused_after_.count()),
      static_cast<long long>(taken_after_.count()));
}

}  // namespace
}  // namespace perkline::test
