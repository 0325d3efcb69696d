#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "hub/ingest/ingest.hpp"
#include "hub/ingest/verify_sales.hpp"
#include "hub/ledger/history.hpp"
#include "hub/stores/stores.hpp"
#include "tests/unit/hub/event_table.hpp"
#include "tests/unit/hub/hub_database.hpp"
#include "tests/unit/hub/store_history.hpp"

namespace perkline::test {

/// Two stores' events, taken in one batch each.
class TwoStores : public testing::Test {
 protected:
  /// Whatever the test made happen is told as hub/events/README.md says.
  void TearDown() override {
    for (const auto& event : hub_.rows("SELECT type, data, card FROM event_outbox")) {
      expect_documented(event.text(0), event.text(1));
      expect_found_by_card(event.text(1), event.optional_text(2));
    }
  }
  /// An event that names a card is found by it, but for one that is erased.
  static void expect_found_by_card(const std::string& data, const std::optional<std::string>& card) {
    const auto document = json::parse(data);
    const json::Value* named = document->root().find("customerId");
    if (named == nullptr || !named->is(json::Value::Kind::string)) return;
    if (named->text().starts_with("erased-")) return;
    EXPECT_EQ(card.value_or("none"), named->text()) << data;
  }
  inline static const StoreId store{"store-1"};
  inline static const StoreId other_store{"store-2"};
  inline static const CustomerId customer{"CUST-00001"};

  explicit TwoStores(hub::points::Terms terms = {}) : terms_(std::move(terms)) {
    for (const StoreId& id : {store, other_store}) {
      EXPECT_TRUE(hub_.write([&](hub::db::Transaction& t) {
        return hub::stores::add(t, id, std::string(64, id.str().back()), hub_.clock.wall);
      }));
    }
  }

  /// All that is new of a store's history, in one batch.
  void take_in(StoreHistory& history, const StoreId& from, std::optional<WallTime> sent_at = {}) {
    auto& sent = sent_[from];
    auto batch = history.batch(sent + 1, history.tail());
    batch.sent_at = sent_at;
    sent = history.tail();
    const auto answer = run_task(hub_.world(), ingest_.handle(from, sync::encode(sync::Frame(batch))));
    ASSERT_TRUE(answer);
    ASSERT_TRUE(std::holds_alternative<sync::Ack>(sync::decode_frame(*answer).value()));
    expect_sound();
  }
  void tell(sync::EventPayload payload) {
    history_.add(std::move(payload));
    take_in(history_, store);
  }
  void tell_elsewhere(sync::EventPayload payload) {
    other_history_.add(std::move(payload));
    take_in(other_history_, other_store);
  }

  sync::SalePending pending_of(const sync::SaleFinalized& sale, std::int64_t earned) {
    return {.session = sale.session,
            .transaction = sale.transaction,
            .customer = sale.customer,
            .channel = sale.channel,
            .amount = sale.amount,
            .earned = Points{earned},
            .redeemed = sale.redeemed,
            .tier = "Base",
            .receipt = ReceiptId("PND-1"),
            .rules_version = "",
            .pending_at = hub_.clock.wall};
  }
  sync::SaleRejected rejected_of(const sync::SaleFinalized& sale) {
    return {.session = sale.session,
            .transaction = sale.transaction,
            .customer = sale.customer,
            .pdi_code = "BLOCKED",
            .reason = "gone",
            .rejected_at = hub_.clock.wall};
  }
  sync::SaleReturned return_of(const sync::SaleFinalized& sale, std::int64_t minor,
                               std::optional<std::pair<std::int64_t, std::int64_t>> points) {
    sync::SaleReturned back{.id = hub_.uuids.next_return_id(),
                            .transaction = TransactionId("R-" + std::to_string(++returns_)),
                            .original_transaction = sale.transaction,
                            .original_store = store,
                            .session = sale.session,
                            .customer = sale.customer,
                            .amount = Money{minor, sale.amount.currency},
                            .figures = std::nullopt,
                            .returned_at = hub_.clock.wall};
    if (points) back.figures = sync::SaleReturned::Figures{Points{points->first}, Points{points->second}};
    return back;
  }
  static sync::SaleReturned as_of_another_store(sync::SaleReturned back) {
    back.session = {};
    back.customer = {};
    back.figures = std::nullopt;
    return back;
  }

  std::int64_t amount_of(Result<std::int64_t> (*ask)(hub::db::Transaction&, const hub::ledger::Account&),
                         const hub::ledger::Account& account) {
    std::int64_t amount = 0;
    EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
      amount = ask(t, account).value();
      return {};
    }));
    return amount;
  }
  std::int64_t rewards(const CustomerId& of = customer) {
    return amount_of(hub::ledger::balance_of, hub::ledger::rewards_of(of));
  }
  std::int64_t pending(const CustomerId& of = customer) {
    return amount_of(hub::ledger::pending_of, hub::ledger::rewards_of(of));
  }
  /// 0 for a card no till has read.
  std::int64_t owed(const CustomerId& of = customer) {
    return hub_.number("SELECT CAST(COALESCE(SUM(owed), 0) AS BIGINT) FROM member WHERE customer_id = $1",
                       {of.str()});
  }
  std::int64_t dead_letters() { return hub_.number("SELECT COUNT(*) FROM dead_letter WHERE state = 'open'"); }
  std::string state_of_sale() { return hub_.rows("SELECT state FROM sale").at(0).text(0); }
  std::vector<std::string> told_on() {
    std::vector<std::string> types;
    for (const hub::db::Row& row : hub_.rows("SELECT type FROM event_outbox ORDER BY id"))
      types.push_back(row.text(0));
    return types;
  }
  hub::stores::Turnover turnover_of(const StoreId& id) {
    hub::stores::Turnover found;
    EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
      for (const auto& of : hub::stores::turnover(t).value()) {
        if (of.store == id) found = of;
      }
      return {};
    }));
    return found;
  }
  void expect_sound() {
    EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
      const auto verification = hub::ledger::verify(t).value();
      EXPECT_TRUE(verification.ok()) << verification.mismatches.front();
      EXPECT_EQ(hub::ingest::verify_sales(t).value(), std::vector<std::string>{});
      return {};
    }));
  }

  const hub::points::Terms terms_;
  const hub::wheel::Terms wheel_terms_{.programme = terms_};
  HubDatabase hub_;
  StoreHistory history_{store, hub_.uuids, hub_.clock};
  StoreHistory other_history_{other_store, hub_.uuids, hub_.clock};
  hub::ingest::Ingest ingest_{hub_.port(), hub_.clock, hub_.rng, wheel_terms_};
  std::map<StoreId, std::uint64_t> sent_;
  int returns_ = 0;
};

}  // namespace perkline::test
