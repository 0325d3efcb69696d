#include <algorithm>
#include <atomic>
#include <deque>

#include <gtest/gtest.h>

#include "hub/identity/user.hpp"
#include "hub/ingest/asks.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/points/purse.hpp"
#include "hub/promotions/assignments.hpp"
#include "hub/promotions/claim.hpp"
#include "hub/stores/stores.hpp"
#include "hub/wheel/lease_upkeep.hpp"
#include "hub/wheel/leases.hpp"
#include "hub/wheel/seeds.hpp"
#include "hub/wheel/spin.hpp"
#include "hub/wheel/verify_stock.hpp"
#include "tests/unit/hub/live_hub.hpp"

namespace perkline::test {
namespace {

using hub::db::Transaction;
using sync::ClaimOutcome;

/// Many writers at once, as replicas and tills are.
class TillRaces : public testing::Test {
 protected:
  TillRaces() {
    SystemRng rng;
    EXPECT_TRUE(
        hub_.reactor().await(hub::wheel::commit_seeds(hub_.port(), {hub::wheel::the_hub}, now_, rng)));
    write([&](Transaction& t) -> Result<void> {
      auto cleared = t.execute("UPDATE prize SET active = 0");
      if (!cleared) return failure(cleared);
      for (int i = 0; i < stores_count; ++i) {
        auto made = hub::stores::make(t, store(i), now_);
        if (!made) return failure(made);
      }
      return {};
    });
  }
  static constexpr int stores_count = 20;
  /// What became of each work when it ran last: a transaction may run more than once.
  using Flags = std::deque<std::atomic<bool>>;
  static std::int64_t count(const Flags& flags) {
    return std::ranges::count_if(flags, [](const std::atomic<bool>& flag) { return flag.load(); });
  }
  static StoreId store(int number) { return StoreId("s-" + std::to_string(number)); }

  void write(LiveHub::Work work) {
    const auto done = hub_.write(std::move(work));
    EXPECT_TRUE(done) << done.error().detail;
  }
  void all_succeed(std::vector<LiveHub::Work> works) {
    for (const auto& done : hub_.write_all(std::move(works))) EXPECT_TRUE(done) << done.error().detail;
  }
  std::string add_prize(std::optional<std::int64_t> stock, bool one_time) {
    const hub::wheel::Prize made{.id = hub_.ids().next().str(),
                                 .name = "Mug",
                                 .type = hub::wheel::PrizeType::cash,
                                 .tickets = 1,
                                 .points = std::nullopt,
                                 .one_time = one_time,
                                 .stock = stock};
    const hub::wheel::PrizeCause cause{.id = hub_.ids().next(), .at = now_, .actor = "user:staff"};
    write([=](Transaction& t) { return hub::wheel::add_prize(t, cause, made); });
    return made.id;
  }
  UserId add_member(const std::string& card) {
    hub::identity::NewUser added{.user = {}, .password_hash = "none"};
    added.user.id = UserId(hub_.ids().next().str());
    added.user.email = added.user.id.str() + "@example.com";
    added.user.loyalty_id = CustomerId(card);
    added.user.loyalty_verified = true;
    const hub::points::Cause cause{.id = hub_.ids().next(), .at = now_};
    write([=, this](Transaction& t) -> Result<void> {
      if (auto done = hub::identity::insert_user(t, added); !done) return done;
      auto card_known =
          t.execute("INSERT INTO member (customer_id, tier, first_seen) VALUES ($1, 'Base', 0)", {card});
      if (!card_known) return failure(card_known);
      auto given = hub::points::give(t, terms_.programme, cause,
                                     {.user = added.user.id,
                                      .amount = 100,
                                      .other = hub::points::programme_account("applied"),
                                      .external_id = "test:" + added.user.id.str(),
                                      .code = "apply"});
      if (!given) return failure(given);
      return {};
    });
    return added.user.id;
  }
  LiveHub::Work spin_on_web(const UserId& user, const std::string& prize, std::atomic<bool>& has) {
    const auto cause = hub::wheel::make_cause(hub_.ids(), now_, "");
    return [=, this, &has](Transaction& t) -> Result<void> {
      const auto spun = hub::wheel::spin(t, terms_, cause, user, "");
      // Somebody has kept the only prize there is.
      if (!spun && spun.error().code == Errc::no_prize_available) return {};
      if (!spun) return std::unexpected(spun.error());
      has = spun->spin.prize_id == prize;
      return {};
    };
  }
  LiveHub::Work reserve(int at, const std::string& card, std::atomic<bool>& has) {
    const sync::SpinReserve asked{.spin = hub_.ids().next(), .customer = CustomerId(card)};
    return [=, this, &has](Transaction& t) -> Result<void> {
      const auto reserved = hub::ingest::reserve(t, store(at), asked, now_);
      if (!reserved) return std::unexpected(reserved.error());
      has = !reserved->prizes.empty();
      return {};
    };
  }

