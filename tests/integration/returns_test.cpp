#include <future>

#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

/// Goods come back (contract.md §5; hub.md, "SaleReturned"), in a chain of two stores.
class Returns : public ChainTest {
 protected:
  static void SetUpTestSuite() { start_chain(2); }
  void TearDown() override { (void)fleet().edge_command(0, {"breaker", "auto"}); }
  static Till till() { return till_of(0); }

  /// Another one for each number.
  static std::string gold_member(std::size_t number) { return members_at_pdi("Gold").at(number); }
  /// A sale that is booked.
  static void sell(const std::string& transaction, const std::string& amount, const std::string& customer,
                   int redeem = 0) {
    const std::string session = till().price(transaction, amount, customer);
    const auto sold = till().finalize(session, transaction, amount,
                                      R"("applyRewards":true,"redeemPoints":)" + std::to_string(redeem));
    ASSERT_EQ(sold.status, 200) << sold.body;
  }
  static bench::WebAnswer give_back(const Till& at, const std::string& original,
                                    const std::string& transaction, const std::string& amount,
                                    const std::string& store = {}) {
    return at.post("return", R"({"originalTransactionId":")" + original + R"(","transactionId":")" +
                                 transaction + R"(","amount":)" + amount +
                                 (store.empty() ? "" : R"(,"originalStoreId":")" + store + '"') + '}');
  }
  static bench::WebAnswer give_back(const std::string& original, const std::string& transaction,
                                    const std::string& amount) {
    return give_back(till(), original, transaction, amount);
  }
  static void expect_points(const bench::WebAnswer& answer, std::int64_t clawed_back, std::int64_t restored) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(number_at(answer, "clawedBackPoints"), clawed_back) << answer.body;
    EXPECT_EQ(number_at(answer, "restoredPoints"), restored) << answer.body;
    EXPECT_NE(text_at(answer, "receiptId"), "") << answer.body;
  }

  struct Rewards {
    std::int64_t net = 0;
    std::int64_t pending = 0;
    std::int64_t owed = 0;
    bool operator==(const Rewards&) const = default;
  };
  static Rewards rewards_at_hub(const std::string& customer) {
    const auto balance = hub("points/balance?customerId=" + customer).json();
    const json::Value* rewards = balance.root().find("rewards");
    if (rewards == nullptr) return {};
    return {bench::integer_at(*rewards, "net"), bench::integer_at(*rewards, "pending"),
            bench::integer_at(*rewards, "owed")};
  }
  static void expect_at_hub(const std::string& customer, const Rewards& expected) {
    EXPECT_TRUE(eventually([&] { return rewards_at_hub(customer) == expected; }));
    const Rewards is = rewards_at_hub(customer);
    EXPECT_EQ(is.net, expected.net);
    EXPECT_EQ(is.pending, expected.pending);
    EXPECT_EQ(is.owed, expected.owed);
    const auto verified = fleet().hub_command({"verify"});
    ASSERT_TRUE(verified);
    EXPECT_EQ(verified->status, 0) << verified->out;
  }
};

TEST_F(Returns, OfTheWholeSaleTakeAllItEarnedAndPdiHearsNothing) {
  const std::string member = gold_member(0);
  sell("WHOLE-1", "150.00", member);
  expect_at_hub(member, {.net = 450});
  expect_points(give_back("WHOLE-1", "WHOLE-1-R", "150.00"), 450, 0);
  expect_at_hub(member, {.net = 0, .owed = 450});
  EXPECT_EQ(booked_at_pdi("WHOLE-1"), 1u);
  EXPECT_EQ(booked_at_pdi("WHOLE-1-R"), 0u);
  EXPECT_EQ(
      number_at(till().status(text_at(till().identify("WHOLE-1", member), "sessionId")), "earnedPoints"), 450)
      << "the sale stays what it was";
}

