#include "hub/identity/erasures.hpp"
#include "hub/ingest/dead_letters.hpp"
#include "hub/ingest/erased.hpp"
#include "shared/core/bytes.hpp"
#include "shared/sync/hash_chain.hpp"
#include "tests/unit/hub/two_stores.hpp"

namespace perkline::test {
namespace {

using hub::identity::ErasureState;

/// A member with sales at two stores, who has them erased.
class Erasing : public TwoStores {
 protected:
  Erasing() { hooks_.erased.emplace_back(&hub::ingest::erase_card); }

  UserId register_member(const CustomerId& card, bool verified = true) {
    hub::identity::NewUser added{.user = {}, .password_hash = "x"};
    added.user.id = UserId(hub_.uuids.next().str());
    added.user.email = "jo@example.com";
    added.user.loyalty_id = card;
    added.user.loyalty_verified = verified;
    EXPECT_TRUE(hub_.write([&](hub::db::Transaction& t) { return hub::identity::insert_user(t, added); }));
    return added.user.id;
  }
  ErasureState erase(const UserId& id) {
    auto state = run_task(hub_.world(), erasures_.erase(id, "user:" + id.str(), ""));
    EXPECT_TRUE(state) << state.error().detail;
    expect_sound();
    return state.value_or(ErasureState{});
  }
  std::string token() {
    return hub_.rows("SELECT member_token FROM erasure ORDER BY requested_at DESC LIMIT 1").at(0).text(0);
  }
  std::int64_t sales_of(const std::string& card) {
    return hub_.number("SELECT COUNT(*) FROM sale WHERE customer_id = $1", {card});
  }
  /// In how many rows' columns it stands, whatever table that is, as it is or in hex.
  std::int64_t places_that_hold(const std::string& text) {
    const std::string columns =
        hub_.port().engine() == hub::db::Engine::sqlite
            ? "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p"
              " WHERE m.type = 'table' AND p.type = 'TEXT'"
            : "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns"
              " WHERE table_schema = 'public' AND data_type = 'text'";
    std::int64_t places = 0;
    for (const auto& row : hub_.rows(columns)) {
      places += hub_.number("SELECT COUNT(*) FROM " + row.text(0) + " WHERE \"" + row.text(1) +
                                "\" LIKE $1 OR \"" + row.text(1) + "\" LIKE $2",
                            {'%' + text + '%', '%' + to_hex(text) + '%'});
    }
    return places;
  }
  void pass(Millis time) { hub_.clock.advance(time); }
  std::vector<sync::Erasure> due(const StoreId& at = store) {
    std::vector<sync::Erasure> all;
    EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
      all = hub::identity::erasures_due(t, at, 10).value();
      return {};
    }));
    return all;
  }

  hub::identity::UserHooks hooks_;
  hub::identity::Erasures erasures_{{hub_.port(), hooks_, hub_.clock, hub_.rng, hub_.uuids}};
};

TEST_F(Erasing, LeavesNothingThatNamesThemAndEverythingThatIsBooked) {
  const auto sale = history_.sale(100, 20);
  tell(sale);
  const auto waiting = history_.sale(30);
  tell(pending_of(waiting, 30));
  tell(sync::SessionVoided{.session = hub_.uuids.next_session_id(),
                           .transaction = TransactionId("T-V"),
                           .customer = customer,
                           .channel = ChannelId("POS-1"),
                           .reason = "changed their mind",
                           .voided_at = hub_.clock.wall});
  tell(sync::ReconcileDifference{.session = sale.session,
                                 .transaction = sale.transaction,
                                 .customer = customer,
                                 .ours = "finalized",
                                 .pdi = "unknown",
                                 .found_at = hub_.clock.wall});
  // Becomes a dead letter: the session is another sale.
  auto forged = sale;
  forged.amount.minor += 1;
  tell(forged);
  // Waits for its sale.
  tell(sync::SaleReturned{.id = hub_.uuids.next_return_id(),
                          .transaction = TransactionId("R-1"),
                          .original_transaction = TransactionId("T-later"),
                          .original_store = store,
                          .session = hub_.uuids.next_session_id(),
                          .customer = customer,
                          .amount = sale.amount,
                          .figures = sync::SaleReturned::Figures{},
                          .returned_at = hub_.clock.wall});
  ASSERT_EQ(hub_.number("SELECT COUNT(*) FROM dead_letter"), 1);
  ASSERT_EQ(hub_.number("SELECT COUNT(*) FROM sale_return WHERE state = 'waiting'"), 1);
  // As from before it was written down whom an event names.
  hub_.execute("UPDATE event_outbox SET card = '?' WHERE type = 'SALE_FINALIZED'");
  const UserId id = register_member(customer);
  ASSERT_GT(places_that_hold(customer.str()), 6);

  const ErasureState state = erase(id);
  EXPECT_EQ(places_that_hold(customer.str()), 0);
  EXPECT_EQ(places_that_hold("jo@example.com"), 0);
  EXPECT_EQ(sales_of(token()), 2);
  EXPECT_EQ(
      hub_.number("SELECT balance FROM account WHERE owner_kind = 'member' AND owner_id = $1", {token()}),
      80);
  EXPECT_EQ(state.stores.size(), 2u);
  EXPECT_FALSE(state.is_done());
  EXPECT_TRUE(state.is_new);
}

