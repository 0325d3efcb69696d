#include <chrono>
#include <latch>
#include <map>
#include <mutex>
#include <set>

#include "hub/db/bulk_statement.hpp"
#include "tests/unit/hub/promotions_fixture.hpp"

namespace perkline::test {
namespace {

TEST_F(Promotions, ClaimedTwoHundredTimesAtOnceAreClaimedOnce) {
  const Member jo = member("jo");
  const std::string id = made();
  assign(id, {jo.id()});
  std::mutex mutex;
  std::map<std::string, int> outcomes;
  at_once(40, 200, [&](int) {
    const RawAnswer answer = claim(jo, id);
    const std::scoped_lock lock(mutex);
    ++outcomes[answer.status == 200 ? "claimed" : answer.code()];
  });
  EXPECT_EQ(outcomes, (std::map<std::string, int>{{"claimed", 1}, {"ALREADY_CLAIMED", 199}}));
  EXPECT_EQ(balance(jo), "20.00/0.00");
  EXPECT_EQ(events("PROMOTION_CLAIMED"), 1);
  EXPECT_EQ(events("WALLET_CREDITED"), 1);
  expect_books_balance();
}

TEST_F(Promotions, ClaimedOnceAChangeIsAnsweredAreClaimedByItsTerms) {
  constexpr int members = 60;
  std::vector<Member> claimers;
  std::vector<std::string> users;
  for (int i = 0; i < members; ++i)
    users.push_back(claimers.emplace_back(member("jo" + std::to_string(i))).id());
  const std::string id = made();
  assign(id, users);
  std::vector<std::string> before;
  std::latch changed(1);
  // The second third claims beside the change, the last one after its answer.
  at_once(12, members + 1, [&](int i) {
    if (i > members * 2 / 3) changed.wait();
    if (i != members / 3)
      return void(claim(claimers[static_cast<std::size_t>(i < members / 3 ? i : i - 1)], id));
    EXPECT_EQ(change(id, R"({"amount":"10.00"})").status, 200);
    before = hub_.column("SELECT user_id FROM promotion_assignment WHERE claimed_at IS NOT NULL");
    changed.count_down();
  });
  const std::set<std::string> by_old_terms(before.begin(), before.end());
  EXPECT_LE(std::ssize(by_old_terms), members * 2 / 3);
  for (const Member& each : claimers) {
    const std::string has = balance(each);
    if (by_old_terms.contains(each.id())) continue;
    EXPECT_EQ(has, "10.00/0.00");
  }
  expect_books_balance();
}

TEST_F(Promotions, OfWelcomeMadeAndSwitchedOnAtOnceLeaveOneActive) {
  std::vector<std::string> switched_off;
  for (int i = 0; i < 8; ++i) switched_off.push_back(made("WELCOME_BONUS", -i, i, false));
  std::atomic<int> active = 0;
  std::atomic<int> overlapping = 0;
  at_once(16, 16, [&](int i) {
    const auto which = static_cast<std::size_t>(i / 2);
    const RawAnswer answer = i % 2 == 0 ? create(body("WELCOME_BONUS", -i, i))
                                        : change(switched_off[which], R"({"isActive":true})");
    if (answer.status < 300) ++active;
    if (answer.code() == "PROMOTION_OVERLAP") ++overlapping;
  });
  EXPECT_EQ(active, 1);
  EXPECT_EQ(overlapping, 15);
  EXPECT_EQ(count("SELECT COUNT(*) FROM promotion WHERE is_active = 1"), 1);
}

TEST_F(Promotions, AreAssignedToTenThousandInOneCallWithinFiveSeconds) {
  static const hub::db::BulkStatement insert(
      "INSERT INTO users (id, email, email_key, name, role, active, password_hash, created_at) VALUES ",
      "(?, ?, ?, 'n', 'member', 1, 'x', 0)");
  constexpr int members = 10'000;
  std::vector<std::string> users;
  for (int i = 0; i < members; ++i) users.push_back(hub_.ids().next().str());
  hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
    std::vector<hub::db::Value> values;
    for (const std::string& id : users) hub::db::append_row(values, id, id + "@x.org", id + "@x.org");
    auto done = insert.run(transaction, std::move(values));
    if (!done) return failure(done);
    return {};
  });
  const std::string id = made();
  const auto begun = std::chrono::steady_clock::now();
  const RawAnswer answer = assign(id, users);
  const auto took = std::chrono::steady_clock::now() - begun;
  EXPECT_EQ(answer.body, R"({"assigned":10000,"alreadyAssigned":0,"unknown":0})");
  EXPECT_LT(took, seconds{5});
  RecordProperty("milliseconds", static_cast<int>(std::chrono::duration_cast<Millis>(took).count()));
  EXPECT_EQ(events("PROMOTION_ASSIGNED"), members);
  EXPECT_EQ(count("SELECT COUNT(DISTINCT user_id) FROM promotion_assignment"), members);
  EXPECT_EQ(assign(id, users).body, R"({"assigned":0,"alreadyAssigned":10000,"unknown":0})");
  EXPECT_EQ(events("PROMOTION_ASSIGNED"), members);
}

TEST_F(Promotions, AssignedByManyAtOnceAreAssignedOnceEach) {
  std::vector<std::string> users;
  for (int i = 0; i < 50; ++i) users.push_back(member("m" + std::to_string(i)).id());
  const std::string id = made();
  std::atomic<int> failed = 0;
  at_once(8, 8, [&](int) {
    if (assign(id, users).status != 200) ++failed;
  });
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(events("PROMOTION_ASSIGNED"), 50);
}

}  // namespace
}  // namespace perkline::test
