#include <algorithm>
#include <cstdlib>

#include "bench/demo/summary.hpp"
#include "bench/load/replay.hpp"
#include "bench/load/sample.hpp"
#include "tests/integration/chain.hpp"
#include "tests/support/fake_pdi.hpp"

namespace perkline::test {
namespace {

using Call = FakePdi::Call;

/// Never opens: PDI is asked all the time, however badly it answers.
constexpr const char* no_breaker =
    "breaker: { min_calls: 1000000, failure_rate: 1, slow_rate: 1, consecutive_failures: 1000000 }\n";

/// A store whose PDI answers what no PDI should.
class OddPdi : public ChainTest {
 protected:
  static void start_with(const std::string& edge_yaml) {
    fake_ = new FakePdi();
    start_chain(1, {edge_yaml}, "", fake_->url());
  }
  static void TearDownTestSuite() {
    ChainTest::TearDownTestSuite();
    delete fake_;
  }
  void TearDown() override { fake().behave(); }
  static FakePdi& fake() { return *fake_; }
  static Till till() { return till_of(0); }

 private:
  static inline FakePdi* fake_ = nullptr;
};

class OddPoints : public OddPdi {
 protected:
  static void SetUpTestSuite() { start_with(no_breaker); }

  struct Odd {
    std::string member;
    std::string raw;
  };
  /// Points that are none, in each of `members`, and another session's id.
  static std::vector<Odd> odd_values(const std::vector<std::string>& members) {
    std::vector<Odd> all{{"sessionId", R"("fake-999999")"}, {"sessionId", "7"}};
    for (const std::string& name : members) {
      for (const char* raw : {"-5", "1e308", "\"12\"", "null", "0.5", "1000000000001", "true", ""})
        all.push_back({name, raw});
    }
    return all;
  }
  static void make_odd(Call call, const Odd& odd) {
    fake().spoil(call, [odd](const std::string& good) { return with_member(good, odd.member, odd.raw); });
  }
  static std::int64_t rewards_at_hub(const std::string& customer, const std::string& name) {
    const auto balance = hub("points/balance?customerId=" + customer);
    if (balance.status != 200) return -1;
    const auto document = balance.json();
    return bench::integer_at(*document.root().find("rewards"), name);
  }
  static std::int64_t outbox_lag() {
    const auto status = json::parse(edge_command(0, {"status", "--json"}).out);
    return status ? bench::integer_at(*status->root().find("outbox"), "lag") : -1;
  }
};

TEST_F(OddPoints, IdentifyIsMalformedAndTheStandInGreets) {
  int number = 0;
  for (const Odd& odd : odd_values({"currentPoints"})) {
    // An identify may open whatever session it likes.
    if (odd.raw == R"("fake-999999")") continue;
    make_odd(Call::identify, odd);
    const auto answer = till().identify("IDENT-" + std::to_string(++number), "CUST-IDENT");
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(text_at(answer, "mode"), "standin") << odd.member << ' ' << odd.raw;
    EXPECT_EQ(number_at(answer, "currentPoints"), 0) << odd.raw;
  }
}

TEST_F(OddPoints, CalculateIsMalformedAndTheStandInPrices) {
  int number = 0;
  for (const Odd& odd : odd_values({"earnedPoints", "bonusPoints", "basePoints"})) {
    if (odd.member == "sessionId" && odd.raw.empty()) continue;
    if (odd.member == "basePoints" && odd.raw.empty()) continue;  // No part needs to be there.
    const std::string session = till().open("CALC-" + std::to_string(++number), "CUST-CALC");
    make_odd(Call::calculate, odd);
    const auto answer = till().calculate(session);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(number_at(answer, "earnedPoints"), 450) << "what the stand-in says of Gold and 150.00";
    EXPECT_EQ(text_at(till().status(session), "mode"), "standin") << odd.member << ' ' << odd.raw;
  }
}

TEST_F(OddPoints, FinalizeIsInDoubtAndNothingIsCreditedUntilPdiTellsWell) {
  const std::string customer = "CUST-FINAL";
  const auto odds = odd_values({"earnedPoints", "newBalance"});
  std::vector<std::string> sales;
  const auto name = [](std::size_t place) { return "FINAL-" + std::to_string(place + 1); };
  // What is asked of the session afterwards is odd too, in turn.
  fake().spoil(Call::status, [&odds, turn = std::size_t{0}](const std::string& good) mutable {
    if (good.find("earnedPoints") == std::string::npos) return good;
    const Odd& odd = odds[turn++ % odds.size()];
    return with_member(good, odd.member, odd.raw);
  });
  for (std::size_t i = 0; i < odds.size(); ++i) {
    sales.push_back(till().price(name(i), "150.00", customer));
    make_odd(Call::finalize, odds[i]);
    const auto answer = till().finalize(sales[i], name(i));
    EXPECT_EQ(answer.status, 202) << odds[i].member << ' ' << odds[i].raw << answer.body;
    EXPECT_EQ(number_at(answer, "earnedPoints"), 450) << "the stand-in's own";
  }
  // Each has been asked about, and no word was taken for one.
  const auto asked = fake().calls(Call::status);
  EXPECT_TRUE(eventually([&] { return fake().calls(Call::status) >= asked + odds.size(); }));
  EXPECT_TRUE(eventually([] { return outbox_lag() == 0; }));
  for (const std::string& session : sales) {
    const auto answer = till().status(session);
    EXPECT_EQ(text_at(answer, "status"), "pending") << answer.body;
  }
  EXPECT_EQ(rewards_at_hub(customer, "net"), 0);
  EXPECT_EQ(rewards_at_hub(customer, "pending"), static_cast<std::int64_t>(sales.size()) * FakePdi::earned);

  fake().behave();
  for (std::size_t i = 0; i < sales.size(); ++i) {
    const auto answer = status_once(till(), sales[i], "finalized");
    EXPECT_EQ(number_at(answer, "earnedPoints"), FakePdi::earned);
    EXPECT_EQ(number_at(answer, "newBalance"), FakePdi::points + FakePdi::earned);
    EXPECT_EQ(fake().booked(name(i)), 1u) << name(i);
  }
  EXPECT_TRUE(eventually([&] {
    return rewards_at_hub(customer, "net") == static_cast<std::int64_t>(sales.size()) * FakePdi::earned;
  })) << rewards_at_hub(customer, "net");
  EXPECT_EQ(rewards_at_hub(customer, "pending"), 0);
  const auto verified = fleet().hub_command({"verify"});
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->status, 0) << verified->out;
}

/// How the token endpoint may go wrong.
struct TokenTrouble {
  const char* what;
  void (*cause)(FakePdi&);
  enum class Tills : std::uint8_t { online, offline, offline_at_first } tills;
  /// Refreshes begin at least so far apart. A second is the rule; they begin at the edge, and one may be late
  /// on its way here and the next not.
  Millis apart{900};
};

void let_live(FakePdi& pdi, const char* expires_in) {
  pdi.spoil(Call::token, [life = std::string(expires_in)](const std::string& good) {
    return with_member(good, "expires_in", life);
  });
}

using Tills = TokenTrouble::Tills;

constexpr TokenTrouble token_troubles[] = {
    {"expires_in 0", [](FakePdi& pdi) { let_live(pdi, "0"); }, Tills::online},
    {"expires_in -1", [](FakePdi& pdi) { let_live(pdi, "-1"); }, Tills::online},
    {"expires_in huge", [](FakePdi& pdi) { let_live(pdi, "99999999999999999999999"); }, Tills::online},
    {"expires_in missing", [](FakePdi& pdi) { let_live(pdi, ""); }, Tills::online},
    {"expires_in a string", [](FakePdi& pdi) { let_live(pdi, "\"3600\""); }, Tills::online},
    {"expires_in 1", [](FakePdi& pdi) { let_live(pdi, "1"); }, Tills::online},
    {"401 storm", [](FakePdi& pdi) { pdi.answer_all({.status = 401}); }, Tills::offline},
    {"403 storm", [](FakePdi& pdi) { pdi.answer_all({.status = 403}); }, Tills::offline},
    {"token endpoint answers 500", [](FakePdi& pdi) { pdi.answer(Call::token, {.status = 500}); },
     Tills::offline},
    {"token endpoint resets",
     [](FakePdi& pdi) { pdi.answer(Call::token, {.delivery = net::Delivery::reset}); }, Tills::offline},
    {"token endpoint never answers",
     [](FakePdi& pdi) { pdi.answer(Call::token, {.delivery = net::Delivery::never}); }, Tills::offline,
     Millis{4900}},
    {"token endpoint is slow", [](FakePdi& pdi) { pdi.delay(Call::token, Millis{3000}); },
     Tills::offline_at_first},
    {"token endpoint gives no token", [](FakePdi& pdi) { let_live(pdi, "}garbage{"); }, Tills::offline},
    {"we are not known there",
     [](FakePdi& pdi) { pdi.answer(Call::token, {.status = 401, .body = R"({"error":"invalid_client"})"}); },
     Tills::offline},
};

constexpr const char* short_deadline = "standin: { deadline_ms: 500 }\n";

/// Short by default; PERKLINE_STORM_SECONDS asks for more, of each trouble.
double storm_seconds() {
  const char* wanted = std::getenv("PERKLINE_STORM_SECONDS");
  return wanted == nullptr ? 1.2 : std::atof(wanted);
}

class OddTokens : public OddPdi {
 protected:
  static void SetUpTestSuite() { start_with(short_deadline); }