TEST_F(Returns, InPartsAddUpToTheSaleExactly) {
  const std::string member = gold_member(1);
  // S = 997, E = floor(19.94) + floor(19 / 2) = 28, P = 7.
  sell("PARTS-1", "9.97", member, 7);
  expect_points(give_back("PARTS-1", "PARTS-R1", "3.33"), 10, 2);  // ceil(9.352), floor(2.338)
  expect_points(give_back("PARTS-1", "PARTS-R2", "3.33"), 9, 2);   // ceil(18.704) - 10, floor(4.676) - 2
  expect_points(give_back("PARTS-1", "PARTS-R3", "0.01"), 0, 0);   // ceil(18.732) - 19, floor(4.683) - 4
  expect_points(give_back("PARTS-1", "PARTS-R4", "0"), 0, 0);
  expect_problem(give_back("PARTS-1", "PARTS-R5", "3.31"), 422, "RETURN_EXCEEDS_SALE");
  expect_points(give_back("PARTS-1", "PARTS-R5", "3.30"), 9, 3);  // the refused one is free again
  expect_problem(give_back("PARTS-1", "PARTS-R6", "0.01"), 422, "RETURN_EXCEEDS_SALE");
  expect_at_hub(member, {.net = 0, .owed = 28 - 7});
}

TEST_F(Returns, AreRoundedUpForTheChainFromTheFirstCent) {
  const std::string member = gold_member(2);
  sell("CENT-1", "150.00", member, 100);
  expect_points(give_back("CENT-1", "CENT-R1", "0.01"), 1, 0);  // ceil(0.03), floor(0.0067)
  expect_points(give_back("CENT-1", "CENT-R2", "0.32"), 0, 0);  // ceil(0.99), floor(0.22)
  expect_points(give_back("CENT-1", "CENT-R3", "0.01"), 1, 0);  // ceil(1.02)
  expect_points(give_back("CENT-1", "CENT-R4", "1.16"), 3, 1);  // 1.50: ceil(4.5), floor(1.0)
  expect_points(give_back("CENT-1", "CENT-R5", "148.50"), 445, 99);
  expect_at_hub(member, {.net = 0, .owed = 350});
}

TEST_F(Returns, OfASaleForNothingTakeAndGiveNothing) {
  const std::string member = gold_member(3);
  sell("FREE-1", "0.00", member, 10);
  expect_points(give_back("FREE-1", "FREE-R1", "0.00"), 0, 0);
  expect_problem(give_back("FREE-1", "FREE-R2", "0.01"), 422, "RETURN_EXCEEDS_SALE");
  expect_at_hub(member, {.net = -10});
}

TEST_F(Returns, AreReplayedToTheByteAlsoAcrossARestart) {
  const std::string member = gold_member(4);
  sell("AGAIN-1", "20.00", member);
  sell("AGAIN-2", "20.00", member);
  const auto first = give_back("AGAIN-1", "AGAIN-R1", "5.50");
  expect_points(first, 17, 0);  // ceil(60 * 550 / 2000) = ceil(16.5)
  for (const char* amount : {"5.5", "\"5.50\"", "\"5.5\""})
    expect_replay(give_back("AGAIN-1", "AGAIN-R1", amount), first);
  expect_replay(give_back(till(), "AGAIN-1", "AGAIN-R1", "5.50", "store-1"), first);
  const auto reused = [&](const bench::WebAnswer& answer) {
    expect_problem(answer, 422, "TRANSACTION_REUSED");
  };
  reused(give_back("AGAIN-1", "AGAIN-R1", "5.51"));
  reused(give_back("AGAIN-2", "AGAIN-R1", "5.50"));
  reused(give_back(till(), "AGAIN-1", "AGAIN-R1", "5.50", "store-2"));
  reused(give_back("AGAIN-1", "AGAIN-1", "5.50"));
  reused(give_back("AGAIN-1", "AGAIN-2", "5.50"));
  reused(till().identify("AGAIN-R1", member));

  fleet().edge(0).kill();
  ASSERT_TRUE(fleet().start_edge(0));
  expect_replay(give_back("AGAIN-1", "AGAIN-R1", "5.50"), first);
  expect_problem(give_back("AGAIN-1", "AGAIN-R2", "14.51"), 422, "RETURN_EXCEEDS_SALE");
  expect_points(give_back("AGAIN-1", "AGAIN-R2", "14.50"), 43, 0);
  expect_at_hub(member, {.net = 60, .owed = 60});
}

