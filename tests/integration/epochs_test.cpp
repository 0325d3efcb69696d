#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <thread>

#include "bench/fleet/postgres_server.hpp"
#include "hub/db/migrate.hpp"
#include "hub/db/open.hpp"
#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds patience{60};

/// Each test has a chain of its own: what it does to it no other could go on from.
class EpochsTest : public ::testing::Test {
 public:
  static std::string sell(const Till& till, const std::string& transaction) {
    const std::string session = till.price(transaction);
    const auto sold = till.finalize(session, transaction);
    EXPECT_TRUE(sold.status == 200 || sold.status == 202) << sold.body;
    return session;
  }

 protected:
  /// `database_url` empty: the hub has SQLite.
  testing::AssertionResult start(std::size_t edges, const std::string& database_url = {}) {
    auto options = fleet_options(folder_, edges);
    options.database_url = database_url;
    auto started = bench::Fleet::start(std::move(options));
    if (!started) return testing::AssertionFailure() << started.error().detail;
    fleet_.emplace(std::move(*started));
    return testing::AssertionSuccess();
  }
  bench::Fleet& fleet() { return *fleet_; }
  Till till(std::size_t edge = 0) { return {fleet().edge_url(edge), fleet().terminal_key(edge)}; }
  fs::path data_of(std::size_t edge) { return fleet().edge_config(edge).parent_path() / fmt_edge(edge); }
  static std::string fmt_edge(std::size_t edge) { return "edge-" + std::to_string(edge + 1); }

  bench::CommandOutput edge(std::vector<std::string> arguments, std::size_t index = 0) {
    return fleet().edge_command(index, std::move(arguments)).value();
  }
  bench::CommandOutput hub(std::vector<std::string> arguments) {
    return fleet().hub_command(std::move(arguments)).value();
  }
  json::Document status(std::size_t index = 0) {
    return json::parse(edge({"status", "--json"}, index).out).value();
  }
  json::Document store(const std::string& id = "store-1") {
    return json::parse(hub({"store", "show", id, "--json"}).out).value();
  }
  bool caught_up(std::size_t index = 0) {
    const auto at_edge = status(index);
    const auto at_hub = store(fleet().store_id(index));
    const auto& outbox = *at_edge.root().find("outbox");
    return bench::integer_at(outbox, "tail") == bench::integer_at(at_hub.root(), "cursor") &&
           bench::integer_at(outbox, "epoch") == bench::integer_at(at_hub.root(), "epoch") &&
           bench::integer_at(outbox, "lag") == 0;
  }
  bool is_forked() { return store().root().find("fork")->is(json::Value::Kind::object); }
  static std::string metrics(const std::string& ops_url) {
    const auto answer = bench::call({.origin = ops_url, .path = "/metrics"});
    return answer ? answer->body : "";
  }
  std::multiset<std::string> sold_at_pdi() {
    const auto answer = bench::call(
        {.origin = fleet().sandbox_url(), .path = "/sandbox/ledger", .ca_file = fleet().ca_file()});
    std::multiset<std::string> transactions;
    const auto ledger = answer.value().json();
    for (const auto& item : ledger.root().find("items")->items())
      transactions.insert(bench::text_at(item, "transactionId"));
    return transactions;
  }
  /// How many sales the hub has booked, in all stores.
  std::int64_t sales_at_hub() {
    const auto token = fleet().log_in();
    const auto answer = bench::call(
        {.origin = fleet().hub_url(), .path = "/api/v1/stats/overview", .bearer = token.value_or("")});
    std::int64_t sales = 0;
    const auto overview = answer.value().json();
    for (const auto& of : overview.root().find("stores")->items()) sales += bench::integer_at(of, "sales");
    return sales;
  }
  void expect_sums_agree() {
    const auto verified = hub({"verify"});
    EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
    const auto letters = hub({"dead-letters", "list", "--json"});
    EXPECT_EQ(letters.out, "[]");
  }
  static std::string session_status(const Till& till, const std::string& session) {
    return text_at(till.status(session), "status");
  }
  std::string backup_folder() const { return folder_.file("backups"); }
  void back_up_edge() {
    const auto made = edge({"backup", backup_folder()});
    ASSERT_EQ(made.status, 0) << made.err;
  }
  /// Yesterday's data in place of today's.
  void restore_edge() {
    fleet().edge(0).terminate();
    fs::rename(data_of(0) / "db", data_of(0) / "db.today");
    const auto restored = edge({"restore", backup_folder()});
    ASSERT_EQ(restored.status, 0) << restored.err;
  }

