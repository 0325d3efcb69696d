#include "hub/billing/closing.hpp"
#include "tests/unit/hub/payments_fixture.hpp"

namespace perkline::test {
namespace {

class Statements : public Payments {
 protected:
  /// Points of a sale at a store, booked then.
  void book(const std::string& store, std::int64_t issued, std::int64_t redeemed, const std::string& at) {
    const WallTime time = parse_time(at).value();
    const auto rewards = hub::ledger::rewards_of(CustomerId("CUST-00001"));
    hub_.write([&,
                ids = std::array{hub_.ids().next(), hub_.ids().next()}](hub::db::Transaction& transaction) {
      const auto transfer = [&](const Uuid& id, hub::ledger::Account debit, hub::ledger::Account credit,
                                std::int64_t amount) {
        return hub::ledger::post(transaction, {.id = id,
                                               .external_id = id.str(),
                                               .debit = std::move(debit),
                                               .credit = std::move(credit),
                                               .amount = amount,
                                               .code = "sale",
                                               .created_at = time});
      };
      auto done = issued > 0   ? transfer(ids[0], hub::ledger::issued_by(StoreId(store)), rewards, issued)
                  : issued < 0 ? transfer(ids[0], rewards, hub::ledger::issued_by(StoreId(store)), -issued)
                               : Result<void>();
      if (done && redeemed > 0)
        done = transfer(ids[1], rewards, hub::ledger::redeemed_at(StoreId(store)), redeemed);
      return done;
    });
  }
  void add_store(const std::string& id) {
    hub_.execute(
        "INSERT INTO store (id, epoch, cursor_sequence, cursor_hash, created_at) VALUES ($1, 1, 0, $2, 0)",
        {id, std::string(64, '0')});
  }
  RawAnswer asked(const std::string& query, const std::string& accept) const {
    return hub_.send("GET", statements + query, staff_, "", "Accept: " + accept + "\r\n");
  }
};

TEST_F(Statements, AreOfWhatWasBookedInTheMonthAsJsonCsvAndAPage) {
  add_store("store-1");
  add_store("store-2");
  book("store-1", 1'000, 7, "2026-02-28T23:59:59.999Z");
  book("store-1", 450, 0, "2026-03-01T00:00:00.000Z");
  book("store-1", 300, 201, "2026-03-31T23:59:59.999Z");
  book("store-1", -50, 0, "2026-03-15T12:00:00.000Z");
  book("store-1", 5, 5, "2026-04-01T00:00:00.000Z");
  EXPECT_EQ(hub_.get(std::string(statements) + "?month=2026-03&storeId=store-1", staff_).body,
            R"({"items":[{"storeId":"store-1","month":"2026-03","currency":"USD","issuedPoints":700,)"
            R"("issueRate":"0.01","owes":"7.00","redeemedPoints":201,"redeemRate":"0.01","owed":"2.01",)"
            R"("net":"-4.99"}],"nextCursor":null})");
  const RawAnswer csv = asked("?month=2026-03", "text/csv");
  EXPECT_EQ(csv.field("Content-Type"), "text/csv; charset=utf-8");
  EXPECT_EQ(csv.body,
            "storeId,month,currency,issuedPoints,issueRate,owes,redeemedPoints,redeemRate,owed,net\r\n"
            "store-1,2026-03,USD,700,0.01,7.00,201,0.01,2.01,-4.99\r\n"
            "store-2,2026-03,USD,0,0.01,0.00,0,0.01,0.00,0.00\r\n");
  const RawAnswer page = asked("?month=2026-03", "text/html,*/*;q=0.8");
  EXPECT_EQ(page.field("Content-Type"), "text/html; charset=utf-8");
  EXPECT_TRUE(page.field("Content-Security-Policy").value_or("").contains("style-src 'sha256-"));
  EXPECT_TRUE(page.body.contains("Statement of store store-1"));
  EXPECT_TRUE(page.body.contains("<td>700</td><td>0.01</td><td>7.00</td>"));
  EXPECT_TRUE(page.body.contains("4.99"));
}

TEST_F(Statements, ArePagedByStoreAndOfThisMonthWhereNoneIsSaid) {
  for (const char* store : {"store-1", "store-2", "store-3"}) add_store(store);
  book("store-2", 100, 0, format_time(SystemClock().wall_now()));
  const RawAnswer first = hub_.get(std::string(statements) + "?limit=2", staff_);
  EXPECT_TRUE(first.body.contains(R"("storeId":"store-2","month":")" +
                                  format_day(utc_day(SystemClock().wall_now())).substr(0, 7) +
                                  R"(","currency":"USD","issuedPoints":100)"));
  EXPECT_FALSE(first.body.contains("store-3"));
  const std::string rest = statements + ("?limit=2&cursor=" + member_of(first.body, "nextCursor"));
  EXPECT_TRUE(hub_.get(rest, staff_).body.contains("store-3"));
  EXPECT_TRUE(asked("?limit=2", "text/html").field("Link").has_value());
}

TEST_F(Statements, OfAClosedMonthDoNotChange) {
  for (const char* store : {"store-1", "store-2"}) add_store(store);
  book("store-1", 450, 7, "2026-03-31T23:59:59.999Z");
  book("store-1", 10, 0, "2026-04-01T00:00:00.000Z");
  const auto closed = [&](const std::string& at, const hub::billing::Rates& rates) {
    std::string month = "none";
    hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      const auto done = hub::billing::close_next_month(transaction, rates, parse_time(at).value());
      if (!done) return std::unexpected(done.error());
      month = *done ? (*done)->text() : "none";
      return {};
    });
    return month;
  };
  const hub::billing::Rates of_march{.issue = "0.02", .redeem = "0.03"};
  EXPECT_EQ(closed("2026-04-01T03:59:59.999Z", of_march), "none") << "something may still be under way";
  EXPECT_EQ(closed("2026-04-01T04:00:00.000Z", of_march), "2026-03");
  EXPECT_EQ(closed("2026-04-30T00:00:00.000Z", {}), "none");
  const auto march = [&] { return asked("?month=2026-03", "text/csv").body; };
  const std::string header =
      "storeId,month,currency,issuedPoints,issueRate,owes,redeemedPoints,redeemRate,owed,net\r\n";
  EXPECT_EQ(march(), header +
                         "store-1,2026-03,USD,450,0.02,9.00,7,0.03,0.21,-8.79\r\n"
                         "store-2,2026-03,USD,0,0.02,0.00,0,0.03,0.00,0.00\r\n");
  // By a clock that was behind; and of a store that came later.
  book("store-1", 100, 1, "2026-03-31T23:00:00.000Z");
  add_store("store-3");
  book("store-3", 5, 0, "2026-03-31T23:00:00.000Z");
  EXPECT_EQ(march(), header +
                         "store-1,2026-03,USD,450,0.02,9.00,7,0.03,0.21,-8.79\r\n"
                         "store-2,2026-03,USD,0,0.02,0.00,0,0.03,0.00,0.00\r\n"
                         "store-3,2026-03,USD,0,0.02,0.00,0,0.03,0.00,0.00\r\n");
  const std::string april = asked("?month=2026-04", "text/csv").body;
  EXPECT_EQ(april, header +
                       "store-1,2026-04,USD,110,0.01,1.10,1,0.01,0.01,-1.09\r\n"
                       "store-2,2026-04,USD,0,0.01,0.00,0,0.01,0.00,0.00\r\n"
                       "store-3,2026-04,USD,5,0.01,0.05,0,0.01,0.00,-0.05\r\n")
      << "none is lost";
  EXPECT_EQ(closed("2026-06-01T04:00:00.000Z", {}), "2026-04");
  EXPECT_EQ(closed("2026-06-01T04:00:00.000Z", {}), "2026-05");
  EXPECT_EQ(closed("2026-06-01T04:00:00.000Z", {}), "none");
  EXPECT_EQ(asked("?month=2026-04", "text/csv").body, april);
}

TEST_F(Statements, AsTablesAndPagesHoldEveryStore) {
  hub_.write([](hub::db::Transaction& transaction) -> Result<void> {
    for (int i = 0; i < 60; ++i) {
      auto done = transaction.execute(
          "INSERT INTO store (id, epoch, cursor_sequence, cursor_hash, created_at) VALUES ($1, 1, 0, $2, 0)",
          {"store-" + std::to_string(100 + i), std::string(64, '0')});
      if (!done) return failure(done);
    }
    return {};
  });
  for (const char* type : {"text/csv", "text/html"}) {
    const RawAnswer all = asked("?month=2026-03", type);
    EXPECT_TRUE(all.body.contains("store-100") && all.body.contains("store-159")) << type;
    EXPECT_EQ(all.field("Link"), std::nullopt) << type;
  }
  EXPECT_FALSE(asked("?month=2026-03", "application/json").body.contains("store-159"));
}

TEST_F(Statements, WithFaultsAreRefusedNamingEach) {
  EXPECT_EQ(faults_of(hub_.get(std::string(statements) + "?month=2026-13&limit=x&cursor=x", staff_)),
            (std::set<std::string>{"month", "limit", "cursor"}));
  EXPECT_EQ(asked("?storeId=none", "text/html").code(), "NOT_FOUND");
  EXPECT_EQ(asked("?storeId=%20", "text/csv").code(), "NOT_FOUND");
}

}  // namespace
}  // namespace perkline::test