TEST_F(Returns, WhatIsNoSaleOrNoCallIsRefused) {
  using Fields = std::vector<std::string>;
  expect_problem(give_back("NOBODY-EVER", "REFUSED-R1", "1.00"), 404, "NOT_FOUND");
  (void)till().price("REFUSED-1");
  expect_problem(give_back("REFUSED-1", "REFUSED-R1", "1.00"), 409, "SESSION_STATE");
  const std::string voided = till().open("REFUSED-2");
  ASSERT_EQ(till().abandon(voided).status, 200);
  expect_problem(give_back("REFUSED-2", "REFUSED-R1", "1.00"), 409, "SESSION_STATE");
  EXPECT_EQ(faulty_fields(till().post("return", R"({"amount":"-1","originalStoreId":"a b"})")),
            (Fields{"originalTransactionId", "transactionId", "amount", "originalStoreId"}));
  sell("REFUSED-3", "10.00", "CUST-12345");
  for (const char* amount : {"-1", "1.001", "1e1", "\"\"", "null", "true"}) {
    const auto answer = give_back("REFUSED-3", "REFUSED-R3", amount);
    expect_problem(answer, 400, "VALIDATION_FAILED");
    EXPECT_EQ(faulty_fields(answer), Fields{"amount"}) << amount;
  }
  // None of them has used the id up.
  EXPECT_EQ(give_back("REFUSED-3", "REFUSED-R3", "10.00").status, 200);
}

TEST_F(Returns, OfOneSaleAtATimeNeverComeToMoreThanIt) {
  const std::string member = gold_member(5);
  sell("RACE-1", "10.00", member);
  std::vector<std::future<bench::WebAnswer>> all;
  for (int i = 1; i <= 8; ++i) {
    all.push_back(std::async(std::launch::async,
                             [i] { return give_back("RACE-1", "RACE-R" + std::to_string(i), "3.00"); }));
  }
  std::int64_t clawed_back = 0;
  int taken = 0;
  for (auto& each : all) {
    const auto answer = each.get();
    if (answer.status == 200) {
      ++taken;
      clawed_back += number_at(answer, "clawedBackPoints");
    } else {
      expect_problem(answer, 422, "RETURN_EXCEEDS_SALE");
    }
  }
  EXPECT_EQ(taken, 3);
  EXPECT_EQ(clawed_back, 27);  // ceil(30 * 900 / 1000)
  expect_at_hub(member, {.net = 3, .owed = 27});
}

TEST_F(Returns, OfAPendingSaleAreWorkedOutOnceItIsSettled) {
  const std::string member = gold_member(6);
  (void)till().open("PEND-MET", member);
  keep_from_pdi(0);
  const std::string session = till().price("PEND-1", "10.00", member);
  ASSERT_EQ(till().finalize(session, "PEND-1", "10.00").status, 202);
  const auto waiting = give_back("PEND-1", "PEND-R1", "3.35");
  EXPECT_EQ(waiting.status, 202) << waiting.body;
  EXPECT_EQ(text_at(waiting, "status"), "pending");
  expect_replay(give_back("PEND-1", "PEND-R1", "3.35"), waiting);
  expect_problem(give_back("PEND-1", "PEND-R2", "6.66"), 422, "RETURN_EXCEEDS_SALE");
  EXPECT_EQ(give_back("PEND-1", "PEND-R2", "6.65").status, 202);
  expect_at_hub(member, {.net = 0, .pending = 30});

  let_to_pdi(0);
  (void)status_once(till(), session, "finalized");
  const auto worked_out = give_back("PEND-1", "PEND-R1", "3.35");
  expect_points(worked_out, 11, 0);  // ceil(10.05)
  EXPECT_EQ(text_at(worked_out, "receiptId"), text_at(waiting, "receiptId"));
  expect_replay(give_back("PEND-1", "PEND-R1", "3.35"), worked_out);
  expect_points(give_back("PEND-1", "PEND-R2", "6.65"), 19, 0);
  expect_at_hub(member, {.net = 0, .owed = 30});
}