  TempDir folder_;
  std::optional<bench::Fleet> fleet_;
};

class RestoredEdge : public EpochsTest {};
class ClonedEdge : public EpochsTest {};
class RestoredHub : public EpochsTest {
 protected:
  /// A till at each of two stores that sells all the time, on a thread beside the test's.
  class Selling {
   public:
    explicit Selling(const std::array<Till, 2>& tills) {
      for (std::size_t index : {0u, 1u}) {
        threads_[index] =
            std::jthread([till = tills[index], &sold = sold_[index],
                          name = "T-" + std::to_string(index) + "-"](const std::stop_token& stop) {
              for (; !stop.stop_requested(); ++sold) sell(till, name + std::to_string(sold));
            });
      }
    }
    /// Some more sales at both. False: there were none.
    bool goes_on() const {
      const std::array<int, 2> before{sold_[0], sold_[1]};
      return eventually([&] { return sold_[0] >= before[0] + 3 && sold_[1] >= before[1] + 3; }, patience);
    }
    /// How many it were in all.
    int stop() {
      for (std::jthread& thread : threads_) thread.request_stop();
      for (std::jthread& thread : threads_) thread.join();
      return sold_[0] + sold_[1];
    }

   private:
    std::array<std::atomic<int>, 2> sold_ = {};
    std::array<std::jthread, 2> threads_;
  };
  std::string incarnation() {
    auto database = hub::db::open_for_tool(fleet().hub_database_url(), hub::db::IfMissing::fail);
    EXPECT_TRUE(database);
    std::string told;
    EXPECT_TRUE((*database)->read_now([&](hub::db::Transaction& transaction) -> Result<void> {
      auto found = hub::db::hub_incarnation(transaction);
      if (!found) return failure(found);
      told = found->str();
      return {};
    }));
    return told;
  }
  /// Tills sell through all of it: the backup, the outage, the restore, and while the hub catches up.
  void goes_back_a_day_under_live_edges(const std::string& database_url = {}) {
    ASSERT_TRUE(start(2, database_url));
    Selling selling({till(0), till(1)});
    ASSERT_TRUE(selling.goes_on());
    const std::string yesterday = folder_.file("yesterday.db");
    ASSERT_EQ(hub({"backup", yesterday}).status, 0);
    EXPECT_NE(hub({"backup", yesterday}).status, 0);
    ASSERT_TRUE(selling.goes_on());
    const std::string before = incarnation();

    EXPECT_NE(hub({"restore", yesterday}).status, 0) << "the hub runs";
    fleet().hub().terminate();
    ASSERT_TRUE(selling.goes_on());
    const auto restored = hub({"restore", yesterday});
    ASSERT_EQ(restored.status, 0) << restored.err;
    EXPECT_NE(incarnation(), before);
    ASSERT_TRUE(fleet().start_hub());
    ASSERT_TRUE(selling.goes_on());
    const int sold = selling.stop();
    EXPECT_TRUE(eventually([&] { return caught_up(0) && caught_up(1); }, patience));
    EXPECT_EQ(sales_at_hub(), sold);
    EXPECT_FALSE(is_forked());
    expect_sums_agree();
  }
};

