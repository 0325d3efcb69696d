#include <atomic>

#include <gtest/gtest.h>

#include "hub/identity/user.hpp"
#include "hub/stores/stores.hpp"
#include "hub/wheel/leases.hpp"
#include "hub/wheel/one_time.hpp"
#include "tests/unit/hub/live_hub.hpp"

namespace perkline::hub::wheel {
namespace {

/// Units of one stocked prize between the hub and two stores.
class Leases : public testing::Test {
 protected:
  Leases() {
    write([&](db::Transaction& t) -> Result<void> {
      if (auto done = stores::add(t, near_, std::string(64, 'a'), now_); !done) return done;
      if (auto done = stores::add(t, far_, std::string(64, 'b'), now_); !done) return done;
      return add_prize(t, cause(), prize_);
    });
  }

  PrizeCause cause() { return {.id = hub_.ids().next(), .at = now_, .actor = "user:staff"}; }
  void write(const test::LiveHub::Work& work) {
    const auto done = hub_.write(work);
    EXPECT_TRUE(done) << done.error().detail;
  }
  /// Of the error; nullopt: there was none.
  std::optional<Errc> refusal(const test::LiveHub::Work& work) {
    const auto done = hub_.write(work);
    if (done) return std::nullopt;
    return done.error().code;
  }
  Lease lease(const StoreId& store, std::int64_t units) {
    return {.id = hub_.ids().next().str(),
            .prize = prize_.id,
            .store = store,
            .units = units,
            .made_at = now_,
            .return_after = now_ + days{7}};
  }
  bool grant(const Lease& wanted) {
    bool granted = false;
    write([&](db::Transaction& t) -> Result<void> {
      granted = grant_lease(t, wanted).value();
      return {};
    });
    return granted;
  }
  std::optional<Errc> award(const Lease& of, std::int64_t ordinal) {
    return refusal([&](db::Transaction& t) -> Result<void> {
      const auto awarded = award_leased(t, of.store, of.prize, {.lease = of.id, .ordinal = ordinal});
      if (!awarded) return std::unexpected(awarded.error());
      return {};
    });
  }
  std::optional<Errc> give_back(const Lease& of, std::int64_t returned) {
    return refusal([&](db::Transaction& t) {
      return return_lease(t, of.store, of.id, returned, hub_.clock().wall_now());
    });
  }
  std::vector<Lease> open(const StoreId& store) {
    std::vector<Lease> found;
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      found = open_leases(t, store).value();
      return {};
    }));
    return found;
  }
  /// `free/leased/awarded`, which come to the stock together.
  std::string units() {
    std::optional<Prize> found;
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      found = find_prize(t, prize_.id).value();
      return {};
    }));
    EXPECT_EQ(*found->free() + found->leased + found->awarded, *found->stock);
    return std::to_string(*found->free()) + '/' + std::to_string(found->leased) + '/' +
           std::to_string(found->awarded);
  }

  test::LiveHub hub_;
  const WallTime now_ = hub_.clock().wall_now();
  const StoreId near_{"near"};
  const StoreId far_{"far"};
  const Prize prize_{.id = hub_.ids().next().str(),
                     .name = "Mug",
                     .type = PrizeType::coupon,
                     .tickets = 10'000,
                     .points = std::nullopt,
                     .stock = 10};
};

TEST_F(Leases, TakeOutOfTheStockWhatIsFreeAndNoMore) {
  const Lease first = lease(near_, 4);
  EXPECT_TRUE(grant(first));
  EXPECT_EQ(units(), "6/4/0");
  EXPECT_FALSE(grant(lease(far_, 7)));
  EXPECT_TRUE(grant(lease(far_, 6)));
  EXPECT_EQ(units(), "0/10/0");
  EXPECT_EQ(open(near_), std::vector<Lease>{first});
  EXPECT_EQ(open(far_).size(), 1u);
  bool taken = true;
  write([&](db::Transaction& t) -> Result<void> {
    taken = take_unit(t, prize_.id).value();
    return {};
  });
  EXPECT_FALSE(taken) << "all are at stores";
}

TEST_F(Leases, AreNotOfAPrizeWithoutStock) {
  write([&](db::Transaction& t) -> Result<void> {
    auto done = change_prize(t, cause(), prize_.id, {.stock = std::optional<std::int64_t>{}});
    if (!done) return failure(done);
    return {};
  });
  EXPECT_FALSE(grant(lease(near_, 1)));
}

