// As replicas_test, of money, members and keys.
#include "tests/contract/hub/replicas_fixture.hpp"

namespace perkline::test {
namespace {

TEST_F(Replicas, TransfersAmongTenMembersLeaveTheSumAsItWas) {
  constexpr int members = 10;
  const auto name = [](int member) { return "member-" + std::to_string(member); };
  for (int i = 0; i < members; ++i)
    ASSERT_TRUE(one_.write(posting("seed:" + name(i), source(), purse(name(i)), 1'000)));
  std::vector<Work> works;
  std::minstd_rand random(7);
  for (int i = 0; i < 200; ++i) {
    const int from = static_cast<int>(random() % members);
    const int to = (from + 1 + static_cast<int>(random() % (members - 1))) % members;
    works.push_back(posting("transfer:" + std::to_string(i), purse(name(from)), purse(name(to)), 3));
  }
  EXPECT_EQ(succeed(works, Errc::insufficient_funds), 200);
  EXPECT_EQ(one_.number("SELECT CAST(SUM(balance) AS BIGINT) FROM account"), 1'000 * members);
  expect_sound();
}

TEST_F(Replicas, AWalletThatCoversThirtyDebitsGivesThirty) {
  ASSERT_TRUE(one_.write(posting("seed", source(), purse("ann"), 300)));
  std::vector<Work> works;
  for (int i = 0; i < 100; ++i)
    works.push_back(posting("debit:" + std::to_string(i), purse("ann"), source(), 10));
  EXPECT_EQ(succeed(works, Errc::insufficient_funds), 30);
  EXPECT_EQ(balance(purse("ann")), 0);
  expect_sound();
}

TEST_F(Replicas, OneExternalIdIsBookedOnceHoweverManyBringIt) {
  std::vector<Work> works;
  for (int i = 0; i < 200; ++i) works.push_back(posting("credit", source(), purse("ann"), 10));
  EXPECT_EQ(succeed(works, Errc::internal), 200);
  EXPECT_EQ(balance(purse("ann")), 10);
  expect_sound();
}

TEST_F(Replicas, AHotAccountFailsNobody) {
  std::vector<Work> works;
  for (int i = 0; i < 640; ++i) {
    // Half of them give, half of them take, each with an account of its own, new to the ledger.
    const Account own = purse("member-" + std::to_string(i));
    Account hot = purse("hot");
    hot.may_be_negative = true;
    works.push_back(i % 2 == 0 ? posting("t:" + std::to_string(i), source(), hot, 7)
                               : posting("t:" + std::to_string(i), hot, own, 7));
  }
  EXPECT_EQ(succeed(works, Errc::internal), 640);
  EXPECT_EQ(one_.number("SELECT balance FROM account WHERE owner_id = 'hot'"), 0);
  expect_sound();
}

TEST_F(Replicas, ACardThatIsTakenOverWhileGoodsComeBackGivesNoPointsForThem) {
  add_stores(1);
  const hub::wheel::Terms terms{.programme = {.currency = find_currency("USD").value(),
                                              .tiers = {},
                                              .purchase_rule = {{.from = 100, .points = 30}}}};
  const auto received = [&](std::uint64_t sequence) {
    hub::ingest::ReceivedBatch batch{.store = stores_[0],
                                     .batch = histories_[0].batch(sequence, sequence),
                                     .events = {},
                                     .ids = {{one_.ids().next(), one_.ids().next()}},
                                     .now = one_.clock().wall_now(),
                                     .terms = &terms};
    batch.events.push_back(sync::decode_event(batch.batch.events.front()));
    return batch;
  };
  const auto take_in = [](hub::ingest::ReceivedBatch batch) -> Work {
    return [batch = std::make_shared<hub::ingest::ReceivedBatch>(std::move(batch))](
               Transaction& t) -> Result<void> {
      const auto outcome = hub::ingest::take_in_batch(t, *batch);
      if (!outcome) return std::unexpected(outcome.error());
      return {};
    };
  };
  auto sale = histories_[0].sale(300);  // of 15.00
  histories_[0].add(sale);
  ASSERT_TRUE(one_.write(take_in(received(1))));
  histories_[0].add(sync::SaleReturned{.id = one_.ids().next_return_id(),
                                       .transaction = TransactionId("R-1"),
                                       .original_transaction = sale.transaction,
                                       .original_store = stores_[0],
                                       .session = sale.session,
                                       .customer = sale.customer,
                                       .amount = Money{500, sale.amount.currency},
                                       .figures = std::nullopt,
                                       .returned_at = WallTime{}});
  std::promise<void> let_go;
  std::promise<void> taken;
  auto returning = one_.start([&, take = take_in(received(2)),
                               may_end = let_go.get_future().share()](Transaction& t) -> Result<void> {
    auto done = take(t);
    taken.set_value();
    may_end.wait();
    return done;
  });
  taken.get_future().wait();
  const UserId ann("ann");
  const hub::points::Cause cause{.id = other_.ids().next(), .at = other_.clock().wall_now()};
  auto claiming = other_.start([&](Transaction& t) -> Result<void> {
    auto claimed = t.execute(
        "INSERT INTO users (id, email, email_key, name, role, active, password_hash, loyalty_id,"
        " loyalty_verified, created_at) VALUES ('ann', 'a', 'a', 'a', 'member', 1, '', $1, 1, 0)",
        {sale.customer.str()});
    if (!claimed) return failure(claimed);
    return hub::points::on_card_verified(t, terms.programme, cause, {ann, sale.customer});
  });
  EXPECT_TRUE(eventually([&] {
    return claiming.wait_for(Millis(0)) == std::future_status::ready ||
           one_.number(
               "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
               " AND datname = current_database()") > 0;
  }));
  let_go.set_value();
  ASSERT_TRUE(returning.get());
  ASSERT_TRUE(claiming.get());
  EXPECT_EQ(balance(hub::ledger::points_of(ann)), 20) << "a third of the goods came back";
  expect_sound();
}

TEST_F(Replicas, WhatSomebodyWritesWhileTheyAreErasedGoesWithThem) {
  const UserId ann(one_.ids().next().str());
  ASSERT_TRUE(one_.write([&](Transaction& t) -> Result<void> {
    auto added = t.execute(
        "INSERT INTO users (id, email, email_key, name, role, active, password_hash, created_at)"
        " VALUES ($1, 'a@b', 'a@b', 'Ann', 'member', 1, '', 0)",
        {ann.str()});
    if (!added) return failure(added);
    return {};
  }));
  std::promise<void> let_go;
  std::promise<void> written;
  auto writing = one_.start([&, may_end = let_go.get_future().share()](Transaction& t) -> Result<void> {
    auto kept = hub::wallet::keep_note(t, {.transfer = "transfer-1", .user = ann, .text = "for the rent"});
    written.set_value();
    may_end.wait();
    return kept;
  });
  written.get_future().wait();
  hub::identity::UserHooks hooks;
  hub::wallet::add_hooks(hooks, other_.ids(), find_currency("USD").value());
  SystemRng rng;
  hub::identity::Erasures erasures({.database = other_.database(),
                                    .hooks = hooks,
                                    .clock = other_.clock(),
                                    .rng = rng,
                                    .uuids = other_.ids()});
  auto erasing = other_.spawn(erasures.erase(ann, "test", ""));
  EXPECT_TRUE(eventually([&] {
    return erasing.wait_for(Millis(0)) == std::future_status::ready ||
           one_.number(
               "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
               " AND datname = current_database()") > 0;
  }));
  let_go.set_value();
  ASSERT_TRUE(writing.get());
  ASSERT_TRUE(erasing.get());
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM wallet_note"), 0);
  const auto late = one_.write([&](Transaction& t) {
    return hub::wallet::keep_note(t, {.transfer = "transfer-2", .user = ann, .text = "too late"});
  });
  EXPECT_EQ(late.error().code, Errc::not_found);
}

TEST_F(Replicas, ACheckpointPassesNoEntryByThatIsStillOnItsWay) {
  ASSERT_TRUE(one_.write(posting("first", source(), purse("ann"), 1)));
  std::promise<void> let_go;
  std::promise<void> drawn;
  auto late = one_.start([&, post = posting("late", source(), purse("ann"), 10),
                          may_end = let_go.get_future().share()](Transaction& t) -> Result<void> {
    auto done = post(t);
    drawn.set_value();
    may_end.wait();
    return done;
  });
  drawn.get_future().wait();
  ASSERT_TRUE(other_.write(posting("quick", source(), purse("bob"), 100)));
  // A clock that is far ahead: all that is there looks old.
  ManualClock clock;
  clock.wall = other_.clock().wall_now() + days{1};
  const hub::points::Terms terms;
  SystemRng rng;
  const hub::clock::ClockGuard guard(clock);
  const hub::jobs::Parts parts{.database = other_.database(),
                               .clock = clock,
                               .uuids = other_.ids(),
                               .rng = rng,
                               .guard = guard,
                               .access_ttl = seconds{600},
                               .keys_in_file = false,
                               .terms = terms};
  auto checkpoint = other_.spawn(hub::jobs::find_job("checkpoint")->run(parts, "test"));
  // It waits for what was begun before it, or has ended: either way what comes now is behind it.
  EXPECT_TRUE(eventually([&] {
    return checkpoint.wait_for(Millis(0)) == std::future_status::ready ||
           one_.number(
               "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
               " AND datname = current_database()") > 0;
  }));
  let_go.set_value();
  ASSERT_TRUE(late.get());
  ASSERT_TRUE(checkpoint.get());
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM ledger_checkpoint"), 1);
  EXPECT_EQ(balance(source()), -111);
  expect_sound();
}

TEST_F(Replicas, ThatStartTogetherMakeOneSigningKey) {
  std::vector<std::string> ids(2);
  const auto load = [](std::string& id) -> Work {
    return [&id](Transaction& t) -> Result<void> {
      auto keys = hub::identity::load_or_make_signing_keys(t, WallTime{});
      if (!keys) return failure(keys);
      id = keys->front().key.id();
      return {};
    };
  };
  auto here = one_.start(load(ids[0]));
  auto there = other_.start(load(ids[1]));
  EXPECT_TRUE(here.get());
  EXPECT_TRUE(there.get());
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM signing_keys"), 1);
}

}  // namespace
}  // namespace perkline::test