  /// Tills sell all the while, under transactions that begin with `prefix`.
  static bench::ReplaySummary sell(const std::string& prefix) {
    constexpr double rate = 30;
    const auto baskets = bench::sample_baskets(
        {.baskets = static_cast<std::size_t>(rate * storm_seconds()), .stores = 1}, prefix);
    const bench::ReplayOptions options{.edges = {{fleet().edge_url(0), fleet().terminal_key(0)}},
                                       .concurrency = 16,
                                       .rate = rate,
                                       .patience = Millis{3000}};
    const std::atomic<bool> stop{false};
    return bench::replay(baskets, options, stop, {});
  }

  static void suffer(const TokenTrouble& trouble, const std::string& prefix) {
    SCOPED_TRACE(trouble.what);
    fleet().edge(0).kill();
    fake().behave();
    ASSERT_TRUE(fleet().start_edge(0));
    // What an earlier trouble has left to be settled is settled first: a token is there then, and thrown
    // away.
    EXPECT_TRUE(eventually(
        [] {
          const auto status = json::parse(edge_command(0, {"status", "--json"}).out);
          return status && bench::integer_at(status->root(), "queueDepth") == 0;
        },
        std::chrono::seconds(90)));
    fleet().edge(0).kill();
    trouble.cause(fake());
    fake().forget_counts();
    ASSERT_TRUE(fleet().start_edge(0));

    const auto began = std::chrono::steady_clock::now();
    const auto summary = sell(prefix);
    const auto took = std::chrono::steady_clock::now() - began;
    EXPECT_TRUE(summary.failed.empty()) << bench::to_text(summary);
    EXPECT_EQ(summary.times.repeats, 0u) << "every call was answered at once";
    if (trouble.tills == Tills::offline_at_first) {
      EXPECT_GE(summary.pending, 1u);
    } else {
      EXPECT_EQ(summary.pending, trouble.tills == Tills::online ? 0u : summary.sold.size());
    }
    for (const auto* times : {&summary.times.identify, &summary.times.calculate, &summary.times.finalize})
      EXPECT_LE(times->quantile(1), Millis{1000}) << bench::to_text(summary);
    expect_calm_refreshes(trouble.apart, took);
  }