TEST_F(Leases, AreGivenAwayUnitByUnit) {
  const Lease granted = lease(near_, 2);
  ASSERT_TRUE(grant(granted));
  EXPECT_EQ(award(granted, 1), std::nullopt);
  EXPECT_EQ(units(), "8/1/1");
  EXPECT_EQ(award(granted, 3), Errc::validation_failed);
  EXPECT_EQ(award(granted, 0), Errc::validation_failed);
  Lease others = granted;
  others.store = far_;
  EXPECT_EQ(award(others, 2), Errc::validation_failed) << "another store's";
  Lease of_another = granted;
  of_another.prize = "another";
  EXPECT_EQ(award(of_another, 2), Errc::validation_failed);
  EXPECT_EQ(award(granted, 2), std::nullopt);
  EXPECT_EQ(award(granted, 2), Errc::validation_failed) << "nothing is left";
  EXPECT_EQ(units(), "8/0/2");
  EXPECT_TRUE(open(near_).empty());
}

TEST_F(Leases, ComeBackOnceHoweverOftenTheStoreSaysSo) {
  const Lease granted = lease(near_, 5);
  ASSERT_TRUE(grant(granted));
  ASSERT_EQ(award(granted, 1), std::nullopt);
  EXPECT_EQ(give_back(granted, 2), std::nullopt);
  EXPECT_EQ(give_back(granted, 2), std::nullopt);
  EXPECT_EQ(units(), "7/2/1");
  EXPECT_EQ(give_back(granted, 5), Errc::validation_failed) << "one is given away";
  EXPECT_EQ(give_back(granted, 4), std::nullopt);
  EXPECT_EQ(give_back(granted, 1), std::nullopt) << "told late";
  EXPECT_EQ(units(), "9/0/1");
  EXPECT_EQ(award(granted, 2), Errc::validation_failed);
}

TEST_F(Leases, OfALostStoreAreWrittenOffOnceAndNothingIsGivenTwice) {
  const Lease lost = lease(far_, 6);
  const Lease kept = lease(near_, 2);
  ASSERT_TRUE(grant(lost));
  ASSERT_TRUE(grant(kept));
  ASSERT_EQ(award(lost, 1), std::nullopt);
  const auto write_off = [&] {
    std::int64_t count = -1;
    write([&](db::Transaction& t) -> Result<void> {
      count = write_off_leases(t, cause(), far_, "burnt down").value();
      return {};
    });
    return count;
  };
  EXPECT_EQ(write_off(), 5);
  EXPECT_EQ(units(), "7/2/1");
  EXPECT_EQ(write_off(), 0);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM audit WHERE action = 'lease.written_off'"), 1);
  // It was not lost, and has gone on giving away what the hub has to itself again.
  EXPECT_EQ(award(lost, 2), Errc::validation_failed);
  EXPECT_EQ(units(), "7/2/1");
  EXPECT_EQ(award(kept, 1), std::nullopt);
}

TEST_F(Leases, OfManyAtOnceAndSpinsBesideThemNeverOversell) {
  std::vector<test::LiveHub::Work> works;
  std::vector<Lease> wanted;
  for (int i = 0; i < 20; ++i) wanted.push_back(lease(i % 2 == 0 ? near_ : far_, 1 + i % 3));
  std::atomic<std::int64_t> taken = 0;
  for (const Lease& each : wanted) {
    works.emplace_back([&each](db::Transaction& t) -> Result<void> {
      const auto done = grant_lease(t, each);
      if (!done) return std::unexpected(done.error());
      if (!*done) return fail(Errc::no_prize_available, "none is free");
      const auto awarded = award_leased(t, each.store, each.prize, {.lease = each.id, .ordinal = 1});
      if (!awarded) return std::unexpected(awarded.error());
      return {};
    });
    works.emplace_back([this](db::Transaction& t) -> Result<void> {
      const auto done = take_unit(t, prize_.id);
      if (!done) return std::unexpected(done.error());
      if (!*done) return fail(Errc::no_prize_available, "none is free");
      return {};
    });
  }
  const auto results = hub_.write_all(works);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) {
      EXPECT_EQ(results[i].error().code, Errc::no_prize_available) << results[i].error().detail;
    } else {
      taken += i % 2 == 0 ? wanted[i / 2].units : 1;
    }
  }
  EXPECT_EQ(taken, 10) << "all of the stock, once";
  EXPECT_TRUE(units().starts_with("0/")) << units();
}

