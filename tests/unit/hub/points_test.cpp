#include <gtest/gtest.h>

#include "hub/ledger/lots.hpp"
#include "hub/points/balance.hpp"
#include "hub/points/expiry.hpp"
#include "hub/points/joining.hpp"
#include "hub/points/purchase_rule.hpp"
#include "hub/points/purse.hpp"
#include "hub/points/tiers.hpp"
#include "tests/unit/hub/two_stores.hpp"

namespace perkline::hub::points {
namespace {

const Currency dollars = find_currency("USD").value();

Terms terms_of_tests() {
  Terms terms;
  terms.signup = 5;
  terms.referral = 1;
  terms.tiers = {{"Silver", 10}, {"Gold", 100}};
  // Of sales as StoreHistory makes them, which are of 15.00.
  terms.purchase_rule = {
      {.from = 1'000, .points = 2}, {.from = 1'500, .points = 6}, {.from = 10'000, .points = 50}};
  return terms;
}

TEST(PurchaseRule, TheHighestStepReachedCounts) {
  const Terms terms = terms_of_tests();
  const auto of = [&](std::int64_t minor) { return points_for(terms, Money{minor, dollars}); };
  EXPECT_EQ(of(0), 0);
  EXPECT_EQ(of(999), 0);
  EXPECT_EQ(of(1'000), 2);
  EXPECT_EQ(of(1'499), 2);
  EXPECT_EQ(of(1'500), 6);
  EXPECT_EQ(of(10'000), 50);
  EXPECT_EQ(of(1'000'000), 50);
  EXPECT_EQ(points_for(terms, Money{10'000, find_currency("EUR").value()}), 0);
  EXPECT_EQ(points_for(Terms{}, Money{10'000, dollars}), 0);
}

TEST(Tiers, BeginAtTheirPoints) {
  const Terms terms = terms_of_tests();
  EXPECT_EQ(tier_for(terms, 0), "Base");
  EXPECT_EQ(tier_for(terms, 9), "Base");
  EXPECT_EQ(tier_for(terms, 10), "Silver");
  EXPECT_EQ(tier_for(terms, 99), "Silver");
  EXPECT_EQ(tier_for(terms, 100), "Gold");
}

TEST(DerivedIds, AreUuidsOfTheSameMillisecondAndAllDifferent) {
  test::ManualClock clock;
  SeededRng rng(1);
  UuidMaker uuids(clock, rng);
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) {
    const Uuid from = uuids.next();
    seen.insert(from.str());
    for (std::uint64_t number = 0; number < 20; ++number) {
      const Uuid made = derived_id(from, number);
      EXPECT_EQ(made, derived_id(from, number));
      EXPECT_EQ(made.str().substr(0, 15), from.str().substr(0, 15));
      EXPECT_NE(std::string("89ab").find(made.str()[19]), std::string::npos) << made.str();
      seen.insert(made.str());
    }
  }
  EXPECT_EQ(seen.size(), 50U * 21U);
}

/// Stores that sell to members of a programme with a purchase rule.
class Programme : public test::TwoStores {
 protected:
  Programme() : TwoStores(terms_of_tests()) {}

  Cause cause() { return {.id = hub_.uuids.next(), .at = hub_.clock.wall}; }
  template <class Work>
  void write(Work work) {
    const auto done = hub_.write([&](db::Transaction& t) -> Result<void> {
      auto result = work(t);
      if (!result) return failure(result);
      return {};
    });
    ASSERT_TRUE(done) << done.error().detail;
  }
  UserId add_user(const std::string& name, const std::string& card = "", bool verified = true) {
    hub_.execute(
        "INSERT INTO users (id, email, email_key, name, role, active, password_hash, loyalty_id,"
        " loyalty_verified, created_at) VALUES ($1, $1, $1, $1, 'member', 1, '', $2, $3, 0)",
        {name, card.empty() ? db::Value(nullptr) : db::Value(card), std::int64_t{!card.empty() && verified}});
    return UserId(name);
  }
  void verify_card(const UserId& user, const CustomerId& card) {
    hub_.execute("UPDATE users SET loyalty_id = $2, loyalty_verified = 1 WHERE id = $1",
                 {user.str(), card.str()});
    write([&](db::Transaction& t) { return on_card_verified(t, terms_, cause(), {user, card}); });
  }
  void spend_points(const UserId& user, std::int64_t amount) {
    write([&](db::Transaction& t) { return purchase(t, cause(), {user, amount, "mug"}); });
  }
  void give_points(const UserId& user, std::int64_t amount, const std::string& name) {
    write([&](db::Transaction& t) {
      return give(t, terms_, cause(),
                  {.user = user,
                   .amount = amount,
                   .other = programme_account("test"),
                   .external_id = name,
                   .code = "test"});
    });
  }
  Balance balance(const Holder& holder) {
    Balance found;
    write([&](db::Transaction& t) -> Result<void> {
      auto read = balance_of(t, terms_, holder, hub_.clock.wall);
      if (!read) return failure(read);
      found = *read;
      return {};
    });
    return found;
  }
  std::int64_t points(const UserId& user) { return balance({.user = user}).balance; }
  std::int64_t owed_points(const UserId& user) { return balance({.user = user}).owed; }
  std::vector<std::string> events_of(const std::string& type) {
    std::vector<std::string> data;
    for (const auto& row : hub_.rows("SELECT data FROM event_outbox WHERE type = $1 ORDER BY id", {type}))
      data.push_back(row.text(0));
    return data;
  }
};

TEST_F(Programme, ASaleGivesItsMemberTheRulesPointsAtOnce) {
  const UserId ann = add_user("ann", customer.str());
  tell(history_.sale(450));
  EXPECT_EQ(points(ann), 6);
  EXPECT_EQ(rewards(), 450) << "the two purses never mix";
  EXPECT_EQ(amount_of(ledger::balance_of, ledger::points_issued_by(store)), -6);
  EXPECT_EQ(turnover_of(store).earned, 450);
}

TEST_F(Programme, ASaleToldAgainGivesNothingMore) {
  const UserId ann = add_user("ann", customer.str());
  const auto sale = history_.sale(450);
  for (int i = 0; i < 3; ++i) tell(sale);
  EXPECT_EQ(points(ann), 6);
  EXPECT_EQ(dead_letters(), 0);
}

TEST_F(Programme, ManySalesOfManyMembersInOneBatch) {
  std::vector<UserId> users;
  for (int i = 0; i < 5; ++i) users.push_back(add_user("u" + std::to_string(i), "CUST-" + std::to_string(i)));
  for (int i = 0; i < 100; ++i) history_.add(history_.sale(1, 0, "CUST-" + std::to_string(i % 7)));
  take_in(history_, store);
  EXPECT_EQ(points(users[0]), 15 * 6);
  EXPECT_EQ(points(users[4]), 14 * 6);
  EXPECT_EQ(balance({.user = users[0]}).tier, "Silver");
}

TEST_F(Programme, APendingSalesPointsComeWithPdisWord) {
  const UserId ann = add_user("ann", customer.str());
  const auto sale = history_.sale(450);
  tell(pending_of(sale, 300));
  const Holder holder{.user = ann, .card = customer, .verified = true};
  EXPECT_EQ(balance(holder).balance, 0);
  EXPECT_EQ(balance(holder).pending, 6);
  tell(sync::SaleSettled{.sale = sale});
  EXPECT_EQ(balance(holder).balance, 6);
  EXPECT_EQ(balance(holder).pending, 0);
}

TEST_F(Programme, ARejectedSaleGivesNothing) {
  const UserId ann = add_user("ann", customer.str());
  const auto sale = history_.sale(450);
  tell(pending_of(sale, 300));
  tell(rejected_of(sale));
  const Balance left = balance({.user = ann, .card = customer, .verified = true});
  EXPECT_EQ(left.balance, 0);
  EXPECT_EQ(left.pending, 0);
}

TEST_F(Programme, WhoTakesACardOverGetsWhatItsSalesWereDueOnce) {
  const auto first = history_.sale(450);
  tell(first);
  tell(history_.sale(450));
  tell(return_of(first, 500, std::nullopt));  // A third of it.
  const UserId ann = add_user("ann", customer.str(), false);
  EXPECT_EQ(points(ann), 0);
  EXPECT_EQ(balance({.user = ann, .card = customer, .verified = false}).pending, 4 + 6);
  verify_card(ann, customer);
  EXPECT_EQ(points(ann), 4 + 6);
  verify_card(ann, customer);
  EXPECT_EQ(points(ann), 4 + 6);
  // The rest of the first comes back.
  tell(return_of(first, 1'000, std::nullopt));
  EXPECT_EQ(points(ann), 6);
  EXPECT_EQ(owed_points(ann), 0);
  expect_sound();
}

TEST_F(Programme, WhatHasLapsedMeanwhileIsNotTakenOver) {
  tell(history_.sale(450));
  hub_.clock.wall += days{200};
  tell(history_.sale(450));
  hub_.clock.wall += days{165};
  const UserId ann = add_user("ann");
  verify_card(ann, customer);
  EXPECT_EQ(points(ann), 6);
  hub_.clock.wall += days{200};
  write([&](db::Transaction& t) -> Result<void> {
    const std::vector<Uuid> ids{hub_.uuids.next(), hub_.uuids.next()};
    auto lapsed = ledger::lapse_lots(t, hub_.clock.wall, ids);
    if (!lapsed) return failure(lapsed);
    return {};
  });
  EXPECT_EQ(points(ann), 0) << "365 days after the sale, not after the taking over";
}

TEST_F(Programme, ReturnedGoodsTakeTheirPointsBack) {
  const UserId ann = add_user("ann", customer.str());
  const auto sale = history_.sale(450);
  tell(sale);
  tell(return_of(sale, 1, std::nullopt));
  EXPECT_EQ(points(ann), 5) << "rounded up, as with PDI's";
  tell(return_of(sale, 749, std::nullopt));
  EXPECT_EQ(points(ann), 3);
  tell_elsewhere(as_of_another_store(return_of(sale, 750, std::nullopt)));
  EXPECT_EQ(points(ann), 0);
  EXPECT_EQ(owed_points(ann), 0);
  EXPECT_EQ(amount_of(ledger::balance_of, ledger::points_issued_by(store)), 0);
}

TEST_F(Programme, WhatIsSpentAlreadyIsOwedAndPaidByTheNextSale) {
  const UserId ann = add_user("ann", customer.str());
  const auto sale = history_.sale(450);
  tell(sale);
  spend_points(ann, 5);
  tell(return_of(sale, 1'500, std::nullopt));
  EXPECT_EQ(points(ann), 0);
  EXPECT_EQ(owed_points(ann), 5);
  give_points(ann, 3, "gift");
  EXPECT_EQ(points(ann), 3) << "only what sales give pays it";
  tell(history_.sale(450));
  EXPECT_EQ(points(ann), 3 + 1);
  EXPECT_EQ(owed_points(ann), 0);
  tell(history_.sale(450));
  EXPECT_EQ(points(ann), 3 + 1 + 6);
  EXPECT_EQ(owed(), 450) << "what PDI does not know of is another debt";
}

TEST_F(Programme, ADebtIsPaidOverSeveralSalesOfOneBatch) {
  const UserId ann = add_user("ann", customer.str());
  const std::vector sold{history_.sale(1), history_.sale(1), history_.sale(1)};
  for (auto sale : sold) {
    sale.transaction = TransactionId("of-" + sale.session.str());
    history_.add(sale);
  }
  take_in(history_, store);
  spend_points(ann, 18);
  for (auto sale : sold) {
    sale.transaction = TransactionId("of-" + sale.session.str());
    tell(return_of(sale, 1'500, std::nullopt));
  }
  EXPECT_EQ(owed_points(ann), 18);
  for (int i = 0; i < 4; ++i) history_.add(history_.sale(1));
  take_in(history_, store);
  EXPECT_EQ(owed_points(ann), 0);
  EXPECT_EQ(points(ann), 4 * 6 - 18);
}

TEST_F(Programme, JoiningRewardsBothOnceAPair) {
  const UserId ann = add_user("ann");
  const UserId bob = add_user("bob");
  for (int i = 0; i < 3; ++i) {
    write([&](db::Transaction& t) { return on_registered(t, terms_, cause(), {bob, ann}); });
    EXPECT_EQ(points(bob), 5 + 1);
    EXPECT_EQ(points(ann), 1);
  }
  const UserId eve = add_user("eve");
  write([&](db::Transaction& t) { return on_registered(t, terms_, cause(), {eve, ann}); });
  EXPECT_EQ(points(ann), 2);
  const UserId max = add_user("max");
  write([&](db::Transaction& t) { return on_registered(t, Terms{}, cause(), {max, std::nullopt}); });
  EXPECT_EQ(points(max), 0);
  expect_sound();
}

TEST_F(Programme, LapsingPointsAreToldOnceByDay) {
  const UserId ann = add_user("ann");
  give_points(ann, 3, "a");
  give_points(ann, 4, "b");
  hub_.clock.wall += days{1};
  give_points(ann, 5, "c");
  const auto announce = [&] {
    write([&](db::Transaction& t) { return announce_expiry(t, cause(), 100); });
    return events_of("POINTS_EXPIRING").size();
  };
  EXPECT_EQ(announce(), 0U);
  hub_.clock.wall += days{334} - Millis{1};
  EXPECT_EQ(announce(), 0U);
  hub_.clock.wall += Millis{1};
  EXPECT_EQ(announce(), 1U);
  EXPECT_EQ(announce(), 1U);
  EXPECT_EQ(events_of("POINTS_EXPIRING")[0],
            R"({"userId":"ann","points":7,"expiresAt":"2027-03-01T00:00:00.000Z"})");
  hub_.clock.wall += days{1};
  EXPECT_EQ(announce(), 2U);
}

TEST_F(Programme, PointsOfOneDayAreToldOnceWhereverTheDayIsLookedAt) {
  const UserId ann = add_user("ann");
  hub_.clock.wall += hours{3};
  give_points(ann, 3, "a");
  hub_.clock.wall += hours{20};
  give_points(ann, 4, "b");
  hub_.clock.wall += hours{1};
  give_points(ann, 5, "of the next day");
  const auto announce = [&](std::int64_t count) {
    write([&](db::Transaction& t) { return announce_expiry(t, cause(), count); });
    return events_of("POINTS_EXPIRING");
  };
  // 30 days before the first lapses, and a page that holds no more.
  hub_.clock.wall += days{335} - hours{21};
  ASSERT_EQ(announce(1).size(), 1U);
  EXPECT_EQ(announce(1)[0], R"({"userId":"ann","points":7,"expiresAt":"2027-03-01T03:00:00.000Z"})");
  hub_.clock.wall += hours{20};
  EXPECT_EQ(announce(100).size(), 1U);
  hub_.clock.wall += hours{1};
  EXPECT_EQ(announce(100).size(), 2U);
}

TEST_F(Programme, ATierIsLostWhenWhatMadeItIsAYearOld) {
  const UserId ann = add_user("ann");
  give_points(ann, 9, "a");
  hub_.clock.wall += days{100};
  give_points(ann, 1, "b");
  const auto review = [&] {
    write([&](db::Transaction& t) { return review_tiers(t, terms_, cause(), "", 100); });
    return balance({.user = ann}).tier;
  };
  EXPECT_EQ(review(), "Silver");
  hub_.clock.wall += days{264};
  EXPECT_EQ(review(), "Silver");
  hub_.clock.wall += days{1};
  EXPECT_EQ(review(), "Base");
  const auto told = events_of("TIER_CHANGED");
  ASSERT_EQ(told.size(), 2U);
  EXPECT_NE(told[1].find(R"("previousTier":"Silver","tier":"Base")"), std::string::npos) << told[1];
}

TEST_F(Programme, AReversedGiftWasNeverEarned) {
  const UserId ann = add_user("ann");
  give_points(ann, 50, "a");
  write([&](db::Transaction& t) {
    return ledger::reverse(t, {.of = "a", .id = hub_.uuids.next(), .created_at = hub_.clock.wall});
  });
  write([&](db::Transaction& t) { return review_tiers(t, terms_, cause(), "", 100); });
  EXPECT_EQ(balance({.user = ann}).tier, "Base");
}

TEST_F(Programme, PdisNewWordOnATierIsTold) {
  const UserId ann = add_user("ann", customer.str());
  tell(history_.sale(1));
  EXPECT_TRUE(events_of("TIER_CHANGED").empty()) << "the first word changes nothing";
  hub_.clock.advance(seconds{1});
  auto next = history_.sale(1);
  next.tier = "Platinum";
  tell(next);
  hub_.clock.advance(seconds{1});
  auto same = history_.sale(1);
  same.tier = "Platinum";
  tell(same);
  auto older = history_.sale(1);
  older.tier = "Base";
  older.finalized_at -= days{3};
  tell(older);
  const auto told = events_of("TIER_CHANGED");
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0], R"({"userId":"ann","customerId":"CUST-00001","previousTier":"Gold","tier":"Platinum"})");
  EXPECT_EQ(balance({.user = ann, .card = customer, .verified = true}).tier, "Platinum");
}

}  // namespace
}  // namespace perkline::hub::points
