#include "tests/integration/clocked_chain.hpp"

namespace perkline::test {
namespace {

class Expiry : public ClockedChainTest {
 protected:
  void TearDown() override { pdi_is_well(); }
  static Till till() { return till_of(0); }
};

TEST_F(Expiry, SessionsThatAreNoSaleEndAfterADayAndSalesNever) {
  const auto identified = till().identify("OLD-1");
  const std::string active = text_at(identified, "sessionId");
  const std::string priced = till().open("OLD-2");
  const auto calculated = till().calculate(priced);
  const std::string sold = till().price("OLD-3");
  const auto finalized = till().finalize(sold, "OLD-3");
  ASSERT_EQ(finalized.status, 200) << finalized.body;
  const std::string waiting = till().price("OLD-4");
  pdi(R"({"endpoint":"finalize","mode":"status","status":503})");
  ASSERT_EQ(till().finalize(waiting, "OLD-4").status, 202);

  set_clock(23 * hour);
  restart();
  EXPECT_EQ(text_at(till().status(active), "status"), "active");
  EXPECT_EQ(text_at(till().status(priced), "status"), "calculated");

  set_clock(25 * hour);
  restart();
  for (const std::string& session : {active, priced}) {
    const auto answer = till().status(session);
    EXPECT_EQ(text_at(answer, "status"), "expired") << answer.body;
    EXPECT_EQ(number_at(answer, "earnedPoints"), 0);
    expect_problem(till().calculate(session, "1.00"), 409, "SESSION_STATE");
    expect_problem(till().abandon(session), 409, "SESSION_STATE");
  }
  expect_problem(till().finalize(priced, "OLD-2"), 409, "SESSION_STATE");
  expect_replay(till().identify("OLD-1"), identified);
  expect_replay(till().calculate(priced), calculated);
  expect_replay(till().finalize(sold, "OLD-3"), finalized);
  EXPECT_EQ(text_at(till().status(waiting), "status"), "pending") << "a sale never expires";
  pdi_is_well();
  (void)status_once(till(), waiting, "finalized");
  EXPECT_EQ(booked_at_pdi("OLD-1") + booked_at_pdi("OLD-2"), 0u);
  EXPECT_EQ(booked_at_pdi("OLD-4"), 1u);
}

TEST_F(Expiry, AClockThatJumpsEndsNoSessionAndLosesNoSale) {
  for (const std::int64_t off : {10 * year, -10 * year}) {
    const std::string transaction = "JUMP-" + std::to_string(off / year);
    set_clock(0);
    const std::string before = till().price(transaction);
    const std::string active = till().open(transaction + "-ACTIVE");
    set_clock(off);
    EXPECT_EQ(till().finalize(before, transaction).status, 200);
    EXPECT_EQ(till().calculate(active).status, 200);
    EXPECT_EQ(text_at(till().status(active), "status"), "calculated");
    const std::string after = till().price(transaction + "-AFTER");
    EXPECT_EQ(till().finalize(after, transaction + "-AFTER").status, 200);
    set_clock(0);
    EXPECT_EQ(till().finalize(active, transaction + "-ACTIVE").status, 200);
    EXPECT_EQ(booked_at_pdi(transaction), 1u);
  }
}

}  // namespace
}  // namespace perkline::test
