#include <algorithm>

#include "hub/ingest/batch.hpp"
#include "tests/unit/hub/two_stores.hpp"

namespace perkline::hub::ingest {
namespace {

/// Counts what an engine behind a socket would be asked.
class Counted final : public db::Transaction {
 public:
  explicit Counted(db::Transaction& counted) : counted_(counted) {}
  Result<db::Rows> query(std::string_view sql, std::vector<db::Value> parameters) override {
    ++trips;
    return counted_.query(sql, std::move(parameters));
  }
  Result<db::Rows> query_all(std::vector<db::Statement> statements) override {
    if (!statements.empty()) ++trips;
    return counted_.query_all(std::move(statements));
  }
  Result<std::int64_t> execute(std::string_view sql, std::vector<db::Value> parameters) override {
    ++trips;
    return counted_.execute(sql, std::move(parameters));
  }
  /// Goes along with what is asked next.
  Result<void> defer(db::Statement statement) override { return counted_.defer(std::move(statement)); }
  Result<void> attempt(const std::function<Result<void>()>& work) override { return counted_.attempt(work); }
  std::string_view for_update() const override { return counted_.for_update(); }

  int trips = 0;

 private:
  db::Transaction& counted_;
};

/// A store's full batches, and how often the database is asked for each.
class BulkIngest : public test::TwoStores {
 protected:
  static constexpr int batch_events = 256;

  BulkIngest()
      : TwoStores({.currency = find_currency("USD").value(),
                   .tiers = {},
                   .purchase_rule = {{.from = 100, .points = 1}}}) {}

  sync::SaleFinalized sale_of(int number) {
    auto sale = history_.sale(30, number % 5 == 0 ? 10 : 0, "CUST-" + std::to_string(number % 100));
    sale.transaction = TransactionId("T-" + std::to_string(++transactions_));
    return sale;
  }
  sync::SessionVoided void_of(const sync::SaleFinalized& sale) {
    return {.session = sale.session,
            .transaction = sale.transaction,
            .customer = sale.customer,
            .channel = sale.channel,
            .reason = "left",
            .voided_at = hub_.clock.wall};
  }
  sync::ReconcileDifference difference_of(const sync::SaleFinalized& sale) {
    return {.session = sale.session,
            .transaction = sale.transaction,
            .customer = sale.customer,
            .ours = "finalized",
            .pdi = "unknown",
            .found_at = hub_.clock.wall};
  }

  /// All that is new of the store's history in one batch; how often the database was asked.
  int ask() {
    const auto batch = history_.batch(told_ + 1, history_.tail());
    told_ = history_.tail();
    ReceivedBatch received{.store = store,
                           .batch = batch,
                           .events = {},
                           .ids = {},
                           .now = hub_.clock.wall,
                           .terms = &wheel_terms_};
    for (const std::string& event : batch.events) {
      received.events.push_back(sync::decode_event(event));
      received.ids.push_back({hub_.uuids.next(), hub_.uuids.next()});
    }
    int trips = 0;
    EXPECT_TRUE(hub_.write([&](db::Transaction& transaction) -> Result<void> {
      Counted counted(transaction);
      const auto outcome = take_in_batch(counted, received);
      trips = counted.trips;
      if (!outcome) return std::unexpected(outcome.error());
      EXPECT_TRUE(std::holds_alternative<sync::Apply>(outcome->verdict));
      return {};
    }));
    EXPECT_EQ(dead_letters(), 0);
    return trips;
  }
  /// Members that have verified their cards, so that sales give points of the programme's.
  void add_members(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string name = "user-" + std::to_string(i);
      hub_.execute(
          "INSERT INTO users (id, email, email_key, name, role, active, password_hash, loyalty_id,"
          " loyalty_verified, created_at) VALUES ($1, $1, $1, $1, 'member', 1, '', $2, 1, 0)",
          {name, "CUST-" + std::to_string(i)});
    }
  }

 private:
  std::uint64_t told_ = 0;
  int transactions_ = 0;
};

TEST_F(BulkIngest, AsksForABatchOfSalesWhatItAsksForAFew) {
  add_members(100);
  history_.add(sale_of(0));
  const int few = ask();
  for (int i = 0; i < batch_events; ++i) history_.add(sale_of(i));
  EXPECT_LE(ask(), few + 5);
  EXPECT_LE(few, 40);
  expect_sound();
}

TEST_F(BulkIngest, AsksForSettlingABatchOfPendingSalesWhatItAsksForAFew) {
  add_members(100);
  std::vector<sync::SaleFinalized> sales;
  for (int i = 0; i < batch_events; ++i) {
    sales.push_back(sale_of(i));
    history_.add(pending_of(sales.back(), 20));
  }
  EXPECT_LE(ask(), 30);
  history_.add(sync::SaleSettled{sales.back()});
  const int one = ask();
  for (const auto& sale : sales) history_.add(sync::SaleSettled{sale});
  EXPECT_LE(ask(), one + 5);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM sale WHERE state = 'finalized'"), batch_events);
  // All of it again, as in a new epoch.
  for (const auto& sale : sales) history_.add(pending_of(sale, 20));
  for (const auto& sale : sales) history_.add(sync::SaleSettled{sale});
  EXPECT_LE(ask(), 20);
  expect_sound();
}

TEST_F(BulkIngest, TakesKindsTogetherWhateverStandsBetweenThem) {
  std::vector<sync::SaleFinalized> waiting;
  for (int i = 0; i < batch_events; ++i) {
    const auto sale = sale_of(i);
    switch (i % 5) {
      case 0:
        history_.add(pending_of(sale, 20));
        waiting.push_back(sale);
        break;
      case 1:
        history_.add(sync::SaleSettled{waiting.back()});
        break;
      case 2:
        history_.add(void_of(sale));
        break;
      case 3:
        history_.add(difference_of(sale));
        break;
      default:
        history_.add(sale);
    }
  }
  EXPECT_LE(ask(), 75);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM sale WHERE state = 'finalized'"), 102);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM sale WHERE state = 'pending'"), 1);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM session_void"), 51);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM reconcile_difference"), 51);
  expect_sound();
}

TEST_F(BulkIngest, KeepsTheOrderOfOneSessionsEvents) {
  // Known under other figures first: what comes after must be held against what came before it.
  const auto sale = sale_of(1);
  history_.add(sync::SaleSettled{sale});
  history_.add(pending_of(sale, 20));
  history_.add(return_of(sale, 500, {{10, 0}}));
  history_.add(sale);
  history_.add(return_of(sale, 1000, {{20, 0}}));
  ask();
  EXPECT_EQ(rewards(sale.customer), 0);
  EXPECT_EQ(hub_.number("SELECT returned FROM sale"), 1500);
  EXPECT_EQ(told_on(), (std::vector<std::string>{"SALE_SETTLED", "SALE_RETURNED", "SALE_RETURNED"}));
  expect_sound();
}

TEST_F(BulkIngest, AsksForErasedCardsOfAWholeBatchAtOnce) {
  hub_.execute(
      "INSERT INTO erasure (user_id, member_hash, member_token, requested_at) VALUES ('x', 'y', 'z', 0)");
  history_.add(sale_of(0));
  const int few = ask();
  for (int i = 0; i < batch_events; ++i) history_.add(sale_of(i));
  EXPECT_LE(ask(), few + 5);
}

}  // namespace
}  // namespace perkline::hub::ingest
