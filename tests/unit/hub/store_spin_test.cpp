#include "hub/wheel/store_spin.hpp"

#include <gtest/gtest.h>

#include "hub/identity/user.hpp"
#include "hub/identity/user_hooks.hpp"
#include "hub/ledger/history.hpp"
#include "hub/stores/stores.hpp"
#include "hub/wheel/hooks.hpp"
#include "hub/wheel/one_time.hpp"
#include "hub/wheel/proof.hpp"
#include "tests/unit/hub/hub_database.hpp"
#include "tests/unit/hub/open_seeds.hpp"

namespace perkline::hub::wheel {
namespace {

/// A store that draws by itself and tells of it later.
class StoreSpins : public testing::Test {
 protected:
  StoreSpins() {
    write([&](db::Transaction& t) { return stores::add(t, store_, std::string(64, 'a'), hub_.clock.wall); });
    EXPECT_TRUE(test::run_task(hub_.world(), commit_seeds(hub_.port(), {store_}, hub_.clock.wall, hub_.rng)));
    write([&](db::Transaction& t) -> Result<void> {
      auto cleared = t.execute("UPDATE prize SET active = 0");
      if (!cleared) return failure(cleared);
      for (const Prize& prize : {plain_, stocked_, once_}) {
        const PrizeCause cause{.id = hub_.uuids.next(), .at = hub_.clock.wall, .actor = "user:staff"};
        if (auto added = add_prize(t, cause, prize); !added) return added;
      }
      return {};
    });
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      seed_ = open_seeds(t, store_, day_of(hub_.clock.wall)).value().front();
      return {};
    }));
  }

  Prize prize(const std::string& name, std::optional<std::int64_t> stock, bool one_time) {
    return {.id = hub_.uuids.next().str(),
            .name = name,
            .type = PrizeType::cash,
            .tickets = 1,
            .points = std::nullopt,
            .one_time = one_time,
            .stock = stock};
  }
  void write(const std::function<Result<void>(db::Transaction&)>& work) {
    const auto done = hub_.write(work);
    EXPECT_TRUE(done) << done.error().detail;
  }
  /// What the store tells when this prize alone was in the draw.
  StoreSpin spin_that_won(const Prize& won, std::optional<LeasedUnit> unit = std::nullopt) {
    const std::vector<loyalty::Prize> alone{{.id = won.id, .tickets = won.tickets}};
    const loyalty::PrizeTable table = loyalty::table_of(alone);
    return {.id = hub_.uuids.next(),
            .drawn = {.store = store_,
                      .draw = {.member = std::string(64, 'c'), .client_seed = "x", .nonce = ++nonces_},
                      .commitment = seed_.commitment,
                      .table = table,
                      .version = to_hex(loyalty::version_of(table)),
                      .prize = won.id},
            .till = {.session = hub_.uuids.next_session_id(), .card = card_, .unit = std::move(unit)}};
  }
  /// True: booked; false: it was before; nullopt: refused as a fault of the store's.
  std::optional<bool> book(const StoreSpin& told) {
    std::optional<bool> booked;
    const auto done = hub_.write([&](db::Transaction& t) -> Result<void> {
      const auto fresh = book_store_spin(t, terms_, told, hub_.clock.wall);
      if (!fresh) return std::unexpected(fresh.error());
      booked = *fresh;
      return {};
    });
    if (done) return booked;
    EXPECT_EQ(done.error().code, Errc::validation_failed) << done.error().detail;
    return std::nullopt;
  }
  LeasedUnit lease_of(std::int64_t units) {
    const Lease lease{.id = hub_.uuids.next().str(),
                      .prize = stocked_.id,
                      .store = store_,
                      .units = units,
                      .made_at = hub_.clock.wall,
                      .return_after = hub_.clock.wall};
    write([&](db::Transaction& t) -> Result<void> {
      EXPECT_TRUE(grant_lease(t, lease).value());
      return {};
    });
    return {.lease = lease.id, .ordinal = 1};
  }
  UserId add_owner() {
    identity::NewUser added{.user = {}, .password_hash = "none"};
    added.user.id = UserId(hub_.uuids.next().str());
    added.user.email = "jo@example.com";
    added.user.loyalty_id = card_;
    added.user.loyalty_verified = true;
    write([&](db::Transaction& t) { return identity::insert_user(t, added); });
    return added.user.id;
  }
  void prove_card(const UserId& user) {
    identity::UserHooks hooks;
    add_hooks(hooks, hub_.uuids, terms_);
    write(hooks.card_verified.front()({.user = user, .card = card_, .at = hub_.clock.wall}));
  }
  std::int64_t points_of(const UserId& user) {
    std::int64_t points = -1;
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      points = ledger::balance_of(t, ledger::points_of(user)).value();
      EXPECT_TRUE(ledger::verify(t).value().ok());
      return {};
    }));
    return points;
  }
  std::vector<Spin> spins_of_user(const UserId& user) {
    std::vector<Spin> spins;
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      spins = spins_of(t, user, 100, "").value();
      return {};
    }));
    return spins;
  }
  std::int64_t spins() { return hub_.number("SELECT COUNT(*) FROM spin"); }

  test::HubDatabase hub_;
  const Terms terms_;
  const StoreId store_{"store-1"};
  const CustomerId card_{"CUST-00042"};
  const Prize plain_ = prize("Plain", std::nullopt, false);
  const Prize stocked_ = prize("Stocked", 5, false);
  const Prize once_ = prize("Once", std::nullopt, true);
  OpenSeed seed_;
  std::int64_t nonces_ = 0;
};

