#include <algorithm>

#include "hub/ledger/history.hpp"
#include "hub/ledger/holds.hpp"
#include "tests/unit/hub/live_hub.hpp"

namespace perkline::hub::ledger {
namespace {

const Currency dollars = find_currency("USD").value();

/// Many writers at once over the daemon's own adapter.
class LedgerRace : public testing::Test {
 protected:
  static UserId member(int number) { return UserId("member-" + std::to_string(number)); }
  static Account wallet(const UserId& user) { return wallet_of(user, dollars); }
  static Account topups() { return system_account("topups", money_unit(dollars)); }

  Transfer transfer(std::string external_id, Account debit, Account credit, std::int64_t amount) {
    return {.id = hub_.ids().next(),
            .external_id = std::move(external_id),
            .debit = std::move(debit),
            .credit = std::move(credit),
            .amount = amount,
            .code = "test",
            .created_at = hub_.clock().wall_now()};
  }
  static test::LiveHub::Work posting(Transfer transfer) {
    return [transfer = std::move(transfer)](db::Transaction& t) { return post(t, transfer); };
  }
  void fund(const UserId& user, std::int64_t amount) {
    ASSERT_TRUE(hub_.write(posting(transfer("topup:" + user.str(), topups(), wallet(user), amount))));
  }
  std::int64_t balance(const Account& account) {
    std::int64_t found = 0;
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      const auto balance = balance_of(t, account);
      if (!balance) return std::unexpected(balance.error());
      found = *balance;
      return {};
    }));
    return found;
  }
  /// How many succeeded; the others failed as `refusal` says.
  static int successes(const std::vector<Result<void>>& results, Errc refusal) {
    int done = 0;
    for (const Result<void>& result : results) {
      if (result) {
        ++done;
      } else {
        EXPECT_EQ(result.error().code, refusal) << result.error().detail;
      }
    }
    return done;
  }
  void expect_sound() {
    EXPECT_TRUE(hub_.read([](db::Transaction& t) -> Result<void> {
      const auto found = verify(t);
      if (!found) return std::unexpected(found.error());
      EXPECT_TRUE(found->ok()) << found->mismatches.front();
      return {};
    }));
  }

  test::LiveHub hub_;
};

TEST_F(LedgerRace, OfAHundredDebitsExactlyThoseThatTheAccountCoversAreDone) {
  const UserId ann = member(1);
  fund(ann, 30);
  std::vector<test::LiveHub::Work> works;
  for (int i = 0; i < 100; ++i)
    works.push_back(posting(transfer("debit:" + std::to_string(i), wallet(ann), topups(), 1)));
  EXPECT_EQ(successes(hub_.write_all(std::move(works)), Errc::insufficient_funds), 30);
  EXPECT_EQ(balance(wallet(ann)), 0);
  expect_sound();
}

TEST_F(LedgerRace, AThousandCreditsOfOneNameAreOneCredit) {
  const UserId ann = member(1);
  std::vector<test::LiveHub::Work> works;
  for (int i = 0; i < 1000; ++i) works.push_back(posting(transfer("credit:1", topups(), wallet(ann), 7)));
  EXPECT_EQ(successes(hub_.write_all(std::move(works)), Errc::internal), 1000);
  EXPECT_EQ(balance(wallet(ann)), 7);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM transfer"), 1);
  expect_sound();
}

TEST_F(LedgerRace, TransfersAmongTenMembersLoseAndMakeNothing) {
  constexpr int members = 10;
  for (int i = 0; i < members; ++i) fund(member(i), 1'000);
  SeededRng rng(42);
  std::vector<std::int64_t> expected(members, 1'000);
  std::vector<test::LiveHub::Work> works;
  for (int i = 0; i < 200; ++i) {
    const auto from = static_cast<std::size_t>(rng.below(members));
    const auto to = (from + 1 + static_cast<std::size_t>(rng.below(members - 1))) % members;
    const auto amount = static_cast<std::int64_t>(1 + rng.below(5));
    expected[from] -= amount;
    expected[to] += amount;
    works.push_back(posting(transfer("t:" + std::to_string(i), wallet(member(static_cast<int>(from))),
                                     wallet(member(static_cast<int>(to))), amount)));
  }
  EXPECT_EQ(successes(hub_.write_all(std::move(works)), Errc::internal), 200);
  for (int i = 0; i < members; ++i)
    EXPECT_EQ(balance(wallet(member(i))), expected[static_cast<std::size_t>(i)]) << "member " << i;
  expect_sound();
}

TEST_F(LedgerRace, AHoldIsCapturedOnceHoweverManyTry) {
  const UserId ann = member(1);
  fund(ann, 100);
  const Transfer held = transfer("hold:1", wallet(ann), topups(), 60);
  ASSERT_TRUE(hub_.write([&](db::Transaction& t) { return hold(t, held); }));
  std::vector<test::LiveHub::Work> works;
  for (int i = 0; i < 64; ++i) {
    const Capture one{.hold = "hold:1",
                      .amount = 40,
                      .id = hub_.ids().next(),
                      .external_id = "capture:" + std::to_string(i),
                      .code = "test",
                      .created_at = hub_.clock().wall_now()};
    works.push_back([one](db::Transaction& t) -> Result<void> {
      const auto done = capture(t, one);
      if (!done) return std::unexpected(done.error());
      return {};
    });
    works.push_back([](db::Transaction& t) { return release_hold(t, "hold:none-of-these"); });
  }
  const auto results = hub_.write_all(std::move(works));
  EXPECT_EQ(std::ranges::count_if(results, [](const auto& result) { return result.has_value(); }), 1);
  EXPECT_EQ(balance(wallet(ann)), 60);
  expect_sound();
}

TEST_F(LedgerRace, PointsAreSpentOnceHoweverManySpend) {
  const UserId ann = member(1);
  const std::string unit(programme_unit);
  std::vector<Transfer> given;
  for (int i = 0; i < 10; ++i) {
    given.push_back(transfer("give:" + std::to_string(i), system_account("issued", unit), points_of(ann), 3));
    given.back().expires_at = hub_.clock().wall_now() + days{365};
  }
  ASSERT_TRUE(hub_.write([&](db::Transaction& t) { return post_all(t, given); }));
  std::vector<test::LiveHub::Work> works;
  for (int i = 0; i < 100; ++i)
    works.push_back(
        posting(transfer("spin:" + std::to_string(i), points_of(ann), system_account("spent", unit), 1)));
  EXPECT_EQ(successes(hub_.write_all(std::move(works)), Errc::insufficient_points), 30);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM lot"), 0);
  expect_sound();
}

}  // namespace
}  // namespace perkline::hub::ledger
