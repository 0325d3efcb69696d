#include <array>
#include <atomic>
#include <cstdio>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "bench/fleet/postgres_server.hpp"
#include "bench/fleet/web.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/money.hpp"
#include "tests/fault/kill/chain_under_fault.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t members = 6;

std::int64_t minor(std::string_view amount) {
  return parse_amount(amount, find_currency("USD").value()).value().minor;
}

/// Members of a real hub pay while it is killed again and again.
class PaymentsKilled : public ChainUnderFault {
 protected:
  struct Member {
    std::string id;
    std::string token;
  };
  struct Begun {
    std::size_t member = 0;
    std::string amount;
  };

  /// The whole round where it takes seconds; on PostgreSQL it is the long one, by PERKLINE_PAYMENTS=1000 and
  /// PERKLINE_PAYMENT_KILLS=10.
  virtual int payments_wanted() const { return asked_for("PERKLINE_PAYMENTS", 1'000); }
  virtual int kills_wanted() const { return asked_for("PERKLINE_PAYMENT_KILLS", 10); }

  void start_hub(const std::string& database_url = {}) {
    ASSERT_NO_FATAL_FAILURE(start(0, database_url));
    for (std::size_t i = 0; i < members; ++i) {
      const auto in =
          call("POST", "/api/v1/auth/register", "",
               R"({"email":"m)" + std::to_string(i) + R"(@example.com","password":"a password of twelve"})");
      const auto document = in.json();
      members_[i] = {.id = bench::text_at(*document.root().find("user"), "id"),
                     .token = bench::text_at(document.root(), "accessToken")};
    }
  }

  /// Again until somebody answers: under its key a payment is begun once.
  bench::WebAnswer call(const std::string& method, const std::string& path, const std::string& token,
                        const std::string& body = {}, const std::string& key = {}) const {
    std::map<std::string, std::string> headers;
    if (!key.empty()) headers.emplace("Idempotency-Key", key);
    const auto give_up = steady_clock::now() + std::chrono::seconds(60);
    while (steady_clock::now() < give_up) {
      auto answer = bench::call({.method = method,
                                 .origin = fleet_->hub_url(),
                                 .path = path,
                                 .body = body,
                                 .bearer = token,
                                 .headers = headers});
      const bool again = !answer || answer->status >= 500 ||
                         (answer->status == 409 && answer->body.contains("REQUEST_IN_PROGRESS"));
      if (!again) return std::move(*answer);
      std::this_thread::sleep_for(milliseconds(20));
    }
    ADD_FAILURE() << "nobody answers " << path;
    return {};
  }

  /// One payment after the other until there are enough; some are more than there is, and refused.
  void pay(std::uint64_t seed) {
    static constexpr std::array<const char*, 8> amounts{"20.00", "5.00",  "99.01", "7.77",
                                                        "99.02", "99.03", "99.04", "1.00"};
    SeededRng rng(seed);
    for (int i = 0; begun_count_ < payments_wanted(); ++i) {
      const std::size_t payer = rng.below(members);
      const std::string amount = amounts.at(rng.below(amounts.size()));
      const std::size_t payee = rng.below(2 * members);
      std::string body = R"({"amount":")" + amount + R"(","currency":"USD")";
      if (payee < members && payee != payer) body += R"(,"payTo":")" + members_[payee].id + '"';
      const auto answer = call("POST", "/api/v1/payments", members_[payer].token, body + '}',
                               std::to_string(seed) + '-' + std::to_string(i));
      if (answer.status == 409 && answer.body.contains("INSUFFICIENT_FUNDS")) continue;
      ASSERT_EQ(answer.status, 201) << answer.body;
      const std::scoped_lock lock(mutex_);
      begun_[bench::text_at(answer.json().root(), "id")] = {.member = payer, .amount = amount};
      ++begun_count_;
    }
  }

  void kill_while_they_pay() {
    const std::uint64_t seed = SystemRng().below(1'000'000);
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    SeededRng rng(seed);
    std::vector<std::jthread> payers;
    for (std::uint64_t i = 0; i < 4; ++i) payers.emplace_back([this, seed, i] { pay(seed + i + 1); });
    for (int kill = 1; kill < kills_wanted(); ++kill) {
      // Spread over all of them, each at a moment nobody chose.
      const int reached = payments_wanted() * kill / kills_wanted();
      ASSERT_TRUE(eventually([&] { return begun_count_ >= reached; }, std::chrono::seconds(120)));
      std::this_thread::sleep_for(milliseconds(rng.below(300)));
      ASSERT_NO_FATAL_FAILURE(kill_and_start());
    }
    payers.clear();
    kill_and_start();  // The last ones are hardly decided by then.
  }

  void kill_and_start() {
    killed_at_.push_back(format_time(SystemClock().wall_now()));
    fleet_->hub().kill();
    const auto started = fleet_->start_hub();
    ASSERT_TRUE(started) << started.error().detail;
    last_start_ = steady_clock::now();
  }

  /// All items of a list.
  template <class Each>
  void for_each_item(const std::string& path, const std::string& token, Each each) const {
    std::string cursor;
    do {
      const auto answer =
          call("GET", path + "?limit=200" + (cursor.empty() ? "" : "&cursor=" + cursor), token);
      ASSERT_EQ(answer.status, 200) << answer.body;
      const auto document = answer.json();
      for (const auto& item : document.root().find("items")->items()) each(item);
      cursor = bench::text_at(document.root(), "nextCursor");
    } while (!cursor.empty());
  }

  std::size_t pending() const {
    std::size_t count = 0;
    for (const Member& member : members_) {
      for_each_item("/api/v1/payments", member.token, [&](const json::Value& payment) {
        count += bench::text_at(payment, "status") == "pending" ? 1 : 0;
      });
    }
    return count;
  }

  void expect_all_decided() {
    EXPECT_TRUE(eventually([this] { return pending() == 0; }, std::chrono::seconds(10)));
    const std::chrono::duration<double> took = steady_clock::now() - last_start_;
    std::printf("%d payments, %d kills, none pending %.1f s after the last start\n", begun_count_.load(),
                kills_wanted(), took.count());
    std::set<std::string> survived;  // kills that found something begun and not decided
    for (const auto& [id, begun] : begun_) {
      const auto answer = call("GET", "/api/v1/payments/" + id, members_[begun.member].token);
      const std::string began = bench::text_at(answer.json().root(), "createdAt");
      const std::string decided = bench::text_at(answer.json().root(), "decidedAt");
      for (const std::string& kill : killed_at_) {
        if (began < kill && kill < decided) survived.insert(kill);
      }
      const bool fails = begun.amount == "99.01" || begun.amount == "99.04";
      EXPECT_EQ(bench::text_at(answer.json().root(), "status"), fails ? "failed" : "completed")
          << begun.amount;
    }
    std::printf("%zu of the kills found payments pending\n", survived.size());
    EXPECT_FALSE(survived.empty());
  }

  /// What the records say is what the wallets hold, and each payment has one.
  void expect_wallets_equal_records() {
    const auto admin = fleet_->log_in();
    ASSERT_TRUE(admin);
    std::map<std::string, std::int64_t> balances;
    std::set<std::string> recorded;
    for_each_item("/api/v1/billing/records", *admin, [&](const json::Value& record) {
      const std::string payment = bench::text_at(record, "paymentId");
      EXPECT_TRUE(recorded.insert(payment).second) << payment;
      EXPECT_TRUE(begun_.contains(payment)) << payment;
      if (bench::text_at(record, "status") != "completed") return;
      const std::int64_t amount = minor(bench::text_at(record, "amount"));
      const bool top_up = bench::text_at(record, "type") == "TOP_UP";
      balances[bench::text_at(record, "userId")] += top_up ? amount : -amount;
      if (!top_up) balances[bench::text_at(record, "payTo")] += amount;
    });
    EXPECT_EQ(recorded.size(), begun_.size());
    for (const Member& member : members_) {
      const auto wallet = call("GET", "/api/v1/wallet", member.token).json();
      const json::Value& usd = wallet.root().find("balances")->items()[0];
      EXPECT_EQ(minor(bench::text_at(usd, "available")), balances[member.id]) << member.id;
      EXPECT_EQ(bench::text_at(usd, "held"), "0.00") << member.id;
    }
    const auto verified = fleet_->hub_command({"verify"});
    ASSERT_TRUE(verified);
    EXPECT_EQ(verified->status, 0) << verified->out << verified->err;
  }

  void play() {
    ASSERT_NO_FATAL_FAILURE(kill_while_they_pay());
    expect_all_decided();
    expect_wallets_equal_records();
  }

  std::array<Member, members> members_;
  std::mutex mutex_;
  std::map<std::string, Begun> begun_;
  std::atomic<int> begun_count_ = 0;
  std::vector<std::string> killed_at_;  ///< As the API writes times, which sort as text.
  steady_clock::time_point last_start_;
};

TEST_F(PaymentsKilled, AreAllDecidedAndBookedOnce) {
  ASSERT_NO_FATAL_FAILURE(start_hub());
  play();
}

class PaymentsOnPostgresKilled : public PaymentsKilled {
 protected:
  int payments_wanted() const override { return asked_for("PERKLINE_PAYMENTS", 200); }
  int kills_wanted() const override { return asked_for("PERKLINE_PAYMENT_KILLS", 3); }
};

TEST_F(PaymentsOnPostgresKilled, AreAllDecidedAndBookedOnce) {
  auto server = bench::PostgresServer::start();
  ASSERT_TRUE(server) << server.error().detail;
  ASSERT_NO_FATAL_FAILURE(start_hub(server->url("perkline")));
  play();
  fleet_.reset();  // before its database
}

}  // namespace
}  // namespace perkline::test
