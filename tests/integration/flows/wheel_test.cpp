// The wheel of fortune, as members see it.
#include <algorithm>
#include <map>

#include "tests/integration/flows/people.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

class WheelFlows : public HubFlowTest {
 protected:
  static void SetUpTestSuite() {
    start_hub();
    at_first_ = calls().get("prizes");
  }
  /// From now on that prize alone comes out; its id.
  static std::string offer(const std::string& type, Members more = {}) {
    for (const std::string& id : each(calls().get("prizes?limit=200"), "id")) set(id, {{"active", false}});
    const auto made =
        calls().post("prizes", body({{"name", "A " + type}, {"type", type}, {"weight", 1}}, more), admin());
    EXPECT_EQ(made.status, 201) << made.body;
    return at(made, "id");
  }
  static bench::WebAnswer set(const std::string& prize, Members change) {
    auto answer = calls().patch("prizes/" + prize, body(change), admin());
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer;
  }
  /// A member with so many points.
  static Person player(const std::string& name, int points) {
    Person player = calls().join(name);
    const auto given = calls().post("points/apply",
                                    body({{"userId", player.id},
                                          {"delta", points},
                                          {"reason", "to play"},
                                          {"externalId", "play:" + player.id}}),
                                    admin());
    EXPECT_EQ(given.status, 201) << given.body;
    return player;
  }
  static bench::WebAnswer spin(const Person& player) {
    return calls().post("spin", body({{"clientSeed", "seven"}}), player.token);
  }
  /// As the audit has them, newest first.
  static Texts changes_of_weight(const std::string& prize) {
    const auto audit = calls().get("audit?limit=200", admin());
    const Texts subjects = each(audit, "subject");
    const Texts before = each(audit, "detail.weight.old");
    const Texts after = each(audit, "detail.weight.new");
    Texts changes;
    for (std::size_t i = 0; i < subjects.size(); ++i) {
      if (subjects[i] == "prize:" + prize && before[i] != "(none)")
        changes.push_back(before[i] + ">" + after[i]);
    }
    return changes;
  }
  static const bench::WebAnswer& prizes_at_first() { return at_first_; }

 private:
  static inline bench::WebAnswer at_first_;
};

TEST_F(WheelFlows, TheDefaultPrizesAreThereForAnybodyWithWeightsAndOdds) {
  std::map<std::string, std::string> seen;
  const auto& prizes = prizes_at_first();
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string item = "items." + std::to_string(i) + ".";
    seen[at(prizes, item + "type")] =
        at(prizes, item + "weight") + " " + at(prizes, item + "oneTimePerUser") + " " +
        at(prizes, item + "odds").substr(0, 6) + " " + at(prizes, item + "pointsAwarded");
  }
  EXPECT_EQ(at(prizes, "items"), "3");
  // Of 3.7 in all.
  EXPECT_EQ(seen, (std::map<std::string, std::string>{{"coupon", "1 false 0.2702 1"},
                                                      {"cash", "0.2 true 0.0540 3"},
                                                      {"lottery_ticket", "2.5 false 0.6756 0"}}));
}

TEST_F(WheelFlows, AReferralsPointPaysForASpinWhosePointsAreInTheHistory) {
  const HubCalls hub = calls();
  const std::string coupon = offer("coupon");
  const Person a = hub.join("ann");
  const Person b = hub.join("bob", {{"referralCode", a.referral_code}});
  const Person again{.id = b.id, .token = hub.log_in(b.email)};
  const auto spun = spin(again);
  ASSERT_EQ(spun.status, 201) << spun.body;
  EXPECT_EQ(at(spun, "prize.id"), coupon);
  EXPECT_EQ(at(spun, "prize.type"), "coupon");
  EXPECT_EQ(at(spun, "pointsAwarded"), "1");
  EXPECT_EQ(at(spun, "balance"), "1");
  EXPECT_EQ(hub.points(again), "1");
  const auto history = hub.get("points/history", again.token);
  EXPECT_EQ(each(history, "delta"), (Texts{"1", "-1", "1"}));
  EXPECT_EQ(each(history, "externalId"),
            (Texts{"prize:" + at(spun, "spinId"), "spin:" + at(spun, "spinId"), "referred:" + b.id}));
  EXPECT_TRUE(eventually([&] {
    const Texts words = told(again);
    return !words.empty() && words.front() == "You have won: A coupon";
  }));
}

TEST_F(WheelFlows, EachTypeOfPrizeGivesItsPointsAndAPrizesOwnCountInstead) {
  const HubCalls hub = calls();
  const Person player = WheelFlows::player("cat", 100);
  int balance = 100;
  const auto expect_points = [&](const std::string& type, int points) {
    const auto spun = spin(player);
    ASSERT_EQ(spun.status, 201) << spun.body;
    EXPECT_EQ(at(spun, "prize.type"), type);
    EXPECT_EQ(at(spun, "pointsAwarded"), std::to_string(points)) << type;
    balance += points - 1;
    EXPECT_EQ(at(spun, "balance"), std::to_string(balance));
  };
  for (const auto& [type, points] :
       {std::pair("cash", 3), {"coupon", 1}, {"lottery_ticket", 0}, {"none", 0}}) {
    offer(type);
    expect_points(type, points);
  }
  offer("points", {{"points", 40}});
  expect_points("points", 40);
  offer("coupon", {{"points", 5}});
  expect_points("coupon", 5);
  EXPECT_EQ(hub.points(player), std::to_string(balance));
}

