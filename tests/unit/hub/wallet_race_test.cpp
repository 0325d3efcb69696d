#include <array>
#include <map>
#include <mutex>
#include <set>

#include "tests/unit/hub/wallet_fixture.hpp"

namespace perkline::test {
namespace {

std::int64_t minor(const std::string& balance) {
  return parse_amount(balance.substr(0, balance.find('/')), find_currency("USD").value()).value().minor;
}

TEST_F(Wallet, TwoHundredTransfersAtOnceLeaveEveryCentWhereItBelongs) {
  std::vector<Member> members;
  std::map<std::string, std::int64_t> expected;
  for (int i = 0; i < 10; ++i) {
    members.push_back(member_with("m" + std::to_string(i), "100.00"));
    expected[members.back().id()] = 100'00;
  }
  std::array<std::atomic<int>, 200> statuses{};
  const auto pair = [&](int i) {
    const auto from = static_cast<std::size_t>(i % 10);
    return std::pair(from, (from + 1 + static_cast<std::size_t>(i / 10) % 9) % 10);
  };
  at_once(20, 200, [&](int i) {
    const auto [from, to] = pair(i);
    statuses[static_cast<std::size_t>(i)] =
        send(members[from], members[to].id(), std::to_string(1 + i % 7) + ".01").status;
  });
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(statuses[static_cast<std::size_t>(i)], 201) << i;
    const auto [from, to] = pair(i);
    const std::int64_t amount = (1 + i % 7) * 100 + 1;
    expected[members[from].id()] -= amount;
    expected[members[to].id()] += amount;
  }
  std::int64_t sum = 0;
  for (const Member& each : members) {
    EXPECT_EQ(minor(balance(each)), expected[each.id()]) << each.user.name;
    sum += minor(balance(each));
  }
  EXPECT_EQ(sum, 10 * 100'00);
  expect_books_balance();
}

TEST_F(Wallet, AHundredDebitsAtOnceOfWhatCoversThirtyAreThirty) {
  const Member jo = member_with("jo", "30.99");
  std::atomic<int> done = 0;
  std::atomic<int> refused = 0;
  at_once(25, 100, [&](int) {
    const RawAnswer answer = adjust(debits, jo, "1");
    if (answer.status == 201) ++done;
    if (answer.code() == "INSUFFICIENT_FUNDS") ++refused;
  });
  EXPECT_EQ(done, 30);
  EXPECT_EQ(refused, 70);
  EXPECT_EQ(balance(jo), "0.99/0.00");
  expect_books_balance();
}

TEST_F(Wallet, AThousandCreditsUnderOneKeyAreOne) {
  const Member jo = member("jo");
  const std::string body =
      object({{"userId", jo.id()}, {"amount", "5"}, {"currency", "USD"}, {"reason", "r"}});
  std::mutex mutex;
  std::set<std::string> bodies;
  std::map<int, int> statuses;
  int fresh = 0;
  at_once(50, 1000, [&](int) {
    const RawAnswer answer = post(credits, staff_, body, "k");
    const std::scoped_lock lock(mutex);
    ++statuses[answer.status];
    if (answer.status == 201) bodies.insert(answer.body);
    if (answer.status == 201 && !answer.field("Idempotent-Replayed")) ++fresh;
    if (answer.status == 409) EXPECT_EQ(answer.code(), "REQUEST_IN_PROGRESS");
  });
  EXPECT_EQ(statuses[201] + statuses[409], 1000);
  EXPECT_GT(statuses[201], 0);
  EXPECT_EQ(bodies.size(), 1u);
  EXPECT_EQ(fresh, 1);
  EXPECT_EQ(balance(jo), "5.00/0.00");
  EXPECT_EQ(events("WALLET_CREDITED"), 1);
  expect_books_balance();
}

TEST_F(Wallet, SixtyFourWritersOfOneAccountAllSucceed) {
  const Member hot = member_with("hot", "64.00");
  std::atomic<int> failed = 0;
  at_once(64, 320, [&](int i) {
    if (adjust(i % 2 == 0 ? credits : debits, hot, "0.10").status != 201) ++failed;
  });
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(balance(hot), "64.00/0.00");
  expect_books_balance();
}

}  // namespace
}  // namespace perkline::test