TEST_F(Erasing, IsOpenUntilEveryStoreHasErasedToo) {
  const UserId id = register_member(customer);
  EXPECT_FALSE(erase(id).is_done());
  const auto store_has_erased = [&](const StoreId& which) {
    EXPECT_TRUE(hub_.write([&](hub::db::Transaction& t) -> Result<void> {
      return hub::identity::note_erased_at_store(t, id, which, hub_.clock.wall);
    }));
  };
  store_has_erased(store);
  const ErasureState half = erase(id);
  EXPECT_FALSE(half.is_done());
  EXPECT_FALSE(half.is_new);
  store_has_erased(other_store);
  EXPECT_TRUE(erase(id).is_done());
}

TEST_F(Erasing, TellsEachStoreByWhatTheStoreKnowsTheCardBy) {
  const UserId id = register_member(customer);
  EXPECT_TRUE(due().empty());
  erase(id);
  const auto here = due();
  ASSERT_EQ(here.size(), 1u);
  EXPECT_EQ(here.front().id.str(), id.str());
  EXPECT_EQ(here.front().member, sync::member_hash(customer));
  EXPECT_EQ(here.front().token.str(), token());
  EXPECT_EQ(here.front().requested_at, hub_.clock.wall);
  EXPECT_EQ(due(other_store), here);
  tell(sync::MemberErased{.erasure = here.front().id, .erased_at = hub_.clock.wall});
  EXPECT_TRUE(due().empty()) << "through the store's own stream";
  EXPECT_EQ(due(other_store).size(), 1u);
}

TEST_F(Erasing, IsAskedForAgainWhereAStoreMayHaveBeenRestored) {
  const UserId id = register_member(customer);
  erase(id);
  const sync::MemberErased erased{.erasure = *parse_uuid(id.str()), .erased_at = hub_.clock.wall};
  tell(erased);
  tell_elsewhere(erased);
  EXPECT_TRUE(erase(id).is_done());
  ASSERT_TRUE(hub_.write([&](hub::db::Transaction& t) { return hub::identity::forget_once_more(t, store); }));
  EXPECT_EQ(due().size(), 1u);
  EXPECT_FALSE(erase(id).is_done());
}

TEST_F(Erasing, KeepsNoHashOfTheCardLongerThanAnybodyNeedsIt) {
  const UserId id = register_member(customer);
  erase(id);
  const auto drop = [&] {
    std::int64_t dropped = 0;
    EXPECT_TRUE(hub_.write([&](hub::db::Transaction& t) -> Result<void> {
      dropped = hub::identity::drop_card_hashes(t, hub_.clock.wall).value();
      return {};
    }));
    return dropped;
  };
  pass(days{41});
  EXPECT_EQ(drop(), 0) << "stores have yet to forget";
  const sync::MemberErased erased{.erasure = *parse_uuid(id.str()), .erased_at = hub_.clock.wall};
  tell(erased);
  tell_elsewhere(erased);
  EXPECT_EQ(drop(), 1);
  EXPECT_EQ(places_that_hold(to_hex(sync::member_hash(customer))), 0);
}