TEST_F(WheelFlows, AOneTimePrizeIsWonOnceAndThenNothingIsChargedForIt) {
  const std::string cash = offer("cash", {{"oneTimePerUser", true}});
  const Person player = WheelFlows::player("dan", 5);
  const auto won = spin(player);
  ASSERT_EQ(won.status, 201) << won.body;
  EXPECT_EQ(at(won, "prize.id"), cash);
  expect_problem(spin(player), 409, "NO_PRIZE_AVAILABLE");
  EXPECT_EQ(calls().points(player), "7") << "5 - 1 + 3";
  const Person other = WheelFlows::player("eve", 1);
  EXPECT_EQ(at(spin(other), "prize.id"), cash) << "once a member";
}

TEST_F(WheelFlows, OfAStockOfTwoTwoAreWonAndTheNextIsToldThatThereIsNone) {
  const std::string mug = offer("coupon", {{"stock", 2}});
  for (const char* name : {"fay", "gus"}) EXPECT_EQ(at(spin(player(name, 1)), "prize.id"), mug);
  const Person late = player("hal", 1);
  expect_problem(spin(late), 409, "NO_PRIZE_AVAILABLE");
  EXPECT_EQ(calls().points(late), "1");
  EXPECT_EQ(at(calls().get("prizes?limit=1"), "items.0.free"), "0");
}

TEST_F(WheelFlows, WithoutPointsThereIsNoSpinAndOneKeyIsOneSpin) {
  offer("none");
  const Person player = WheelFlows::player("ida", 1);
  const HubCalls::Headers key{{"Idempotency-Key", "once"}};
  const auto spun = calls().post("spin", "{}", player.token, key);
  ASSERT_EQ(spun.status, 201) << spun.body;
  expect_replay(calls().post("spin", "{}", player.token, key), spun);
  expect_problem(spin(player), 409, "INSUFFICIENT_POINTS");
  EXPECT_EQ(at(calls().get("spins", player.token), "items"), "1");
}

TEST_F(WheelFlows, SpinsAreListedNewestFirstAndAnybodyMaySeeHowTheyWereDrawn) {
  const HubCalls hub = calls();
  const Person player = WheelFlows::player("jim", 2);
  offer("coupon");
  const auto first = spin(player);
  offer("lottery_ticket");
  const auto second = spin(player);
  const auto spins = hub.get("spins", player.token);
  EXPECT_EQ(each(spins, "spinId"), (Texts{at(second, "spinId"), at(first, "spinId")}));
  EXPECT_EQ(each(spins, "prize.type"), (Texts{"lottery_ticket", "coupon"}));
  EXPECT_EQ(each(spins, "cost"), (Texts{"1", "1"}));
  EXPECT_EQ(each(spins, "pointsAwarded"), (Texts{"0", "1"}));
  const auto proof = hub.get("spins/" + at(second, "spinId") + "/proof");
  EXPECT_EQ(at(proof, "memberId"), player.id);
  EXPECT_EQ(at(proof, "clientSeed"), "seven");
  EXPECT_EQ(at(proof, "nonce"), "2");
  EXPECT_EQ(at(proof, "serverSeed"), "null") << "its day is not over";
  EXPECT_EQ(at(proof, "table"), "1");
  EXPECT_EQ(at(proof, "prizeId"), at(second, "prize.id"));
  const auto seeds = hub.get("wheel/seeds?limit=200");
  const Texts days = each(seeds, "day");
  const auto today = std::ranges::find(days, at(proof, "day"));
  ASSERT_NE(today, days.end()) << seeds.body;
  EXPECT_EQ(each(seeds, "serverSeedHash").at(static_cast<std::size_t>(today - days.begin())),
            at(proof, "serverSeedHash"));
}

TEST_F(WheelFlows, AWeightThatStaffChangesIsInTheOddsAndInTheAudit) {
  const HubCalls hub = calls();
  const std::string one = offer("coupon");
  const auto other = hub.post("prizes", body({{"name", "B"}, {"type", "none"}, {"weight", 3}}), admin());
  ASSERT_EQ(other.status, 201) << other.body;
  EXPECT_EQ(at(other, "odds"), "0.75");
  EXPECT_EQ(at(set(one, {{"weight", "1.5"}}), "odds").substr(0, 6), "0.3333");
  const Person member = hub.join("kim");
  expect_problem(hub.patch("prizes/" + one, body({{"weight", 1'000}}), member.token), 403, "FORBIDDEN");
  const auto refused = hub.patch("prizes/" + one, body({{"weight", "1.23456"}}), admin());
  EXPECT_EQ(faulty_fields(refused), Texts{"weight"});
  // Audit rows are chained after their commit.
  EXPECT_TRUE(eventually([&] { return changes_of_weight(one) == Texts{"1>1.5"}; }));
}

}  // namespace
}  // namespace perkline::test