  LiveHub hub_;
  const WallTime now_ = hub_.clock().wall_now();
  const hub::wheel::Terms terms_{};
};

TEST_F(TillRaces, AOneTimePrizeIsOnesAloneOfAllThatAskAtOnce) {
  const std::string once = add_prize(std::nullopt, true);
  for (int round = 0; round < 10; ++round) {
    const std::string card = "CUST-" + std::to_string(round);
    const UserId user = add_member(card);
    Flags have;
    std::vector<LiveHub::Work> works;
    for (int i = 0; i < 4; ++i) {
      works.push_back(reserve(i, card, have.emplace_back(false)));
      works.push_back(spin_on_web(user, once, have.emplace_back(false)));
    }
    all_succeed(std::move(works));
    EXPECT_EQ(count(have), 1) << "round " << round;
  }
}

TEST_F(TillRaces, TwentyStoresAndTheHubNeverHaveMoreThanTheStock) {
  const std::string prize = add_prize(50, false);
  write([](Transaction& t) -> Result<void> {
    auto told = t.execute("UPDATE store SET lease_holder = 'aa', lease_epoch = epoch");
    if (!told) return failure(told);
    return {};
  });
  Flags taken;
  std::vector<LiveHub::Work> works;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < stores_count; ++i) {
      const hub::wheel::UpkeepCause cause{.id = hub_.ids().next(), .at = now_};
      works.push_back([=](Transaction& t) -> Result<void> {
        auto kept = hub::wheel::keep_leases(t, cause, store(i));
        if (!kept) return failure(kept);
        return {};
      });
      works.push_back([=, &got = taken.emplace_back(false)](Transaction& t) -> Result<void> {
        const auto unit = hub::wheel::take_unit(t, prize);
        if (!unit) return std::unexpected(unit.error());
        got = *unit;
        return {};
      });
    }
  }
  all_succeed(std::move(works));
  const auto leased = hub_.number("SELECT leased FROM prize WHERE id = $1", {prize});
  EXPECT_EQ(leased, hub_.number("SELECT CAST(SUM(units) AS BIGINT) FROM prize_lease"));
  EXPECT_EQ(hub_.number("SELECT awarded FROM prize WHERE id = $1", {prize}), count(taken));
  EXPECT_EQ(leased + count(taken), 50) << "sixty wanted one each, and twenty stores one";
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM catalogue_item WHERE kind = 6 AND body IS NOT NULL"),
            hub_.number("SELECT COUNT(*) FROM prize_lease"));
}

TEST_F(TillRaces, APromotionIsClaimedOnceByTillsAndTheWebTogether) {
  hub::promotions::Promotion promotion{
      .id = hub_.ids().next(),
      .title = "Twenty",
      .description = "",
      .type = hub::promotions::PromotionType::bonus,
      .amount = Money{2000, *find_currency("USD")},
      .term = {.is_active = true, .first = utc_day(now_), .last = utc_day(now_)}};
  const hub::promotions::Cause cause{.at = now_, .actor = "user:staff", .audit = hub_.ids().next()};
  write([=](Transaction& t) { return hub::promotions::create(t, cause, promotion); });
  for (int round = 0; round < 5; ++round) {
    const std::string card = "CUST-" + std::to_string(round);
    const UserId user = add_member(card);
    const hub::promotions::AssignOrder order{
        .promotion = promotion.id, .users = {user.str()}, .events = {hub_.ids().next()}, .traceparent = {}};
    const hub::promotions::Cause by{.at = now_, .actor = "user:staff", .audit = hub_.ids().next()};
    write([=](Transaction& t) -> Result<void> {
      auto assigned = hub::promotions::assign(t, by, order);
      if (!assigned) return failure(assigned);
      return {};
    });
    Flags web;
    Flags till;
    const Uuid claim = hub_.ids().next();
    std::vector<LiveHub::Work> works;
    for (int i = 0; i < 6; ++i) {
      const hub::ingest::ClaimCause ask{.wallet = hub::wallet::make_cause(hub_.ids(), now_, ""),
                                        .event = hub_.ids().next()};
      works.push_back([=, this, &got = till.emplace_back(false)](Transaction& t) -> Result<void> {
        const auto answer = hub::ingest::claim(t, store(0),
                                               {.claim = claim,
                                                .customer = CustomerId(card),
                                                .promotion = promotion.id,
                                                .transaction = TransactionId("T-1"),
                                                .claimed_at = now_},
                                               ask);
        if (!answer) return std::unexpected(answer.error());
        got = answer->outcome == ClaimOutcome::claimed;
        return {};
      });
      const auto wallet = hub::wallet::make_cause(hub_.ids(), now_, "");
      const Uuid event = hub_.ids().next();
      works.push_back([=, this, &got = web.emplace_back(false)](Transaction& t) -> Result<void> {
        const auto claimed = hub::promotions::claim(
            t, wallet, {.promotion = promotion.id, .user = user, .claimed_at = now_, .event = event});
        got = claimed.has_value();
        if (!claimed && claimed.error().code != Errc::already_claimed)
          return std::unexpected(claimed.error());
        return {};
      });
    }
    all_succeed(std::move(works));
    const std::int64_t on_web = count(web);
    EXPECT_LE(on_web, 1);
    EXPECT_EQ(count(till), on_web == 1 ? 0 : 6) << "one claim, asked for six times";
    EXPECT_EQ(
        hub_.number("SELECT balance FROM account WHERE owner_id = $1 AND code = 'wallet'", {user.str()}),
        2000);
  }
}

}  // namespace
}  // namespace perkline::test
