// Several hubs on one PostgreSQL: what they do at the same time comes to what it comes to one after the
// other.
#include "tests/contract/hub/replicas_fixture.hpp"

namespace perkline::test {
namespace {

TEST_F(Replicas, TakeInStoresThatSendToBothAndAgainEachEventOnce) {
  constexpr std::uint64_t sales = 160;
  constexpr std::uint64_t piece = 8;
  add_stores(4);
  std::int64_t earned = 0;
  for (StoreHistory& history : histories_) {
    for (std::uint64_t i = 0; i < sales; ++i) {
      // Few cards, so that all stores change the same accounts.
      history.add(history.sale(static_cast<std::int64_t>(i + 1), 0, "CUST-0000" + std::to_string(i % 5)));
      earned += static_cast<std::int64_t>(i + 1);
    }
  }
  const auto tell = [&](std::size_t store, unsigned seed) {
    std::minstd_rand random(seed);
    std::uint64_t through = 0;
    while (through < sales) {
      // Both may be asked for the same, and what was answered is sent again now and then.
      const std::uint64_t first = through >= piece && random() % 4 == 0 ? through - piece + 1 : through + 1;
      const auto batch = histories_[store].batch(first, std::min(sales, first + piece - 1));
      auto here = one_.send(stores_[store], batch);
      auto there = other_.send(stores_[store], batch);
      for (auto* sent : {&here, &there}) {
        const auto answer = sent->get();
        ASSERT_TRUE(answer);
        const auto frame = sync::decode_frame(*answer).value();
        if (const auto* ack = std::get_if<sync::Ack>(&frame)) through = std::max(through, ack->through);
      }
    }
  };
  std::vector<std::future<void>> telling;
  for (std::size_t store = 0; store < stores_.size(); ++store)
    telling.push_back(std::async(std::launch::async, tell, store, static_cast<unsigned>(store + 1)));
  for (auto& each : telling) each.get();

  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM sale"), static_cast<std::int64_t>(4 * sales));
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM dead_letter"), 0);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM event_outbox"), static_cast<std::int64_t>(4 * sales));
  EXPECT_EQ(one_.number("SELECT MIN(cursor_sequence) FROM store"), static_cast<std::int64_t>(sales));
  EXPECT_EQ(one_.number("SELECT CAST(SUM(balance) AS BIGINT) FROM account"), earned);
  expect_sound();
}

/// Settled at one store, sold at the other, and the other way round: kinds are applied one after the other,
/// so each batch would come last to the cards with which the other begins.
TEST_F(Replicas, TwoStoresWithMuchToTellOfTheSameCardsNeverStopOneAnother) {
  constexpr int cards = 60;
  constexpr int rounds = 6;
  const auto card = [](int half, int i) { return "CUST-" + std::to_string(half) + std::to_string(100 + i); };
  add_stores(2);
  {
    std::deque<Replica> hubs;
    for (int i = 0; i < 2; ++i) hubs.emplace_back(database_.url() + "?application_name=telling");
    std::array<std::uint64_t, 2> sent{};
    for (int round = 0; round < rounds; ++round) {
      std::vector<std::future<std::optional<std::string>>> telling;
      for (std::size_t store = 0; store < hubs.size(); ++store) {
        StoreHistory& history = histories_[store];
        std::vector<sync::SaleFinalized> waiting;
        for (int i = 0; i < cards; ++i) {
          waiting.push_back(history.sale(10, 0, card(store == 0 ? 1 : 2, i)));
          const auto& sale = waiting.back();
          history.add(sync::SalePending{.session = sale.session,
                                        .transaction = sale.transaction,
                                        .customer = sale.customer,
                                        .channel = sale.channel,
                                        .amount = sale.amount,
                                        .earned = sale.earned,
                                        .redeemed = {},
                                        .tier = {},
                                        .receipt = sale.receipt,
                                        .rules_version = {},
                                        .pending_at = sale.finalized_at});
        }
        take_in(hubs[store], store, sent[store]);
        sent[store] = history.tail();
        for (auto& sale : waiting) history.add(sync::SaleSettled{std::move(sale)});
        for (int i = 0; i < cards; ++i) history.add(history.sale(10, 0, card(store == 0 ? 2 : 1, i)));
      }
      for (std::size_t store = 0; store < hubs.size(); ++store) {
        const StoreHistory& history = histories_[store];
        telling.push_back(hubs[store].send(stores_[store], history.batch(sent[store] + 1, history.tail())));
        sent[store] = history.tail();
      }
      for (auto& each : telling) {
        const auto answer = each.get();
        ASSERT_TRUE(answer);
        EXPECT_TRUE(std::holds_alternative<sync::Ack>(sync::decode_frame(*answer).value()));
      }
    }
  }
  expect_no_deadlock();
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM sale WHERE state = 'finalized'"), 4 * cards * rounds);
  expect_sound();
}

