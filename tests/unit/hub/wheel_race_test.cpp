#include <mutex>
#include <set>
#include <thread>

#include "tests/support/at_once.hpp"
#include "tests/unit/hub/wheel_fixture.hpp"

namespace perkline::test {
namespace {

TEST_F(Wheel, GivesTwoHundredSpinsAtOnceNoPrizeTwiceAndNoneThatIsNotThere) {
  clear_wheel();
  const std::string once = added(R"({"name":"Once","type":"cash","weight":40,"oneTimePerUser":true})");
  const std::string rare = added(R"({"name":"Rare","type":"points","weight":40,"stock":12,"points":5})");
  const std::string scarce = added(R"({"name":"Scarce","type":"coupon","weight":40,"stock":7})");
  const std::string both =
      added(R"({"name":"Both","type":"coupon","weight":40,"stock":4,"oneTimePerUser":true})");
  const std::string rest = added(R"({"name":"Rest","type":"none","weight":10})");
  std::vector<Member> members;
  for (int i = 0; i < 10; ++i) members.push_back(member("m" + std::to_string(i), 20));
  std::mutex mutex;
  std::map<std::string, std::multiset<std::size_t>> winners;
  std::map<std::size_t, std::set<int>> nonces;
  std::map<std::size_t, std::int64_t> awarded;
  at_once(25, 200, [&](int i) {
    const auto who = static_cast<std::size_t>(i % 10);
    const RawAnswer answer = spin(members[who]);
    const std::scoped_lock lock(mutex);
    ASSERT_EQ(answer.status, 201) << answer.body;
    winners[prize_won(answer)].insert(who);
    nonces[who].insert(std::stoi(in_proof(answer, "nonce")));
    awarded[who] += std::stoll(member_of(answer.body, "pointsAwarded"));
  });
  for (const std::string& id : {once, both}) {
    for (std::size_t who = 0; who < members.size(); ++who) EXPECT_LE(winners[id].count(who), 1u);
  }
  // With so many spins each of these goes.
  EXPECT_EQ(winners[rare].size(), 12u);
  EXPECT_EQ(winners[scarce].size(), 7u);
  EXPECT_LE(winners[both].size(), 4u);
  EXPECT_EQ(of_prize(rare, "free"), "0");
  EXPECT_EQ(of_prize(scarce, "free"), "0");
  EXPECT_EQ(std::stoull(of_prize(both, "free")), 4 - winners[both].size());
  for (std::size_t who = 0; who < members.size(); ++who) {
    EXPECT_EQ(nonces[who].size(), 20u) << "no nonce twice";
    EXPECT_EQ(*nonces[who].rbegin(), 20) << "and none left out";
    EXPECT_EQ(points_of(members[who]), awarded[who]);
  }
  EXPECT_EQ(events("SPIN_EXECUTED"), 200);
  EXPECT_EQ(proofs_that_hold(), 200);
  EXPECT_EQ(count("SELECT COUNT(*) FROM spin"), 200);
  EXPECT_EQ(count("SELECT COUNT(*) FROM prize_one_time"),
            static_cast<std::int64_t>(winners[once].size() + winners[both].size()));
  expect_books_balance();
}

TEST_F(Wheel, DrawsAgainWithoutWhatIsGoneSoThatTheLastUnitGoesOnce) {
  clear_wheel();
  const std::string rare = added(R"({"name":"Rare","type":"none","weight":1000000,"stock":5})");
  const std::string rest = added(R"({"name":"Rest","type":"none","weight":0.0001})");
  std::vector<Member> members;
  for (int i = 0; i < 40; ++i) members.push_back(member("m" + std::to_string(i), 1));
  std::mutex mutex;
  std::map<std::string, int> won;
  at_once(40, 40, [&](int i) {
    const RawAnswer answer = spin(members[static_cast<std::size_t>(i)]);
    const std::scoped_lock lock(mutex);
    ++won[prize_won(answer)];
  });
  EXPECT_EQ(won, (std::map<std::string, int>{{rare, 5}, {rest, 35}}));
}

TEST_F(Wheel, TakesAllThatAMemberHasAndNoMore) {
  const Member ann = member("ann", 0);
  clear_wheel();
  added(R"({"name":"Nothing","type":"none","weight":1})");
  give(ann.user.id, 30);
  std::atomic<int> spun = 0;
  std::atomic<int> refused = 0;
  at_once(20, 100, [&](int) {
    const RawAnswer answer = spin(ann);
    if (answer.status == 201) ++spun;
    if (answer.code() == "INSUFFICIENT_POINTS") ++refused;
  });
  EXPECT_EQ(spun, 30);
  EXPECT_EQ(refused, 70);
  EXPECT_EQ(points_of(ann), 0);
  EXPECT_EQ(count("SELECT MAX(nonce) FROM spin"), 30);
  expect_books_balance();
}

TEST_F(Wheel, GivesManyCallsUnderOneKeyOneSpin) {
  const Member ann = member("ann");
  std::mutex mutex;
  std::set<std::string> bodies;
  at_once(20, 100, [&](int) {
    const RawAnswer answer = spin_as(ann.token, "{}", "same");
    const std::scoped_lock lock(mutex);
    if (answer.status == 201) bodies.insert(answer.body);
    if (answer.status != 201) EXPECT_EQ(answer.code(), "REQUEST_IN_PROGRESS");
  });
  EXPECT_EQ(bodies.size(), 1u);
  EXPECT_EQ(count("SELECT COUNT(*) FROM spin"), 1);
}

}  // namespace
}  // namespace perkline::test