TEST_F(RestoredEdge, SellsNothingTwiceAtPdiAndMissesNothingAtTheHub) {
  ASSERT_TRUE(start(1));
  sell(till(), "R-A");
  const std::string priced = till().price("R-C");
  const std::string open = till().open("R-D");
  ASSERT_EQ(edge({"breaker", "force-open"}).status, 0);
  const std::string queued = sell(till(), "R-B");  // PDI has not seen it
  back_up_edge();

  // PDI and the hub go on.
  ASSERT_EQ(edge({"breaker", "auto"}).status, 0);
  ASSERT_EQ(till().finalize(priced, "R-C").status, 200);
  ASSERT_TRUE(eventually([&] { return session_status(till(), queued) == "finalized"; }, patience));
  sell(till(), "R-E");
  ASSERT_TRUE(eventually([&] { return caught_up(); }, patience));

  restore_edge();
  ASSERT_TRUE(fleet().start_edge(0));
  EXPECT_TRUE(eventually([&] { return session_status(till(), queued) == "finalized"; }, patience));
  EXPECT_TRUE(eventually([&] { return session_status(till(), priced) == "finalized"; }, patience));
  EXPECT_TRUE(eventually([&] { return session_status(till(), open) == "expired"; }, patience));
  EXPECT_EQ(till().finalize(priced, "R-C").status, 200);

  // Both sides say that it has forked; tills sell on.
  sell(till(), "R-F");
  EXPECT_TRUE(eventually([&] { return bench::text_at(status().root(), "hub") == "stopped"; }, patience));
  EXPECT_TRUE(eventually([&] { return is_forked(); }, patience));
  EXPECT_TRUE(eventually(
      [&] {
        return metrics(fleet().edge_ops_url(0)).find("perkline_edge_uplink_forked 1") != std::string::npos;
      },
      patience));
  EXPECT_NE(metrics(fleet().hub_ops_url()).find("perkline_hub_store_forked{store=\"store-1\"} 1"),
            std::string::npos);
  const auto health = bench::call({.origin = fleet().edge_url(0), .path = "/health"});
  EXPECT_EQ(text_at(health.value(), "status"), "degraded");

  const auto granted = hub({"store", "new-epoch", "store-1", "--reason", "restored from a backup"});
  ASSERT_EQ(granted.out, "2") << granted.err;
  EXPECT_EQ(edge({"epoch", "adopt", "1"}).status, 2);
  const auto adopted = edge({"epoch", "adopt", granted.out});
  ASSERT_EQ(adopted.status, 0) << adopted.err;
  EXPECT_TRUE(eventually([&] { return caught_up(); }, patience));
  sell(till(), "R-G");
  EXPECT_TRUE(eventually([&] { return caught_up(); }, patience));

  const std::multiset<std::string> once{"R-A", "R-B", "R-C", "R-E", "R-F", "R-G"};
  EXPECT_EQ(sold_at_pdi(), once);
  EXPECT_EQ(sales_at_hub(), static_cast<std::int64_t>(once.size()));
  expect_sums_agree();
}

TEST_F(RestoredEdge, HoldsSettlementUntilTheHubIsThereAndServesTillsMeanwhile) {
  ASSERT_TRUE(start(1));
  ASSERT_EQ(edge({"breaker", "force-open"}).status, 0);
  const std::string queued = sell(till(), "H-A");
  ASSERT_TRUE(eventually([&] { return caught_up(); }, patience));
  back_up_edge();
  ASSERT_EQ(edge({"breaker", "auto"}).status, 0);
  ASSERT_TRUE(
      eventually([&] { return session_status(till(), queued) == "finalized" && caught_up(); }, patience));

  fleet().hub().kill();
  restore_edge();
  ASSERT_TRUE(fleet().start_edge(0));
  EXPECT_TRUE(status().root().find("settlementHeld")->boolean());
  sell(till(), "H-B");  // PDI is well
  EXPECT_EQ(session_status(till(), queued), "pending");
  // Also across a restart.
  fleet().edge(0).kill();
  ASSERT_TRUE(fleet().start_edge(0));
  EXPECT_TRUE(status().root().find("settlementHeld")->boolean());
  EXPECT_EQ(session_status(till(), queued), "pending");

  ASSERT_TRUE(fleet().start_hub());
  EXPECT_TRUE(eventually([&] { return session_status(till(), queued) == "finalized"; }, patience));
  EXPECT_TRUE(eventually([&] { return !status().root().find("settlementHeld")->boolean(); }, patience));
  EXPECT_EQ(sold_at_pdi(), (std::multiset<std::string>{"H-A", "H-B"}));
}