TEST_F(StoreSpins, AreBookedOnceForWhoeverHasTheCard) {
  const UserId owner = add_owner();
  const StoreSpin told = spin_that_won(plain_);
  EXPECT_EQ(book(told), true);
  EXPECT_EQ(book(told), false);
  EXPECT_EQ(points_of(owner), 3);
  const auto shown = spins_of_user(owner);
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(shown.front().store, store_);
  EXPECT_EQ(shown.front().cost, 0);
  const auto data = hub_.rows("SELECT data FROM event_outbox WHERE type = 'PRIZE_AWARDED'");
  ASSERT_EQ(data.size(), 1u);
  EXPECT_TRUE(data.front().text(0).ends_with(R"("points":3,"channel":"till","storeId":"store-1"})"))
      << data.front().text(0);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM event_outbox WHERE type = 'SPIN_EXECUTED'"), 1);
}

TEST_F(StoreSpins, HaveAProofWithoutTheCard) {
  const StoreSpin told = spin_that_won(plain_);
  ASSERT_EQ(book(told), true);
  EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
    const auto proof = find_proof(t, told.id);
    EXPECT_EQ((*proof)->store, store_);
    json::Writer out;
    write_proof(out, **proof);
    EXPECT_FALSE(out.str().contains(card_.str()));
    return {};
  }));
  StoreSpin named = spin_that_won(plain_);
  named.drawn.draw.member = card_.str();
  EXPECT_EQ(book(named), std::nullopt) << "proofs are anybody's to see";
}

TEST_F(StoreSpins, OfACardThatIsNobodysAreWhoeverProvesItTheirs) {
  ASSERT_EQ(book(spin_that_won(plain_)), true);
  hub_.clock.advance(days{300});
  ASSERT_TRUE(test::run_task(hub_.world(), commit_seeds(hub_.port(), {store_}, hub_.clock.wall, hub_.rng)));
  ASSERT_EQ(book(spin_that_won(once_)), true);
  hub_.clock.advance(days{65});
  const UserId owner = add_owner();
  EXPECT_EQ(points_of(owner), 0);
  prove_card(owner);
  EXPECT_EQ(points_of(owner), 3) << "those of the first have lapsed";
  prove_card(owner);
  EXPECT_EQ(points_of(owner), 3);
  EXPECT_EQ(spins_of_user(owner).size(), 2u);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM prize_one_time WHERE winner = $1", {winner_name(owner)}), 1);
}

