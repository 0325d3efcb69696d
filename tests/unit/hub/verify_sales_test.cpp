#include "hub/ingest/verify_sales.hpp"

#include "tests/unit/hub/two_stores.hpp"

namespace perkline::hub::ingest {
namespace {

/// Sales in every state, returns, a debt, and the programme's points.
class SaleBooks : public test::TwoStores, public testing::WithParamInterface<const char*> {
 protected:
  SaleBooks()
      : TwoStores({.currency = find_currency("USD").value(),
                   .tiers = {},
                   .purchase_rule = {{.from = 100, .points = 3}}}) {
    hub_.execute(
        "INSERT INTO users (id, email, email_key, name, role, active, password_hash, loyalty_id,"
        " loyalty_verified, created_at) VALUES ('ann', 'a', 'a', 'a', 'member', 1, '', $1, 1, 0)",
        {customer.str()});
    const auto at_once = history_.sale(450, 100);
    tell(at_once);
    tell(return_of(at_once, 500, {{150, 33}}));
    const auto settled = history_.sale(30, 5);
    tell(pending_of(settled, 20));
    tell(sync::SaleSettled{settled});
    const auto rejected = history_.sale(10, 7, "CUST-2");
    tell(pending_of(rejected, 10));
    tell(rejected_of(rejected));
    tell(pending_of(history_.sale(8, 2, "CUST-3"), 8));
    tell_elsewhere(as_of_another_store(return_of(history_.sale(1), 500, std::nullopt)));
  }
  std::vector<std::string> mismatches() {
    std::vector<std::string> found;
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      found = verify_sales(t).value();
      return {};
    }));
    return found;
  }
};

TEST_P(SaleBooks, ThatWereFalsifiedAreFound) {
  EXPECT_EQ(mismatches(), std::vector<std::string>{});
  hub_.forget_checks();
  ASSERT_GT(hub_.execute(GetParam()), 0);
  EXPECT_NE(mismatches(), std::vector<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(Statement, SaleBooks,
                         testing::Values("UPDATE sale SET earned = earned + 1 WHERE earned = 450",
                                         "UPDATE sale SET redeemed = redeemed - 1 WHERE redeemed = 5",
                                         "UPDATE sale SET state = 'rejected' WHERE earned = 450",
                                         "UPDATE sale SET state = 'rejected' WHERE state = 'pending'",
                                         "UPDATE sale SET redeemed = 3 WHERE state = 'pending'",
                                         "UPDATE sale SET earned = 9 WHERE state = 'pending'",
                                         "UPDATE sale SET state = 'pending' WHERE state = 'rejected'",
                                         "UPDATE sale SET redeemed = 8 WHERE state = 'rejected'",
                                         "UPDATE sale SET returned = returned + 1 WHERE returned > 0",
                                         "UPDATE sale SET clawed_back = clawed_back + 1 WHERE returned > 0",
                                         "UPDATE sale SET restored = restored - 1 WHERE returned > 0",
                                         "DELETE FROM sale WHERE earned = 30",
                                         "DELETE FROM sale WHERE earned = 450",
                                         "UPDATE sale_return SET clawed_back = 151 WHERE state = 'booked'",
                                         "UPDATE sale_return SET restored = 32 WHERE state = 'booked'",
                                         "UPDATE sale_return SET amount = amount + 1 WHERE state = 'booked'",
                                         "DELETE FROM sale_return WHERE state = 'booked'",
                                         "UPDATE member SET owed = owed - 1 WHERE owed > 0",
                                         "UPDATE sale SET points_user = NULL WHERE points_user IS NOT NULL",
                                         "UPDATE sale SET points_user = 'bob' WHERE points_user IS NOT NULL",
                                         "UPDATE sale SET points_due = 2 WHERE points_user IS NOT NULL",
                                         "UPDATE sale SET points_user = 'ann' WHERE points_user IS NULL",
                                         "DELETE FROM transfer WHERE external_id LIKE 'return:%'",
                                         "DELETE FROM transfer WHERE external_id LIKE 'sale-points:%'"));

}  // namespace
}  // namespace perkline::hub::ingest