/// In each round a third of the cards is new to all, in one order here and in another there; of the stores
/// some tell of sales alone and others of what locks cards before.
TEST_F(Replicas, StoresThatBringTheSameNewCardsNeverStopOneAnother) {
  constexpr int stores = 4;
  constexpr int cards = 90;
  constexpr int rounds = 12;
  add_stores(stores);
  const auto card = [](int number) { return "CUST-" + std::to_string(10'000 + number * 7'919 % 10'000); };
  {
    std::deque<Replica> hubs;
    for (int i = 0; i < 2; ++i) hubs.emplace_back(database_.url() + "?application_name=telling");
    std::uint64_t sent = 0;
    for (int round = 0; round < rounds; ++round) {
      std::vector<std::future<std::optional<std::string>>> telling;
      for (std::size_t store = 0; store < stores; ++store) {
        StoreHistory& history = histories_[store];
        for (int i = 0; i < cards; ++i) {
          const int place = store % 2 == 0 ? i : cards - 1 - i;
          auto sale = history.sale(10, 0, card(round * cards / 3 + place));
          if (store >= 2 && i % 3 == 0) {
            history.add(sync::SaleSettled{std::move(sale)});
          } else {
            history.add(std::move(sale));
          }
        }
      }
      for (std::size_t store = 0; store < stores; ++store) {
        telling.push_back(
            hubs[store % 2].send(stores_[store], histories_[store].batch(sent + 1, sent + cards)));
      }
      sent += cards;
      for (auto& each : telling) {
        const auto answer = each.get();
        ASSERT_TRUE(answer);
        EXPECT_TRUE(std::holds_alternative<sync::Ack>(sync::decode_frame(*answer).value()));
      }
    }
  }
  expect_no_deadlock();
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM member"), (rounds + 2) * cards / 3);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM sale WHERE state = 'finalized'"), stores * cards * rounds);
  expect_sound();
}

/// What is held for events of a card that no sale makes is nobody's card.
TEST_F(Replicas, ACardThatIsOnlyToldOfIsNotMade) {
  add_stores(1);
  StoreHistory& history = histories_[0];
  const auto left = history.sale(10, 0, "CUST-2");
  history.add(history.sale(10, 0, "CUST-1"));
  history.add(sync::SessionVoided{.session = left.session,
                                  .transaction = left.transaction,
                                  .customer = left.customer,
                                  .channel = left.channel,
                                  .reason = "left",
                                  .voided_at = WallTime{}});
  take_in(one_, 0);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM session_void"), 1);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM member WHERE customer_id = 'CUST-1'"), 1);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM member"), 1);
}

TEST_F(Replicas, AReturnAndItsSaleThatComeInAtOnceFindOneAnother) {
  constexpr int rounds = 30;
  add_stores(2);
  for (int i = 0; i < rounds; ++i) {
    auto sale = histories_[0].sale(450);
    histories_[0].add(sale);
    histories_[1].add(sync::SaleReturned{.id = one_.ids().next_return_id(),
                                         .transaction = TransactionId("R-" + std::to_string(i)),
                                         .original_transaction = sale.transaction,
                                         .original_store = stores_[0],
                                         .session = {},
                                         .customer = {},
                                         .amount = sale.amount,
                                         .figures = std::nullopt,
                                         .returned_at = WallTime{}});
    const auto batch = [&](std::size_t store) {
      return histories_[store].batch(histories_[store].tail(), histories_[store].tail());
    };
    auto sold = one_.send(stores_[0], batch(0));
    auto returned = other_.send(stores_[1], batch(1));
    ASSERT_TRUE(sold.get());
    ASSERT_TRUE(returned.get());
  }
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM sale_return WHERE state = 'booked'"), rounds);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM dead_letter"), 0);
  EXPECT_EQ(balance(hub::ledger::rewards_of(CustomerId("CUST-00001"))), 0);
  expect_sound();
}

TEST_F(Replicas, ReturnsOfOneSaleAtManyStoresNeverComeToMoreThanTheSale) {
  add_stores(9);
  auto sale = histories_[0].sale(400);
  histories_[0].add(sale);
  take_in(one_, 0);
  std::vector<std::future<std::optional<std::string>>> sent;
  for (std::size_t store = 1; store < stores_.size(); ++store) {
    histories_[store].add(sync::SaleReturned{.id = one_.ids().next_return_id(),
                                             .transaction = TransactionId("R-1"),
                                             .original_transaction = sale.transaction,
                                             .original_store = stores_[0],
                                             .session = {},
                                             .customer = {},
                                             .amount = Money{sale.amount.minor / 4, sale.amount.currency},
                                             .figures = std::nullopt,
                                             .returned_at = WallTime{}});
    sent.push_back((store % 2 == 0 ? one_ : other_).send(stores_[store], histories_[store].batch(1, 1)));
  }
  for (auto& each : sent) EXPECT_TRUE(each.get());
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM sale_return WHERE state = 'booked'"), 4);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM dead_letter"), 4);
  EXPECT_EQ(one_.number("SELECT amount - returned FROM sale"), 0);
  EXPECT_EQ(balance(hub::ledger::rewards_of(CustomerId("CUST-00001"))), 0);
  expect_sound();
}

TEST_F(Replicas, ADeadLetterIsDecidedOnce) {
  add_stores(1);
  histories_[0].add_bytes("no event");
  take_in(one_, 0);
  const std::vector<Work> discards(8, [](Transaction& t) -> Result<void> {
    auto decided = hub::ingest::discard_dead_letter(t, "store-1:1:1", WallTime{});
    if (!decided) return failure(decided);
    return {};
  });
  EXPECT_EQ(succeed(discards, Errc::session_state), 1);
}

}  // namespace
}  // namespace perkline::test
