// Twenty real stores cut off from their hub at once, while they and it go on giving prizes away.
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "tests/integration/chain.hpp"
#include "tests/support/at_once.hpp"
#include "tests/support/database_beside.hpp"
#include "tests/support/tcp_proxy.hpp"

namespace perkline::test {
namespace {

constexpr int stores = 20;
/// About half of it comes to be leased; the rest is the web's (hub/wheel/README.md).
constexpr int stock = 240;
constexpr int web_spins = stock;

class TwentyStores : public ChainTest {
 protected:
  static void SetUpTestSuite() {
    line_ = new TcpProxy(0);
    start_chain(stores, {}, {}, {}, {}, std::vector<std::uint16_t>(stores, line_->port()));
    if (HasFatalFailure()) return;
    line_->lead_to(fleet().sync_port());
  }
  static void TearDownTestSuite() {
    ChainTest::TearDownTestSuite();
    delete line_;
  }
  /// By which all of them reach the hub.
  static TcpProxy& line() { return *line_; }

  static bench::WebAnswer call(const std::string& method, const std::string& path, const std::string& body,
                               const std::string& token) {
    static std::atomic<int> count{0};
    auto answer = bench::call({.method = method,
                               .origin = fleet().hub_url(),
                               .path = "/api/v1/" + path,
                               .body = body,
                               .bearer = token,
                               .headers = {{"Idempotency-Key", "key-" + std::to_string(++count)}}});
    EXPECT_TRUE(answer) << path;
    return answer.value_or(bench::WebAnswer{});
  }
  static std::string prize(const std::string& settings, const std::string& admin) {
    const auto made = call("POST", "prizes", settings, admin);
    EXPECT_EQ(made.status, 201) << made.body;
    return text_at(made, "id");
  }
  /// Nothing but these two can be won: so many of the one, and any number of the other, seldom.
  static void offer(const std::string& admin) {
    const auto others = call("GET", "prizes?limit=200", "", admin).json();
    for (const json::Value& other : others.root().find("items")->items()) {
      const auto gone = call("PATCH", "prizes/" + bench::text_at(other, "id"), R"({"active":false})", admin);
      EXPECT_EQ(gone.status, 200) << gone.body;
    }
    scarce_ = prize(R"({"name":"Scarce","type":"coupon","weight":1000000,"points":0,"stock":)" +
                        std::to_string(stock) + "}",
                    admin);
    plenty_ = prize(R"({"name":"Plenty","type":"coupon","weight":1,"points":0})", admin);
  }
  /// A member with points for all that they spin; their access token.
  static std::string rich_member(const std::string& admin) {
    const auto in =
        call("POST", "auth/register", R"({"email":"web@example.com","password":"a password of twelve"})", "");
    EXPECT_EQ(in.status, 201) << in.body;
    const auto user = bench::text_at(*in.json().root().find("user"), "id");
    const auto given = call("POST", "points/apply",
                            R"({"userId":")" + user + R"(","delta":)" + std::to_string(web_spins) +
                                R"(,"reason":"for the test","externalId":"all"})",
                            admin);
    EXPECT_EQ(given.status, 201) << given.body;
    return text_at(in, "accessToken");
  }
  static Till till_at(int edge) { return till_of(static_cast<std::size_t>(edge)); }
  static std::string name_of_store(int edge) { return fleet().store_id(static_cast<std::size_t>(edge)); }
  /// How many of the scarce ones that store may give away.
  static std::int64_t units_at(int edge) {
    const auto prizes = till_at(edge).get("prizes").json();
    const json::Value* items = prizes.root().find("items");
    if (items == nullptr || items->items().size() != 2) return 0;
    for (const json::Value& item : items->items())
      if (bench::text_at(item, "id") == scarce_) return bench::integer_at(item, "free");
    return 0;
  }
  /// A sale and its spin.
  static void sell_and_spin(int edge, int number) {
    const std::string transaction = "T-" + std::to_string(number);
    const auto& cards = members_at_pdi("Silver");
    const std::string& card = cards.at(static_cast<std::size_t>(number) % cards.size());
    const Till till = till_at(edge);
    const auto sold = till.finalize(till.price(transaction, "20.00", card), transaction, "20.00");
    ASSERT_EQ(sold.status, 200) << sold.body;
    note(till.post("spin", R"({"customerId":")" + card + R"(","transactionId":")" + transaction + "\"}"));
  }
  static void spin_on_the_web(const std::string& token) { note(call("POST", "spin", "{}", token)); }
  static void note(const bench::WebAnswer& spun) {
    ASSERT_TRUE(spun.status == 200 || spun.status == 201) << spun.body;
    const auto document = spun.json();
    const std::lock_guard lock(mutex_);
    ++won_[bench::text_at(*document.root().find("prize"), "id")];
  }
  /// As the hub has it.
  static std::int64_t awarded() {
    return DatabaseBeside(fleet().hub_database_url())
        .number("SELECT awarded FROM prize WHERE id = '" + scarce_ + "'");
  }

  static inline std::string scarce_;
  static inline std::string plenty_;
  static inline std::mutex mutex_;
  static inline std::map<std::string, int> won_;

 private:
  static inline TcpProxy* line_ = nullptr;
};

TEST_F(TwentyStores, ThatAreCutOffGiveNoPrizeMoreOftenThanThereAreOfItWithTheHubsOwnSpins) {
  const std::string admin = fleet().log_in().value();
  offer(admin);
  const std::string web = rich_member(admin);
  std::int64_t leased = 0;
  for (int i = 0; i < stores; ++i) {
    EXPECT_TRUE(eventually([&] { return units_at(i) > 0; })) << name_of_store(i);
    leased += units_at(i);
  }
  (void)members_at_pdi("Silver");
  line().set({.kind = Toxic::Kind::refuse});
  std::atomic<int> sales = 0;
  {
    const std::jthread on_the_web([&] { at_once(2, web_spins, [&](int) { spin_on_the_web(web); }); });
    at_once(stores / 2, stores, [&](int edge) {
      // Until nothing of its leases is left, and once more.
      for (bool any = true; any && !HasFailure();) {
        any = units_at(edge) > 0;
        sell_and_spin(edge, ++sales);
      }
    });
  }
  for (int i = 0; i < stores; ++i) EXPECT_EQ(units_at(i), 0) << name_of_store(i);
  EXPECT_GE(sales, leased + stores);
  EXPECT_EQ(won_[scarce_] + won_[plenty_], sales + web_spins);
  EXPECT_LE(won_[scarce_], stock);
  EXPECT_GT(won_[scarce_], stock / 2) << "and they were there to be won";
  EXPECT_LE(awarded(), won_[scarce_] - leased) << "the hub has not heard of what stores gave away";

  line().set({});
  for (int i = 0; i < stores; ++i) {
    EXPECT_TRUE(eventually([&] {
      const auto store = hub("stores/" + name_of_store(i));
      return number_at(store, "lag") == 0 && number_at(store, "tail") > 2;
    })) << name_of_store(i);
  }
  EXPECT_EQ(awarded(), won_[scarce_]) << "what was told is what is booked";
  const auto letters = hub("dead-letters");
  EXPECT_TRUE(letters.body.contains(R"("items":[])")) << letters.body;
  const auto verified = fleet().hub_command({"verify", "--json"});
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->status, 0) << verified->out;
}

}  // namespace
}  // namespace perkline::test