/// Two stores and the web, and a one-time prize.
class OneTime : public Leases {
 protected:
  OneTime() {
    write([&](db::Transaction& t) -> Result<void> {
      auto done = t.execute("UPDATE prize SET active = 0");
      if (!done) return failure(done);
      return add_prize(t, cause(), once_);
    });
  }
  std::vector<std::string> reserve(const CustomerId& card, const std::string& spin) {
    std::vector<std::string> reserved;
    write([&](db::Transaction& t) -> Result<void> {
      reserved = reserve_one_time(t, card, spin, now_).value();
      return {};
    });
    return reserved;
  }
  bool mark(const std::string& winner, const std::string& spin) {
    bool marked = false;
    write([&](db::Transaction& t) -> Result<void> {
      marked = mark_one_time(t, once_.id, {winner}, spin, now_).value();
      return {};
    });
    return marked;
  }
  /// A user that the card is proven to belong to.
  UserId add_owner(const CustomerId& card) {
    identity::NewUser added{.user = {}, .password_hash = "none"};
    added.user.id = UserId(hub_.ids().next().str());
    added.user.email = "jo@example.com";
    added.user.loyalty_id = card;
    added.user.loyalty_verified = true;
    write([&](db::Transaction& t) { return identity::insert_user(t, added); });
    return added.user.id;
  }

  const Prize once_{.id = hub_.ids().next().str(),
                    .name = "Once",
                    .type = PrizeType::cash,
                    .tickets = 1,
                    .points = std::nullopt,
                    .one_time = true,
                    .stock = std::nullopt};
  const CustomerId card_{"CUST-1"};
  const std::vector<std::string> it_{once_.id};
  const std::vector<std::string> nothing_{};
};

TEST_F(OneTime, IsKeptForOneSpinUntilThatIsTold) {
  EXPECT_EQ(reserve(card_, "spin-1"), it_);
  EXPECT_EQ(reserve(card_, "spin-1"), it_) << "the answer was lost, and is given again";
  EXPECT_EQ(reserve(card_, "spin-2"), nothing_) << "another till";
  EXPECT_EQ(reserve(CustomerId("CUST-2"), "spin-3"), it_);
  // It won something else.
  write([](db::Transaction& t) { return unmark_one_time(t, "spin-1", "something else"); });
  EXPECT_EQ(reserve(card_, "spin-2"), it_);
  // It won this.
  write([this](db::Transaction& t) { return unmark_one_time(t, "spin-2", once_.id); });
  EXPECT_EQ(reserve(card_, "spin-4"), nothing_);
}

TEST_F(OneTime, IsNobodysTwiceByCardAndByUser) {
  const UserId owner = add_owner(card_);
  EXPECT_EQ(reserve(card_, "spin-1"), it_);
  EXPECT_FALSE(mark(winner_name(owner), "on the web"));
  write([](db::Transaction& t) { return unmark_one_time(t, "spin-1"); });
  EXPECT_TRUE(mark(winner_name(owner), "on the web"));
  EXPECT_EQ(reserve(card_, "spin-2"), nothing_);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM prize_one_time"), 1) << "what was refused left nothing behind";
}

TEST_F(OneTime, GoesOnceWhoeverIsFirst) {
  const UserId owner = add_owner(card_);
  std::vector<test::LiveHub::Work> works;
  for (int i = 0; i < 30; ++i) {
    works.emplace_back([this, i, &owner](db::Transaction& t) -> Result<void> {
      const std::string spin = "spin-" + std::to_string(i);
      const auto marked =
          i % 2 == 0 ? mark_one_time(t, once_.id, {winner_name(owner), winner_name(card_)}, spin, now_)
                     : [&]() -> Result<bool> {
        const auto reserved = reserve_one_time(t, card_, spin, now_);
        if (!reserved) return std::unexpected(reserved.error());
        return !reserved->empty();
      }();
      if (!marked) return std::unexpected(marked.error());
      if (!*marked) return fail(Errc::no_prize_available, "gone");
      return {};
    });
  }
  int won = 0;
  for (const auto& result : hub_.write_all(works)) {
    if (result) ++won;
    if (!result) EXPECT_EQ(result.error().code, Errc::no_prize_available) << result.error().detail;
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(hub_.number("SELECT COUNT(DISTINCT spin_id) FROM prize_one_time"), 1);
}

}  // namespace
}  // namespace perkline::hub::wheel