  static void expect_calm_refreshes(Millis apart, std::chrono::nanoseconds took) {
    EXPECT_GE(fake().calls(Call::token), 1u);
    EXPECT_EQ(fake().in_flight_max(Call::token), 1u);
    const auto times = fake().arrivals(Call::token);
    EXPECT_LE(times.size(), 2u + static_cast<std::size_t>(took / seconds{1}));
    for (std::size_t i = 1; i < times.size(); ++i)
      EXPECT_GE(times[i] - times[i - 1], apart) << "refresh " << i;
  }

  static void suffer_all(bool (*wanted)(const TokenTrouble&)) {
    int number = 0;
    for (const TokenTrouble& trouble : token_troubles) {
      ++number;
      if (wanted(trouble)) suffer(trouble, "TOK" + std::to_string(number) + '-');
    }
  }
};

/// With nothing that would hold calls back.
class OddTokensWithoutBreaker : public OddTokens {
 protected:
  static void SetUpTestSuite() { start_with(std::string(short_deadline) + no_breaker); }
};

TEST_F(OddTokens, OfAnyLifeServeTillsAndAreRefreshedOneAtATime) {
  suffer_all([](const TokenTrouble& trouble) { return trouble.tills == Tills::online; });
}

TEST_F(OddTokens, ThatAreNotToBeHadLeaveTillsToTheStandInAndTheEndpointInPeace) {
  suffer_all([](const TokenTrouble& trouble) { return trouble.tills != Tills::online; });
}

TEST_F(OddTokensWithoutBreaker, AreStillRefreshedOneAtATimeAndOnceASecond) {
  suffer_all([](const TokenTrouble& trouble) {
    const std::string_view what = trouble.what;
    return what == "401 storm" || what == "token endpoint answers 500" || what == "token endpoint is slow";
  });
}

}  // namespace
}  // namespace perkline::test