TEST_F(Erasing, AnErasureThatNobodyKnowsChangesNothing) {
  tell(sync::MemberErased{.erasure = hub_.uuids.next(), .erased_at = hub_.clock.wall});
  EXPECT_EQ(dead_letters(), 0);
}

TEST_F(Erasing, DoesNotWaitForAStoreThatIsClosedForGood) {
  const UserId id = register_member(customer);
  EXPECT_EQ(erase(id).stores.size(), 2u);
  hub_.execute("UPDATE store SET retired_at = 1 WHERE id = $1", {other_store.str()});
  EXPECT_EQ(erase(id).stores.size(), 1u);
}

TEST_F(Erasing, LetsWhatStoresTellLateJoinWhatStays) {
  const auto sale = history_.sale(30, 10);
  tell(pending_of(sale, 30));
  const auto unheard = history_.sale(7);
  const UserId id = register_member(customer);
  pass(minutes{1});
  erase(id);
  const std::string stands_in = token();
  pass(hours{1});
  tell(sync::SaleSettled{sale});
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM dead_letter"), 0);
  EXPECT_EQ(hub_.rows("SELECT state FROM sale WHERE session_id = $1", {sale.session.str()}).at(0).text(0),
            "finalized");
  // Told only now, but of the time before.
  history_.add(unheard, [&](sync::Event& event) { event.time = hub_.clock.wall - hours{2}; });
  take_in(history_, store);
  EXPECT_EQ(sales_of(stands_in), 2);
  EXPECT_EQ(places_that_hold(customer.str()), 0);
}

TEST_F(Erasing, LetsASaleThatWasOpenBeforeJoinWhatStays) {
  tell(history_.sale(100));
  const auto open = history_.sale(7);
  const auto waits = history_.sale(9);
  pass(minutes{1});
  erase(register_member(customer));
  const std::string stands_in = token();
  pass(minutes{1});
  tell(open);
  tell(pending_of(waits, 9));
  tell(sync::SessionVoided{.session = open.session,
                           .transaction = open.transaction,
                           .customer = customer,
                           .channel = ChannelId("POS-1"),
                           .reason = "changed their mind",
                           .voided_at = hub_.clock.wall});
  EXPECT_EQ(sales_of(stands_in), 3);
  EXPECT_EQ(places_that_hold(customer.str()), 0);
  tell(history_.sale(11));
  EXPECT_EQ(sales_of(customer.str()), 1) << "somebody new's";
}

/// By a clock that is off by so much, in either direction.
class ErasingByAWrongClock : public Erasing, public testing::WithParamInterface<days> {
 protected:
  /// Opened there so long ago.
  sync::SaleFinalized sale_there(std::int64_t earned, Millis ago) {
    ManualClock theirs;
    theirs.wall = hub_.clock.wall + GetParam() - ago;
    UuidMaker ids(theirs, hub_.rng);
    auto sale = history_.sale(earned);
    sale.session = ids.next_session_id();
    return sale;
  }
  /// Told now, with what the store's clock shows.
  void tell_by_its_clock(sync::EventPayload payload, Millis ago = {}) {
    const WallTime shown = hub_.clock.wall + GetParam();
    history_.add(std::move(payload), [&](sync::Event& event) { event.time = shown - ago; });
    take_in(history_, store, shown + seconds{2});
  }
};