TEST_F(StoreSpins, TakeStockedPrizesOffTheirLease) {
  const LeasedUnit unit = lease_of(2);
  EXPECT_EQ(book(spin_that_won(stocked_)), std::nullopt) << "without a lease";
  EXPECT_EQ(book(spin_that_won(plain_, unit)), std::nullopt) << "a lease of another prize";
  EXPECT_EQ(book(spin_that_won(stocked_, unit)), true);
  EXPECT_EQ(book(spin_that_won(stocked_, unit)), std::nullopt) << "that unit has gone";
  EXPECT_EQ(book(spin_that_won(stocked_, LeasedUnit{.lease = unit.lease, .ordinal = 2})), true);
  const auto stock = hub_.rows("SELECT leased, awarded FROM prize WHERE id = $1", {stocked_.id});
  EXPECT_EQ(stock.front().integer(0), 0);
  EXPECT_EQ(stock.front().integer(1), 2);
  EXPECT_EQ(spins(), 2);
}

TEST_F(StoreSpins, SettleWhatWasKeptForThem) {
  const StoreSpin other = spin_that_won(plain_);
  const StoreSpin it = spin_that_won(once_);
  const auto keep = [&](const StoreSpin& spin) {
    std::vector<std::string> kept;
    write([&](db::Transaction& t) -> Result<void> {
      kept = reserve_one_time(t, card_, spin.id.str(), hub_.clock.wall).value();
      return {};
    });
    return kept.size();
  };
  EXPECT_EQ(keep(other), 1u);
  EXPECT_EQ(keep(it), 0u);
  EXPECT_EQ(book(other), true);
  EXPECT_EQ(keep(it), 1u) << "the other spin won something else";
  EXPECT_EQ(book(it), true);
  EXPECT_EQ(book(spin_that_won(once_)), std::nullopt);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM prize_one_time"), 1);
}

TEST_F(StoreSpins, ThatCannotBeAreRefusedWhole) {
  const StoreSpin first = spin_that_won(plain_);
  ASSERT_EQ(book(first), true);
  const auto refused = [&](auto change) {
    StoreSpin wrong = spin_that_won(plain_);
    change(wrong);
    return !book(wrong).has_value();
  };
  EXPECT_TRUE(refused([&](StoreSpin& wrong) { wrong.id = first.id; })) << "another spin's id";
  EXPECT_TRUE(refused([&](StoreSpin& wrong) { wrong.till.session = first.till.session; }))
      << "the sale has had its spin";
  EXPECT_TRUE(refused([&](StoreSpin& wrong) { wrong.drawn.draw.nonce = first.drawn.draw.nonce; }));
  EXPECT_TRUE(refused([&](StoreSpin& wrong) { wrong.drawn.prize = once_.id; })) << "not what comes out";
  EXPECT_TRUE(refused([&](StoreSpin& wrong) {
    Prize unknown = plain_;
    unknown.id = "unknown";
    wrong = spin_that_won(unknown);
  }));
  EXPECT_EQ(spins(), 1);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM event_outbox"), 2);
}

TEST_F(StoreSpins, KeepNoCardOfWhomeverIsForgotten) {
  const StoreSpin before = spin_that_won(once_);
  StoreSpin after = spin_that_won(plain_);
  ASSERT_EQ(book(before), true);
  identity::UserHooks hooks;
  add_hooks(hooks, hub_.uuids, terms_);
  identity::User user;
  user.id = add_owner();
  write([&](db::Transaction& t) {
    return hooks.erased.front()(
        t, {.user = user, .card = card_, .token = CustomerId("erased-1"), .at = hub_.clock.wall});
  });
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM spin WHERE customer_id = 'erased-1'"), 1);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM prize_one_time"), 0);
  after.till.card = CustomerId("erased-1");
  after.is_forgotten = true;
  ASSERT_EQ(book(after), true);
  EXPECT_EQ(book(after), false) << "told again";
  for (const StoreSpin& spin : {before, after}) {
    json::Writer proof;
    write([&](db::Transaction& t) -> Result<void> {
      write_proof(proof, find_proof(t, spin.id).value().value());
      return {};
    });
    const std::string shown = proof.take();
    EXPECT_TRUE(shown.contains(R"("memberId":null)")) << shown;
  }
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM spin WHERE member = $1", {before.drawn.draw.member}), 0);
}

}  // namespace
}  // namespace perkline::hub::wheel