TEST_F(ClonedEdge, IsFoundAndStaysOutWhileTheRightOneGoesOn) {
  ASSERT_TRUE(start(1));
  sell(till(), "C-1");
  ASSERT_TRUE(eventually([&] { return caught_up(); }, patience));

  // The same disk in another machine: same store id, same key.
  fleet().edge(0).terminate();
  const fs::path clone_data = folder_.path() / "clone";
  fs::copy(data_of(0), clone_data, fs::copy_options::recursive);
  ASSERT_TRUE(fleet().start_edge(0));
  std::ifstream config_file(fleet().edge_config(0));
  std::string config{std::istreambuf_iterator<char>(config_file), {}};
  config = std::regex_replace(config, std::regex("data_dir: \"[^\"]*\""),
                              "data_dir: \"" + clone_data.string() + "\"");
  config = std::regex_replace(config, std::regex("listen: \"127.0.0.1:[0-9]+\""), "listen: \"127.0.0.1:0\"");
  const fs::path clone_config = folder_.path() / "clone.yaml";
  std::ofstream(clone_config) << config;
  fs::permissions(clone_config, fs::perms::owner_read | fs::perms::owner_write);
  const fs::path clone_log = folder_.path() / "clone.log";
  auto clone = bench::Child::start(fs::path(bin_dir()) / "perkline-edge",
                                   {"serve", "--config", clone_config.string()}, clone_log);
  ASSERT_TRUE(clone);
  std::smatch port;
  std::string log;
  ASSERT_TRUE(eventually(
      [&] {
        std::ifstream file(clone_log);
        log.assign(std::istreambuf_iterator<char>(file), {});
        return std::regex_search(log, port, std::regex("\"apiPort\":([0-9]+)"));
      },
      patience))
      << log;
  const Till clone_till("http://127.0.0.1:" + port[1].str(), fleet().terminal_key(0));
  const auto clone_status = [&] {
    const auto told = bench::run_command(fs::path(bin_dir()) / "perkline-edge",
                                         {"status", "--json", "--config", clone_config.string()});
    return json::parse(told.value().out).value();
  };

  sell(till(), "C-2");
  ASSERT_TRUE(eventually([&] { return bench::integer_at(store().root(), "cursor") == 2; }, patience));
  const auto begun = std::chrono::steady_clock::now();
  sell(clone_till, "C-clone");
  EXPECT_TRUE(
      eventually([&] { return bench::text_at(clone_status().root(), "hub") == "stopped"; }, patience));
  EXPECT_TRUE(eventually([&] { return is_forked(); }, patience));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::minutes{1});

  // The right one goes on.
  sell(till(), "C-3");
  EXPECT_TRUE(eventually([&] { return bench::integer_at(store().root(), "cursor") == 3; }, patience));
  const auto granted = hub({"store", "new-epoch", "store-1", "--reason", "a clone was found"});
  ASSERT_EQ(granted.status, 0) << granted.err;
  ASSERT_EQ(edge({"epoch", "adopt", granted.out}).status, 0);
  sell(till(), "C-4");
  EXPECT_TRUE(eventually([&] { return caught_up(); }, patience));
  // The clone stays out, whatever it sells.
  sell(clone_till, "C-clone-2");
  EXPECT_TRUE(eventually(
      [&] { return bench::text_at(clone_status().root(), "hubReason").find("epoch 2") != std::string::npos; },
      patience));
  EXPECT_EQ(sales_at_hub(), 4);
  expect_sums_agree();
  clone->terminate();
}

TEST_F(RestoredHub, MissesNothingWhereTheNewEpochIsAdoptedAsSoonAsItIsGranted) {
  ASSERT_TRUE(start(1));
  sell(till(), "G-1");
  ASSERT_TRUE(eventually([&] { return caught_up(); }, patience));
  const std::string yesterday = folder_.file("yesterday.db");
  ASSERT_EQ(hub({"backup", yesterday}).status, 0);
  ASSERT_EQ(hub({"store", "new-epoch", "store-1", "--reason", "a drill"}).out, "2");
  ASSERT_EQ(edge({"epoch", "adopt", "2"}).status, 0);
  for (const char* sale : {"G-2", "G-3", "G-4"}) sell(till(), sale);
  ASSERT_TRUE(eventually([&] { return caught_up(); }, patience));

  fleet().hub().terminate();
  ASSERT_EQ(hub({"restore", yesterday}).status, 0);
  ASSERT_TRUE(fleet().start_hub());
  ASSERT_TRUE(eventually(
      [&] {
        return bench::text_at(status().root(), "hubReason").find("it was restored") != std::string::npos;
      },
      patience));
  EXPECT_EQ(bench::integer_at(*status().root().find("outbox"), "lag"), 3) << "the hub has nothing of epoch 2";
  ASSERT_EQ(hub({"store", "new-epoch", "store-1", "--reason", "the hub was restored"}).out, "3");
  const auto adopted = edge({"epoch", "adopt", "3", "--json"});
  ASSERT_EQ(adopted.status, 0) << adopted.err;
  EXPECT_EQ(adopted.out, R"({"epoch":3,"events":3,"historyLost":false})");
  EXPECT_TRUE(eventually([&] { return caught_up(); }, patience));
  EXPECT_EQ(sales_at_hub(), 4);
  expect_sums_agree();
}