TEST_P(ErasingByAWrongClock, IsOfWhatWasBeforeAndOfNothingAfter) {
  tell(history_.sale(100));
  erase(register_member(customer));
  const std::string stands_in = token();
  pass(hours{2});
  tell_by_its_clock(sale_there(7, hours{3}), hours{3});
  EXPECT_EQ(sales_of(stands_in), 2);
  EXPECT_EQ(places_that_hold(customer.str()), 0) << "what is erased does not come back";
  // A dead letter, and a return that waits for its sale.
  tell_by_its_clock(sync::SpinDrawn{.spin = hub_.uuids.next(),
                                    .session = hub_.uuids.next_session_id(),
                                    .transaction = TransactionId("T-never"),
                                    .customer = customer,
                                    .commitment = {},
                                    .client_seed = "",
                                    .nonce = 1,
                                    .slots = {{.prize = "p", .tickets = 1}},
                                    .prize = "p",
                                    .lease = "",
                                    .ordinal = 0,
                                    .drawn_at = hub_.clock.wall},
                    hours{3});
  auto back = return_of(history_.sale(9), 100, std::nullopt);
  back.original_transaction = TransactionId("T-later");
  back.figures = sync::SaleReturned::Figures{};
  tell_by_its_clock(back, hours{3});
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM dead_letter"), 1);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM sale_return WHERE state = 'waiting'"), 1);
  EXPECT_EQ(places_that_hold(customer.str()), 0);

  tell_by_its_clock(sale_there(8, hours{3}), minutes{5});
  EXPECT_EQ(sales_of(stands_in), 3) << "it was open before";
  EXPECT_EQ(places_that_hold(customer.str()), 0);

  tell_by_its_clock(sale_there(11, minutes{6}), minutes{5});
  EXPECT_EQ(sales_of(stands_in), 3);
  EXPECT_EQ(sales_of(customer.str()), 1) << "somebody new's";
}

INSTANTIATE_TEST_SUITE_P(Clock, ErasingByAWrongClock, testing::Values(days{1}, days{-1}, days{0}),
                         [](const auto& off) {
                           return off.param.count() > 0   ? "Ahead"
                                  : off.param.count() < 0 ? "Behind"
                                                          : "Right";
                         });

TEST_F(Erasing, LetsThemBeginAnew) {
  tell(history_.sale(100));
  const UserId id = register_member(customer);
  erase(id);
  pass(minutes{1});
  tell(history_.sale(5));
  EXPECT_EQ(sales_of(customer.str()), 1);
  EXPECT_EQ(hub_.number("SELECT balance FROM account WHERE owner_kind = 'member' AND owner_id = $1",
                        {customer.str()}),
            5);
  // And once more.
  const UserId again = register_member(customer);
  pass(minutes{1});
  erase(again);
  EXPECT_EQ(sales_of(customer.str()), 0);
  EXPECT_EQ(hub_.number("SELECT COUNT(DISTINCT customer_id) FROM sale"), 2);
}

TEST_F(Erasing, LeavesACardAloneThatWasNeverProvenTheirs) {
  tell(history_.sale(100));
  const UserId id = register_member(customer, false);
  const ErasureState state = erase(id);
  EXPECT_TRUE(state.is_done());
  EXPECT_TRUE(state.stores.empty());
  EXPECT_EQ(sales_of(customer.str()), 1) << "nobody makes another's sales vanish";
  EXPECT_EQ(places_that_hold("jo@example.com"), 0);
}

TEST_F(Erasing, LeavesOthersAlone) {
  const auto others = history_.sale(50, 0, "CUST-000012");
  tell(history_.sale(100, 0, "CUST-00001"));
  tell(others);
  auto forged = others;
  forged.amount.minor += 1;
  tell(forged);
  const std::int64_t before = places_that_hold("CUST-000012");
  const UserId id = register_member(CustomerId("CUST-00001"));
  erase(id);
  EXPECT_EQ(places_that_hold("CUST-000012"), before);
  EXPECT_EQ(sales_of("CUST-000012"), 1);
}

TEST_F(Erasing, BlotsTheCardOutOfEventsNobodyCanReadYet) {
  const std::string field = "\x1a\x0a" + customer.str();
  const std::string longer = "\x1a\x0b" + customer.str() + "2";
  EXPECT_TRUE(hub_.write([&](hub::db::Transaction& t) {
    return hub::ingest::bury(
        t, {.place = {store, 1, 99}, .type = "Unknown", .reason = "new", .bytes = field + longer},
        hub_.clock.wall);
  }));
  const UserId id = register_member(customer);
  erase(id);
  const std::string left = from_hex(hub_.rows("SELECT event FROM dead_letter").at(0).text(0)).value();
  EXPECT_EQ(left, "\x1a\x0axxxxxxxxxx" + longer);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM dead_letter WHERE card = '?'"), 1) << "it may name others";
}

}  // namespace
}  // namespace perkline::test