TEST_F(Returns, OfASaleThatPdiRefusesComeToNothing) {
  keep_from_pdi(0);
  const std::string session = till().price("LOST-1", "10.00", "CUST-NOBODY");
  ASSERT_EQ(till().finalize(session, "LOST-1", "10.00").status, 202);
  ASSERT_EQ(give_back("LOST-1", "LOST-R1", "4.00").status, 202);
  let_to_pdi(0);
  (void)status_once(till(), session, "review");
  EXPECT_EQ(give_back("LOST-1", "LOST-R1", "4.00").status, 202) << "until a person has decided";
  ASSERT_EQ(edge_command(0, {"queue", "discard", session, "--reason", "no such card"}).status, 0);
  expect_points(give_back("LOST-1", "LOST-R1", "4.00"), 0, 0);
  expect_at_hub("CUST-NOBODY", {});
}

TEST_F(Returns, OfAnotherStoresSaleAreTheHubsToWorkOut) {
  const std::string member = gold_member(7);
  sell("FAR-1", "10.00", member);
  const Till far = till_of(1);
  const auto taken = give_back(far, "FAR-1", "FAR-R1", "3.35", "store-1");
  EXPECT_EQ(taken.status, 202) << taken.body;
  EXPECT_EQ(text_at(taken, "status"), "pending");
  expect_replay(give_back(far, "FAR-1", "FAR-R1", "3.35", "store-1"), taken);
  expect_problem(give_back(far, "FAR-1", "FAR-R1", "3.36", "store-1"), 422, "TRANSACTION_REUSED");
  expect_problem(give_back(far, "FAR-1", "FAR-R2", "3.35"), 404, "NOT_FOUND");
  expect_at_hub(member, {.net = 19, .owed = 11});

  // The store that sold it has not heard: what it takes is worked out by what it knows, and the hub books the
  // difference of the totals.
  expect_points(give_back("FAR-1", "FAR-R3", "6.65"), 20, 0);  // ceil(19.95)
  expect_at_hub(member, {.net = 0, .owed = 30});
  // And what is more than the sale is the hub's to refuse: for people to look at.
  expect_points(give_back("FAR-1", "FAR-R4", "1.00"), 3, 0);  // ceil(22.95) - 20
  EXPECT_TRUE(eventually([] {
    const auto letters = fleet().hub_command({"dead-letters", "list", "--json"});
    return letters && letters->out.find("SaleReturned") != std::string::npos;
  }));
  expect_at_hub(member, {.net = 0, .owed = 30});
}

TEST_F(Returns, WhatIsOwedCannotBeRedeemed) {
  const std::string member = gold_member(8);
  sell("OWED-1", "150.00", member);
  expect_points(give_back("OWED-1", "OWED-R1", "150.00"), 450, 0);
  const auto identified = till().identify("OWED-2", member);
  const std::string session = text_at(identified, "sessionId");
  const std::int64_t has = number_at(identified, "currentPoints") - 450;
  const auto priced = till().calculate(session, "150.00").json();
  ASSERT_NE(priced.root().find("redeemable"), nullptr);
  EXPECT_EQ(bench::integer_at(*priced.root().find("redeemable"), "maxPoints"), has);
  const auto redeem = [&](std::int64_t points) {
    return till().finalize(session, "OWED-2", "150.00",
                           R"("applyRewards":true,"redeemPoints":)" + std::to_string(points));
  };
  expect_problem(redeem(has + 1), 422, "REDEMPTION_LIMIT");
  EXPECT_EQ(redeem(has).status, 200);
}

}  // namespace
}  // namespace perkline::test
