#pragma once

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>

#include "shared/core/clock.hpp"
#include "tests/integration/chain.hpp"
#include "tests/support/tcp_proxy.hpp"

namespace perkline::test {

/// Members at two real stores' tills and on the web: the wheel and promotions.
class AtTheTill : public ChainTest {
 protected:
  static void SetUpTestSuite() {
    line_ = new TcpProxy(0);
    start_chain(2, {}, {}, {}, {}, {0, line_->port()});
    if (HasFatalFailure()) return;
    line_->lead_to(fleet().sync_port());
  }
  static void TearDownTestSuite() {
    ChainTest::TearDownTestSuite();
    delete line_;
  }
  /// By which the second store reaches the hub.
  static TcpProxy& line() { return *line_; }

  static bench::WebAnswer call(const std::string& method, const std::string& path, const std::string& body,
                               const std::string& token) {
    auto answer = bench::call({.method = method,
                               .origin = fleet().hub_url(),
                               .path = "/api/v1/" + path,
                               .body = body,
                               .bearer = token,
                               .headers = {{"Idempotency-Key", next()}}});
    EXPECT_TRUE(answer) << path;
    return answer.value_or(bench::WebAnswer{});
  }
  static bench::WebAnswer as_admin(const std::string& method, const std::string& path,
                                   const std::string& body) {
    return call(method, path, body, fleet().log_in().value_or(""));
  }
  static std::string next() {
    static std::atomic<int> count{0};
    return "PRG-" + std::to_string(++count);
  }
  static std::string day_from_now(int days) {
    return format_day(utc_day(SystemClock().wall_now()) + std::chrono::days{days});
  }
  static bool contains(const bench::WebAnswer& answer, const std::string& text) {
    return answer.body.find(text) != std::string::npos;
  }
  static std::string text_in(const bench::WebAnswer& answer, const std::string& object,
                             const std::string& name) {
    const auto document = answer.json();
    const json::Value* inner = document.root().find(object);
    return inner == nullptr ? "" : bench::text_at(*inner, name);
  }

