// The whole chain with the hub on PostgreSQL: real binaries, a real server that comes and goes, two hubs.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>

#include "bench/demo/reconcile.hpp"
#include "bench/fleet/postgres_server.hpp"
#include "bench/load/sample.hpp"
#include "shared/core/random.hpp"
#include "tests/fault/rig/hub_books.hpp"
#include "tests/fault/rig/money_oracle.hpp"
#include "tests/integration/chain.hpp"
#include "tests/support/tcp_proxy.hpp"

namespace perkline::test {
namespace {

using std::chrono::steady_clock;

bench::WebAnswer ask(const std::string& origin, const std::string& path, const std::string& token = "") {
  return bench::call({.origin = origin, .path = path, .bearer = token}).value_or(bench::WebAnswer{});
}

bench::WebAnswer log_in_at(const std::string& origin, const bench::Fleet& fleet) {
  return bench::call({.method = "POST",
                      .origin = origin,
                      .path = "/api/v1/auth/login",
                      .body = R"({"login":")" + fleet.admin_login() + R"(","password":")" +
                              fleet.admin_password() + R"("})"})
      .value_or(bench::WebAnswer{});
}

/// Tills that sell all the time, on a thread beside the test's.
class Selling {
 public:
  Selling(const bench::Fleet& fleet, const std::string& prefix, double sales_per_second)
      : baskets_(bench::sample_baskets({.baskets = 20'000, .customers = 200}, prefix)) {
    options_.rate = sales_per_second;
    options_.return_every = 7;
    options_.redeem_every = 11;
    for (std::size_t i = 0; i < fleet.edges(); ++i)
      options_.edges.push_back({fleet.edge_url(i), fleet.terminal_key(i)});
    thread_ = std::thread([this] {
      summary_ = bench::replay(baskets_, options_, stop_, [this](std::size_t done) { done_ = done; });
    });
  }
  ~Selling() { (void)stop(); }

  std::size_t done() const { return done_; }
  /// Some more sales. False: there were none.
  bool goes_on(std::size_t by = 20) {
    const std::size_t from = done_;
    return eventually([&] { return done_ >= from + by; });
  }
  std::vector<bench::SoldBasket> stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    EXPECT_TRUE(summary_.failed.empty()) << summary_.failed.begin()->first;
    return std::move(summary_.sold);
  }

 private:
  std::vector<bench::Basket> baskets_;
  bench::ReplayOptions options_;
  std::atomic<bool> stop_ = false;
  std::atomic<std::size_t> done_ = 0;
  bench::ReplaySummary summary_;
  std::thread thread_;
};

/// Two seconds for the same key in progress, eight to be tried, a last one, three to look a commit up; and a
/// busy machine.
constexpr std::chrono::seconds longest_call{18};

/// A client that asks a hub all the time, and holds each answer to what it may be.
class Asking {
 public:
  Asking(std::string origin, std::string token) : origin_(std::move(origin)), token_(std::move(token)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Asking() {
    stop_ = true;
    thread_.join();
  }
  int served() const { return served_; }
  int turned_away() const { return turned_away_; }
  /// For any answer.
  std::chrono::milliseconds longest() const { return std::chrono::milliseconds(longest_); }

 private:
  void run() {
    for (int i = 0; !stop_; ++i) {
      const auto before = steady_clock::now();
      const auto answer = ask(origin_, i % 2 == 0 ? "/api/v1/stores" : "/api/v1/stats/overview", token_);
      const auto waited = std::chrono::ceil<std::chrono::milliseconds>(steady_clock::now() - before);
      longest_ = std::max(longest_.load(), waited.count());
      EXPECT_LT(waited, longest_call) << "hangs";
      if (answer.status == 200) {
        ++served_;
      } else {
        expect_problem(answer, 503, "DATABASE_UNAVAILABLE");
        EXPECT_NE(header_of(answer, "retry-after"), "");
        ++turned_away_;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  const std::string origin_;
  const std::string token_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> served_ = 0;
  std::atomic<int> turned_away_ = 0;
  std::atomic<std::chrono::milliseconds::rep> longest_ = 0;
  std::thread thread_;
};

/// A member of staff who credits somebody a cent under one key after another, each until it is answered so.
class Crediting {
 public:
  Crediting(std::string origin, std::string token, std::string user)
      : origin_(std::move(origin)), token_(std::move(token)), user_(std::move(user)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Crediting() { (void)stop(); }
  int done() const { return done_; }
  int turned_away() const { return turned_away_; }
  int stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return done_;
  }

 private:
  void run() {
    while (true) {
      const std::string key = user_ + "-" + std::to_string(done_.load());
      const auto before = steady_clock::now();
      const auto answer = bench::call({.method = "POST",
                                       .origin = origin_,
                                       .path = "/api/v1/wallet/credits",
                                       .body = R"({"userId":")" + user_ +
                                               R"(","amount":"0.01","currency":"USD","reason":"test"})",
                                       .bearer = token_,
                                       .headers = {{"Idempotency-Key", key}}})
                              .value_or(bench::WebAnswer{});
      EXPECT_LT(steady_clock::now() - before, longest_call) << "hangs";
      if (answer.status == 201) {
        ++done_;
        // Not before: what was turned away may have been done all the same.
        if (stop_) return;
        continue;
      }
      // What held the key may still be on its way.
      if (answer.status != 409) expect_problem(answer, 503, "DATABASE_UNAVAILABLE");
      EXPECT_NE(header_of(answer, "retry-after"), "");
      ++turned_away_;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  const std::string origin_;
  const std::string token_;
  const std::string user_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> done_ = 0;
  std::atomic<int> turned_away_ = 0;
  std::thread thread_;
};

/// A store's line, which leads now to one hub, now to another, and is cut each time.
class Wandering {
 public:
  Wandering(TcpProxy& line, std::vector<std::uint16_t> hubs) : line_(line), hubs_(std::move(hubs)) {
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        line_.lead_to(hubs_[rng_.below(hubs_.size())]);
        ++moves_;
        // Time to connect again takes half a second and more.
        std::this_thread::sleep_for(std::chrono::milliseconds(300 + rng_.below(2'000)));
      }
    });
  }
  int moves() const { return moves_; }

 private:
  TcpProxy& line_;
  const std::vector<std::uint16_t> hubs_;
  SystemRng rng_;
  std::atomic<int> moves_ = 0;
  std::jthread thread_;
};

/// Two stores and two hubs on one PostgreSQL, none of which anything happens to when a test begins.
class PostgresChain : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto server = bench::PostgresServer::start();
    ASSERT_TRUE(server) << server.error().detail;
    server_ = new bench::PostgresServer(std::move(*server));
    folder_ = new TempDir();
    auto options = fleet_options(*folder_, 2);
    options.database_url = server_->url("perkline");
    options.replicas = 1;
    line_ = new TcpProxy(0);
    options.edge_hub_ports = {line_->port()};
    auto fleet = bench::Fleet::start(std::move(options));
    ASSERT_TRUE(fleet) << fleet.error().detail;
    fleet_ = new bench::Fleet(std::move(*fleet));
    line_->lead_to(fleet_->sync_port());
  }
  static void TearDownTestSuite() {
    delete fleet_;
    delete line_;
    delete folder_;
    delete server_;
  }
  void SetUp() override { ASSERT_NE(fleet_, nullptr); }
  static bench::Fleet& fleet() { return *fleet_; }
  /// By which the first store reaches the hubs; the second knows both.
  static TcpProxy& line() { return *line_; }
  static bench::PostgresServer& server() { return *server_; }

  static std::string token() {
    const auto token = fleet().log_in();
    EXPECT_TRUE(token);
    return token.value_or("");
  }
  static std::string hub_command(std::vector<std::string> arguments) {
    const auto output = fleet().hub_command(std::move(arguments));
    EXPECT_TRUE(output && output->status == 0) << (output ? output->err : "");
    return output ? output->out : "";
  }
  /// Until tills, PDI and the hub say the same of every store; of these sales and those of the tests before.
  static void expect_all_to_agree(const std::vector<bench::SoldBasket>& more) {
    static std::vector<bench::SoldBasket> sold;
    sold.insert(sold.end(), more.begin(), more.end());
    bench::Reconciliation last;
    EXPECT_TRUE(eventually(
        [&] {
          bench::learn_outcomes(fleet(), sold);
          auto all = bench::reconcile(fleet(), sold);
          if (!all) return false;
          last = std::move(*all);
          return last.agree();
        },
        std::chrono::seconds(60)))
        << bench::to_table(last);
    const auto verified = json::parse(hub_command({"verify", "--json"}));
    ASSERT_TRUE(verified);
    EXPECT_TRUE(verified->root().find("ok")->boolean());
    EXPECT_GT(bench::integer_at(verified->root(), "entries"), 0);
    EXPECT_TRUE(json::parse(hub_command({"dead-letters", "list", "--json"}))->root().items().empty());
    expect_each_event_once();
  }
  /// What the stores have numbered is what the hub has applied, and what it has told of.
  static void expect_each_event_once() {
    std::int64_t numbered = 0;
    for (std::size_t edge = 0; edge < fleet().edges(); ++edge) {
      const auto output = fleet().edge_command(edge, {"status", "--json"});
      const auto status = json::parse(output ? output->out : "");
      ASSERT_TRUE(status);
      numbered += bench::integer_at(*status->root().find("outbox"), "tail");
    }
    const std::string url = fleet().hub_database_url();
    EXPECT_EQ(events_applied(url), numbered);
    const HubBooks books = read_hub_books(url);
    auto told = events_told(url);
    const auto finalized = std::ranges::count(books.sales, "finalized", &HubBooks::Sale::state);
    EXPECT_EQ(told["SALE_FINALIZED"] + told["SALE_SETTLED"], finalized);
    EXPECT_EQ(told["SALE_RETURNED"], static_cast<std::int64_t>(books.returns.size()));
  }
  /// Events of stores that the hub behind that ops port has taken in.
  static double taken_in(const std::string& ops_url) {
    const std::string text = ask(ops_url, "/metrics").body;
    double sum = 0;
    for (std::size_t at = text.find("\nperkline_hub_sync_events_total"); at != std::string::npos;
         at = text.find("\nperkline_hub_sync_events_total", at + 1)) {
      const std::size_t end = text.find('\n', at + 1);
      sum += std::stod(text.substr(text.rfind(' ', end) + 1));
    }
    return sum;
  }

 private:
  static inline bench::PostgresServer* server_ = nullptr;
  static inline TcpProxy* line_ = nullptr;
  static inline TempDir* folder_ = nullptr;
  static inline bench::Fleet* fleet_ = nullptr;
};

/// PERKLINE_RESTARTS: of PostgreSQL.
int restarts() {
  const char* asked = std::getenv("PERKLINE_RESTARTS");
  return asked == nullptr ? 3 : std::atoi(asked);
}

TEST_F(PostgresChain, EachEventCountsOnceWhileServerHubsAndStoresComeAndGo) {
  const std::vector<std::uint16_t> hubs{fleet().sync_port(), fleet().replica_sync_port(0)};
  Selling selling(fleet(), "PG-", 25);
  ASSERT_TRUE(selling.goes_on());
  MoneyClients money(fleet(), {.clients = 3});
  {
    Wandering wandering(line(), hubs);
    Asking one(fleet().hub_url(), token());
    Asking other(fleet().replica_url(0), token());
    for (int round = 0; round < restarts(); ++round) {
      round % 2 == 0 ? server().stop() : server().kill();
      const int before = one.turned_away() + other.turned_away();
      EXPECT_TRUE(eventually([&] { return one.turned_away() + other.turned_away() >= before + 20; }));
      EXPECT_EQ(ask(fleet().hub_url(), "/health").status, 200);
      EXPECT_TRUE(eventually([&] { return ask(fleet().hub_ops_url(), "/health/ready").status == 503; }));
      EXPECT_EQ(log_in_at(fleet().hub_url(), fleet()).status, 503);
      EXPECT_TRUE(selling.goes_on()) << "tills do not wait for the hub";
      ASSERT_TRUE(server().start_again());
      const int served_one = one.served();
      const int served_other = other.served();
      const std::size_t orders = money.acknowledged();
      EXPECT_TRUE(eventually([&] {
        return one.served() > served_one + 5 && other.served() > served_other + 5 &&
               money.acknowledged() > orders + 5;
      }));
      EXPECT_TRUE(selling.goes_on());
    }
    EXPECT_TRUE(eventually(
        [&] { return taken_in(fleet().hub_ops_url()) > 0 && taken_in(fleet().replica_ops_url(0)) > 0; }));
    const auto longest = std::max(one.longest(), other.longest());
    std::printf(
        "%d restarts, %d moves of a store; %d calls served, %d turned away, none longer than %lld ms\n",
        restarts(), wandering.moves(), one.served() + other.served(), one.turned_away() + other.turned_away(),
        static_cast<long long>(longest.count()));
    EXPECT_LT(longest, std::chrono::seconds(12)) << "hangs";
  }
  // The second store is at either hub: when that goes, it comes to the other.
  const auto cursors = [&] {
    std::int64_t sum = 0;
    const auto stores = json::parse(hub_command({"store", "list", "--json"}));
    for (const auto& store : stores->root().items()) {
      if (bench::text_at(store, "id") == fleet().store_id(1)) sum += bench::integer_at(store, "cursor");
    }
    return sum;
  };
  const auto taken_in_by_the_other = [&] {
    const std::int64_t before = cursors();
    return eventually([&] { return cursors() > before + 20; }, std::chrono::seconds(45));
  };
  fleet().hub().kill();
  line().lead_to(hubs[1]);
  EXPECT_TRUE(taken_in_by_the_other());
  ASSERT_TRUE(fleet().start_hub());
  fleet().replica(0).kill();
  line().lead_to(hubs[0]);
  EXPECT_TRUE(taken_in_by_the_other());
  ASSERT_TRUE(fleet().start_replica(0));

  const MoneyVerdict orders = judge_money(fleet(), money.stop());
  std::printf("%s\n", orders.to_text().c_str());
  EXPECT_TRUE(orders.ok()) << orders.to_text();
  expect_all_to_agree(selling.stop());
}

TEST_F(PostgresChain, WhileItsServerStandsStillCallersAreTurnedAwayInTimeAndThenAllGoesOn) {
  const auto registered =
      bench::call({.method = "POST",
                   .origin = fleet().hub_url(),
                   .path = "/api/v1/auth/register",
                   .body = R"({"email":"still@example.com","password":"correct horse 42"})"})
          .value_or(bench::WebAnswer{});
  ASSERT_EQ(registered.status, 201) << registered.body;
  const auto body = json::parse(registered.body);
  ASSERT_TRUE(body);
  const std::string user(body->root().find("user")->find("id")->text());
  const std::string member(body->root().find("accessToken")->text());
  Selling selling(fleet(), "STILL-", 20);
  ASSERT_TRUE(selling.goes_on());
  Asking asking(fleet().hub_url(), token());
  Crediting crediting(fleet().hub_url(), token(), user);
  Crediting also_crediting(fleet().replica_url(0), token(), user);
  EXPECT_TRUE(eventually([&] { return crediting.done() > 20 && also_crediting.done() > 20; }));

  server().freeze();
  const auto until = steady_clock::now() + std::chrono::seconds(20);
  EXPECT_TRUE(eventually([&] { return asking.turned_away() > 0 && crediting.turned_away() > 0; }));
  EXPECT_EQ(ask(fleet().hub_url(), "/health").status, 200);
  EXPECT_TRUE(selling.goes_on()) << "tills do not wait for the hub";
  EXPECT_TRUE(eventually([&] { return steady_clock::now() > until; }));
  server().thaw();

  const int before = crediting.done();
  const int also_before = also_crediting.done();
  EXPECT_TRUE(
      eventually([&] { return crediting.done() > before + 20 && also_crediting.done() > also_before + 20; }));
  EXPECT_TRUE(selling.goes_on());
  // The same user's keys: each was one credit, whichever hub it came to.
  const int credits = std::max(crediting.stop(), also_crediting.stop());
  const auto wallet = json::parse(ask(fleet().hub_url(), "/api/v1/wallet", member).body);
  ASSERT_TRUE(wallet);
  EXPECT_EQ(wallet->root().find("balances")->items()[0].find("available")->text(),
            fmt::format("{}.{:02}", credits / 100, credits % 100));
  expect_all_to_agree(selling.stop());
}

TEST(PostgresLate, AHubThatIsStartedBeforeItsDatabaseComesUpWithIt) {
  auto server = bench::PostgresServer::start();
  ASSERT_TRUE(server) << server.error().detail;
  const TempDir folder;
  auto options = fleet_options(folder, 1);
  options.database_url = server->url("perkline");
  auto fleet = bench::Fleet::start(std::move(options));
  ASSERT_TRUE(fleet) << fleet.error().detail;
  fleet->hub().terminate();
  server->stop();
  const auto away = fleet->hub_command({"verify"});
  ASSERT_TRUE(away);
  EXPECT_EQ(away->status, 1);
  EXPECT_EQ(away->out, "");

  ASSERT_TRUE(fleet->start_hub());  // /health answers
  for (const char* path : {"/api/v1/stores", "/.well-known/jwks.json", "/api/v1/stores/store-1"}) {
    const auto answer = ask(fleet->hub_url(), path);
    expect_problem(answer, 503, "DATABASE_UNAVAILABLE");
    EXPECT_NE(header_of(answer, "retry-after"), "") << path;
  }
  EXPECT_EQ(log_in_at(fleet->hub_url(), *fleet).status, 503);
  EXPECT_EQ(ask(fleet->hub_url(), "/api/v1/nothing").status, 404);
  EXPECT_EQ(ask(fleet->hub_ops_url(), "/health").status, 200);
  EXPECT_EQ(ask(fleet->hub_ops_url(), "/health/ready").status, 503);
  const Till till(fleet->edge_url(0), fleet->terminal_key(0));
  const std::string session = till.price("LATE-1");
  EXPECT_EQ(till.finalize(session, "LATE-1").status, 200);

  ASSERT_TRUE(server->start_again());
  EXPECT_TRUE(eventually([&] { return log_in_at(fleet->hub_url(), *fleet).status == 200; }));
  EXPECT_TRUE(eventually([&] { return ask(fleet->hub_ops_url(), "/health/ready").status == 200; }));
  const std::string token = fleet->log_in().value_or("");
  EXPECT_TRUE(eventually([&] {
    return number_at(ask(fleet->hub_url(), "/api/v1/points/balance?customerId=CUST-12345", token),
                     "balance") == 0 &&
           ask(fleet->hub_url(), "/api/v1/points/balance?customerId=CUST-12345", token).status == 200;
  }));
  EXPECT_EQ(fleet->hub().terminate(), 0);
}

}  // namespace
}  // namespace perkline::test
