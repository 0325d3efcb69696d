#include <algorithm>
#include <csignal>

#include <sqlite3.h>

#include "tests/fault/kill/chain_under_fault.hpp"
#include "tests/fault/rig/ends.hpp"
#include "tests/fault/rig/money_oracle.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// Who judges the tests that break chains, and the soak, is judged: what is planted has to be seen.
class Oracle : public ChainUnderFault {
 protected:
  Tills::Taken sell(std::size_t sales) {
    Tills tills(*fleet_, {.tills_per_edge = 2, .pause = milliseconds(5)});
    EXPECT_TRUE(eventually([&] { return tills.acknowledged() >= sales; }));
    return tills.stop();
  }
  static std::vector<Sale>::iterator acknowledged_in(Tills::Taken& taken) {
    return std::ranges::find_if(taken.sales, [](const Sale& sale) {
      return !sale.finalized.empty() && sale.voided.empty() && sale.return_transaction.empty();
    });
  }
  static bool tells(const auto& verdict, const std::string& what) {
    return std::ranges::any_of(
        verdict.faults, [&](const std::string& fault) { return fault.find(what) != std::string::npos; });
  }
  void change_hub_books(const std::string& sql) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(::sqlite3_open_v2(fleet_->hub_database().c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr),
              SQLITE_OK);
    ::sqlite3_busy_timeout(handle, 10'000);
    EXPECT_EQ(::sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sql;
    EXPECT_EQ(::sqlite3_changes(handle), 1) << sql;
    ::sqlite3_close(handle);
  }
};

TEST_F(Oracle, SeesEveryLossAndDoubleThatIsPlanted) {
  ASSERT_NO_FATAL_FAILURE(start(1));
  const Tills::Taken honest = sell(30);
  const Verdict whole = judge(*fleet_, honest);
  ASSERT_TRUE(whole.ok()) << whole.to_text();

  Tills::Taken forgotten = honest;
  const std::string unknown = acknowledged_in(forgotten)->transaction;
  forgotten.sales.erase(acknowledged_in(forgotten));
  EXPECT_TRUE(tells(judge(*fleet_, std::move(forgotten)), unknown + " is booked at PDI, and no till knows"));

  Tills::Taken told_otherwise = honest;
  const auto sale = acknowledged_in(told_otherwise);
  const std::string transaction = sale->transaction;
  sale->finalized.replace(sale->finalized.find("\"earnedPoints\":") + 15, 1, "9");
  EXPECT_TRUE(tells(judge(*fleet_, std::move(told_otherwise)), transaction));

  // One sale takes another's place in the hub's books.
  Tills::Taken taken = honest;
  const std::string doubled = acknowledged_in(taken)->transaction;
  taken.sales.erase(acknowledged_in(taken));
  const std::string lost = acknowledged_in(taken)->transaction;
  change_hub_books("UPDATE sale SET transaction_id = '" + doubled + "' WHERE transaction_id = '" + lost +
                   "'");
  const Verdict broken = judge(*fleet_, honest);
  EXPECT_EQ(broken.lost, 1u) << broken.to_text();
  EXPECT_EQ(broken.doubled, 1u) << broken.to_text();
  EXPECT_TRUE(tells(broken, lost + ": 1 times at PDI, 0 times at the hub"));
  EXPECT_TRUE(tells(broken, doubled + ": 1 times at PDI, 2 times at the hub"));
}

TEST_F(Oracle, SeesASaleThatNobodyHasBooked) {
  ASSERT_NO_FATAL_FAILURE(start(1));
  Tills::Taken taken = sell(5);
  Sale gone = *acknowledged_in(taken);
  gone.transaction = "SALE-GONE";
  taken.sales.push_back(std::move(gone));
  const Verdict verdict = judge(*fleet_, std::move(taken));
  EXPECT_EQ(verdict.lost, 1u) << verdict.to_text();
  EXPECT_TRUE(tells(verdict, "SALE-GONE: 0 times at PDI, 0 times at the hub"));
}

TEST_F(Oracle, SeesMoneyThatIsLostDoubledOrMadeUp) {
  ASSERT_NO_FATAL_FAILURE(start(1));
  MoneyClients clients(*fleet_, {.clients = 2, .pause = milliseconds(1)});
  EXPECT_TRUE(eventually([&] { return clients.acknowledged() >= 12; }));
  MoneyClients::Taken honest = clients.stop();
  std::ranges::partition(honest.orders, [](const MoneyOrder& order) { return order.status == 201; });
  const MoneyVerdict whole = judge_money(*fleet_, honest);
  ASSERT_TRUE(whole.ok()) << whole.to_text();

  MoneyClients::Taken changed = honest;
  const std::string first = changed.orders[0].key;
  const std::string second = changed.orders[1].key;
  std::string& body = changed.orders[0].body;
  body.replace(body.find("\"amount\":\"") + 10, 1, "9");
  changed.orders[1].status = 409;
  changed.orders.erase(changed.orders.begin() + 2);
  const MoneyVerdict told = judge_money(*fleet_, std::move(changed));
  EXPECT_TRUE(tells(told, first + " was answered otherwise before")) << told.to_text();
  EXPECT_TRUE(tells(told, second + ": answered 409 and there 1 times")) << told.to_text();
  EXPECT_TRUE(tells(told, "nobody ordered it")) << told.to_text();
  EXPECT_EQ(told.doubled, 2u) << "before asking again, and after";

  // One order's movement becomes another's, and somebody richer.
  change_hub_books("UPDATE wallet_note SET note = '" + first + "' WHERE note = '" + second + "'");
  change_hub_books(
      "UPDATE account SET balance = balance + 1 WHERE id ="
      " (SELECT MIN(id) FROM account WHERE code = 'wallet')");
  const MoneyVerdict broken = judge_money(*fleet_, honest);
  EXPECT_TRUE(tells(broken, second + ": answered 201 and there 0 times")) << broken.to_text();
  EXPECT_TRUE(tells(broken, first + ": answered 201 and there 2 times")) << broken.to_text();
  EXPECT_TRUE(tells(broken, "1 balances are not the sums of their entries")) << broken.to_text();
  EXPECT_TRUE(tells(broken, "verify --json")) << broken.to_text();
}

TEST(Ends, OfDaemonsAreFaultsUnlessTheyWereAskedFor) {
  constexpr Supervisor::Part edge = 0;
  constexpr Supervisor::Part hub = 2;
  constexpr int killed = 128 + SIGKILL;
  constexpr int aborted = 128 + SIGABRT;
  const auto now = steady_clock::now();
  const auto unasked = [&](Supervisor::Part part, int status, std::vector<Asked> asked) {
    return !unasked_ends({{.part = part, .status = status, .at = now}}, asked, hub).empty();
  };
  const auto asked = [&](Supervisor::Part part, Happening happening) {
    return std::vector<Asked>{{.part = part, .happening = happening, .from = now - seconds{1}}};
  };
  for (const Supervisor::Part part : {edge, hub}) {
    EXPECT_FALSE(unasked(part, killed, asked(part, Happening::crash_before)));
    EXPECT_FALSE(unasked(part, 1, asked(part, Happening::io_error)));
    EXPECT_TRUE(unasked(part, 1, asked(part, Happening::crash_after)));
    EXPECT_TRUE(unasked(part, killed, asked(part, Happening::disk_full)));
    EXPECT_TRUE(unasked(part, aborted, asked(part, Happening::crash_before)));
    EXPECT_TRUE(unasked(part, 128 + SIGSEGV, asked(part, Happening::io_error)));
    for (const int status : {0, 1, killed, aborted}) EXPECT_TRUE(unasked(part, status, {})) << status;
  }
  EXPECT_FALSE(unasked(edge, aborted, asked(edge, Happening::io_error))) << "RocksDB's own assertion";
  EXPECT_TRUE(unasked(hub, aborted, asked(hub, Happening::io_error)));
  EXPECT_TRUE(unasked(hub, killed, asked(edge, Happening::crash_before))) << "of another";
  EXPECT_TRUE(unasked(edge, killed,
                      {{.part = edge,
                        .happening = Happening::crash_before,
                        .from = now - seconds{2},
                        .until = now - seconds{1}}}))
      << "too late";
}

}  // namespace
}  // namespace perkline::test