TEST_F(RestoredHub, HearsWhichSalesAreGoneOnceItsGapIsAccepted) {
  ASSERT_TRUE(start(1));
  // What the hub has goes at the next run.
  std::ofstream(fleet().edge_config(0), std::ios::app) << "\noutbox: { keep_days: 0 }\n";
  fleet().edge(0).terminate();
  ASSERT_TRUE(fleet().start_edge(0));
  sell(till(), "L-1");
  ASSERT_TRUE(eventually([&] { return caught_up(); }, patience));
  const std::string yesterday = folder_.file("yesterday.db");
  ASSERT_EQ(hub({"backup", yesterday}).status, 0);
  const std::vector<std::string> gone{sell(till(), "L-2"), sell(till(), "L-3")};
  sell(till(), "L-4");  // the last event stays
  ASSERT_TRUE(eventually([&] { return caught_up(); }, patience));
  ASSERT_EQ(edge({"jobs", "run", "prune-outbox"}).status, 0);

  fleet().hub().terminate();
  ASSERT_EQ(hub({"restore", yesterday}).status, 0);
  ASSERT_TRUE(fleet().start_hub());
  ASSERT_TRUE(eventually(
      [&] { return bench::text_at(status().root(), "hubReason").find("history lost") != std::string::npos; },
      patience));
  EXPECT_EQ(bench::integer_at(*status().root().find("outbox"), "lag"), 3);
  const auto pruned = json::parse(edge({"jobs", "run", "prune-outbox", "--json"}).out).value();
  EXPECT_EQ(bench::integer_at(pruned.root(), "removed"), 0) << "the hub may lack it";
  ASSERT_TRUE(eventually([&] { return is_forked(); }, patience));
  ASSERT_EQ(hub({"store", "accept-gap", "store-1", "--reason", "no newer backup"}).status, 0);
  ASSERT_TRUE(eventually([&] { return caught_up(); }, patience));
  EXPECT_EQ(sales_at_hub(), 2);

  const auto named = json::parse(edge({"jobs", "run", "reconcile", "--json"}).out).value();
  EXPECT_EQ(bench::integer_at(named.root(), "missingAtHub"), 2);
  std::ifstream file(fleet().log_of("edge-1"));
  const std::string log{std::istreambuf_iterator<char>(file), {}};
  for (const std::string& session : gone) {
    const std::regex line("is missing at the hub[^\n]*" + session);
    EXPECT_TRUE(std::regex_search(log, line)) << session;
  }
  EXPECT_NE(metrics(fleet().edge_ops_url(0)).find("missing_at_hub"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return caught_up(); }, patience));
  const auto again = json::parse(edge({"jobs", "run", "reconcile", "--json"}).out).value();
  EXPECT_EQ(again.root().find("missingAtHub"), nullptr) << "all are named";
  expect_sums_agree();
}

TEST_F(RestoredHub, GetsTheRestAgainFromEveryStoreAndTheSumsAgree) {
  goes_back_a_day_under_live_edges();
}

TEST_F(RestoredHub, GetsTheRestAgainOnPostgres) {
  const auto server = bench::PostgresServer::start();
  ASSERT_TRUE(server) << server.error().detail;
  goes_back_a_day_under_live_edges(server->url("perkline"));
}

}  // namespace
}  // namespace perkline::test