  /// A sale that PDI books: its transaction.
  static std::string sell(std::size_t edge, const std::string& card, std::string* receipt = nullptr) {
    const Till till = till_of(edge);
    const std::string transaction = next();
    const auto answer = till.finalize(till.price(transaction, "150.00", card), transaction);
    EXPECT_EQ(answer.status, 200) << answer.body;
    if (receipt != nullptr) *receipt = text_at(answer, "receiptId");
    return transaction;
  }
  static bench::WebAnswer spin(std::size_t edge, const std::string& card, const std::string& transaction) {
    return till_of(edge).post("spin", R"({"customerId":")" + card + R"(","transactionId":")" + transaction +
                                          R"(","clientSeed":"lucky"})");
  }
  static bench::WebAnswer claim(std::size_t edge, const std::string& card, const std::string& promotion,
                                const std::string& transaction) {
    return till_of(edge).post("promotions/claim", R"({"customerId":")" + card + R"(","promotionId":")" +
                                                      promotion + R"(","transactionId":")" + transaction +
                                                      "\"}");
  }
  static void expect_all_at_hub(std::size_t edge) {
    EXPECT_TRUE(eventually([&] { return number_at(hub("stores/" + fleet().store_id(edge)), "lag") == 0; }));
  }
  /// That store is in touch with the hub, and has what that has told it.
  static void expect_in_touch(std::size_t edge) {
    EXPECT_TRUE(eventually([&] {
      const auto status = edge_command(edge, {"status", "--json"});
      return status.out.find(R"("hub":"streaming")") != std::string::npos;
    }));
  }
  static void hub_goes() { ASSERT_EQ(fleet().hub().terminate(), 0); }
  static void hub_comes_back() {
    ASSERT_TRUE(fleet().start_hub());
    for (const std::size_t edge : {0u, 1u}) expect_in_touch(edge);
  }

  struct Member {
    std::string card;
    std::string user;
    std::string token;
  };
  /// Somebody whose card a receipt proves, known at both stores.
  static Member join(std::size_t number) {
    Member member{.card = members_at_pdi("Silver").at(number), .user = {}, .token = {}};
    std::string receipt;
    sell(0, member.card, &receipt);
    sell(1, member.card);
    for (const std::size_t edge : {0u, 1u}) expect_all_at_hub(edge);
    const auto registered = call("POST", "auth/register",
                                 R"({"email":"till)" + std::to_string(number) +
                                     R"(@example.com","password":"a password of twelve","loyaltyId":")" +
                                     member.card + R"(","receiptId":")" + receipt + "\"}",
                                 "");
    EXPECT_EQ(registered.status, 201) << registered.body;
    member.user = text_in(registered, "user", "id");
    member.token = text_at(registered, "accessToken");
    return member;
  }
  static void give_points(const Member& member, int points) {
    const auto given = as_admin("POST", "points/apply",
                                R"({"userId":")" + member.user + R"(","delta":)" + std::to_string(points) +
                                    R"(,"reason":"for the test","externalId":")" + next() + "\"}");
    ASSERT_EQ(given.status, 201) << given.body;
  }
  static std::int64_t points_of(const Member& member) {
    return number_at(call("GET", "points/balance", "", member.token), "balance");
  }
  static std::string wallet_of(const Member& member) {
    const auto wallet = call("GET", "wallet", "", member.token).json();
    const json::Value* balances = wallet.root().find("balances");
    if (balances == nullptr || balances->items().empty()) return "none";
    return bench::text_at(balances->items()[0], "available");
  }
  /// A promotion of 20.00 that is the member's to claim, and told to the stores.
  static std::string assign(const Member& member, const std::string& title) {
    const auto made = as_admin("POST", "promotions",
                               R"({"title":")" + title + R"(","description":"d","type":"BONUS",)" +
                                   R"("amount":"20.00","currency":"USD","startDate":")" + day_from_now(-1) +
                                   R"(","endDate":")" + day_from_now(9) + R"("})");
    EXPECT_EQ(made.status, 201) << made.body;
    const std::string id = text_at(made, "id");
    const auto assigned =
        as_admin("POST", "promotions/" + id + "/assign", R"({"userIds":[")" + member.user + R"("]})");
    EXPECT_EQ(assigned.status, 200) << assigned.body;
    for (const std::size_t edge : {0u, 1u}) {
      EXPECT_TRUE(eventually([&] { return contains(listed(edge, member), id); }))
          << listed(edge, member).body;
    }
    return id;
  }
  static bench::WebAnswer listed(std::size_t edge, const Member& member) {
    return till_of(edge).get("promotions?customerId=" + member.card);
  }
  /// A prize, told to the stores.
  static std::string prize(const std::string& settings) {
    const auto made = as_admin("POST", "prizes", settings);
    EXPECT_EQ(made.status, 201) << made.body;
    const std::string id = text_at(made, "id");
    for (const std::size_t edge : {0u, 1u}) {
      EXPECT_TRUE(eventually([&] { return contains(till_of(edge).get("prizes"), id); }));
    }
    return id;
  }
  static void no_more_of(const std::string& prize) {
    EXPECT_EQ(as_admin("PATCH", "prizes/" + prize, R"({"active":false})").status, 200);
    for (const std::size_t edge : {0u, 1u}) {
      EXPECT_TRUE(eventually([&] { return !contains(till_of(edge).get("prizes"), prize); }));
    }
  }
  /// How many of a stocked prize that store may give away.
  static std::int64_t free_at(std::size_t edge, const std::string& prize) {
    const auto prizes = till_of(edge).get("prizes").json();
    for (const json::Value& item : prizes.root().find("items")->items()) {
      if (bench::text_at(item, "id") == prize) return bench::integer_at(item, "free");
    }
    return -1;
  }
  /// What the README's lines of Python say to a spin's proof, as the hub shows it.
  static std::string checked(const std::string& spin) {
    const auto blocks = blocks_under("A spin anybody can check", document("README.md"));
    std::ofstream(folder_file("check.py")) << blocks.at(0);
    std::ofstream(folder_file("proof")) << call("GET", "spins/" + spin + "/proof", "", "").body;
    const auto said = bench::run_command(
        "bash", {"-c", "python3 '" + folder_file("check.py") + "' < '" + folder_file("proof") + "'"});
    EXPECT_TRUE(said);
    if (!said) return "";
    return said->status == 0 ? "it holds" : said->err;
  }
  /// The hub again, by a clock that is so much ahead.
  static void restart_hub(seconds ahead) {
    hub_goes();
    const std::int64_t by = ahead.count();
    std::ofstream(folder_file("clock_shift"), std::ios::binary)
        .write(reinterpret_cast<const char*>(&by), sizeof by);
    ::setenv("PERKLINE_CLOCK_SHIFT", folder_file("clock_shift").c_str(), 1);
    ::setenv("LD_PRELOAD", clock_shift_library().c_str(), 1);
    const auto started = fleet().start_hub();
    ::unsetenv("LD_PRELOAD");
    ASSERT_TRUE(started) << started.error().detail;
    for (const std::size_t edge : {0u, 1u}) expect_in_touch(edge);
  }
  static void expect_no_dead_letters() {
    const auto letters = hub("dead-letters");
    EXPECT_TRUE(contains(letters, R"("items":[])")) << letters.body;
  }

 private:
  static inline TcpProxy* line_ = nullptr;
};

}  // namespace perkline::test
