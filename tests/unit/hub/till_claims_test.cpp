#include <gtest/gtest.h>

#include "hub/ledger/ledger.hpp"
#include "hub/notifications/kinds.hpp"
#include "hub/promotions/assignments.hpp"
#include "hub/promotions/claim.hpp"
#include "hub/wallet/wallet.hpp"
#include "tests/unit/hub/tills_fixture.hpp"

namespace perkline::test {
namespace {

using hub::promotions::Promotion;
using sync::ClaimOutcome;

class TillClaims : public Tills {
 protected:
  TillClaims() {
    store_.sale(card);
    store_.sync();
    write([&](hub::db::Transaction& t) {
      return hub::promotions::create(
          t, {.at = hub_.clock.wall, .actor = "user:staff", .audit = hub_.uuids.next()}, promotion_);
    });
  }
  void assign(const UserId& user) {
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto assigned = hub::promotions::assign(
          t, {.at = hub_.clock.wall, .actor = "user:staff", .audit = hub_.uuids.next()},
          {.promotion = promotion_.id,
           .users = {user.str()},
           .events = {hub_.uuids.next()},
           .traceparent = {}});
      if (!assigned) return failure(assigned);
      return {};
    });
  }
  sync::ClaimAnswer ask(const Uuid& claim, std::optional<Uuid> promotion = std::nullopt,
                        Millis clock_ahead = {}) {
    const auto answer = store_.answer_of(sync::ClaimRequest{.claim = claim,
                                                            .customer = CustomerId(card),
                                                            .promotion = promotion.value_or(promotion_.id),
                                                            .transaction = TransactionId("T-1"),
                                                            .claimed_at = hub_.clock.wall + clock_ahead,
                                                            .traceparent = trace});
    EXPECT_TRUE(answer && std::holds_alternative<sync::ClaimAnswer>(*answer));
    return std::get<sync::ClaimAnswer>(*answer);
  }
  void tell(const Uuid& claim, std::optional<Uuid> promotion = std::nullopt, std::int64_t dead = 0) {
    store_.history().add(sync::PromotionClaimed{.claim = claim,
                                                .customer = CustomerId(card),
                                                .promotion = promotion.value_or(promotion_.id),
                                                .transaction = TransactionId("T-1"),
                                                .claimed_at = hub_.clock.wall});
    store_.sync();
    EXPECT_EQ(dead_letters(), dead);
  }
  void change(const hub::promotions::Change& change) {
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto done = hub::promotions::change(
          t, {.at = hub_.clock.wall, .actor = "user:staff", .audit = hub_.uuids.next()}, promotion_.id,
          change);
      if (!done) return failure(done);
      return {};
    });
  }
  void claim_on_the_web(const UserId& user) {
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto claimed = hub::promotions::claim(t, hub::wallet::make_cause(hub_.uuids, hub_.clock.wall, ""),
                                            {.promotion = promotion_.id,
                                             .user = user,
                                             .claimed_at = hub_.clock.wall,
                                             .event = hub_.uuids.next()});
      if (!claimed) return failure(claimed);
      return {};
    });
  }
  /// In minor units of the promotion's currency.
  void fill_wallet(const UserId& user, std::int64_t minor) {
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto given = hub::wallet::give(t, hub::wallet::make_cause(hub_.uuids, hub_.clock.wall, ""),
                                     {.user = user,
                                      .amount = Money{minor, promotion_.amount.currency},
                                      .from = "wallet_credits",
                                      .external_id = "fill",
                                      .code = "credit"});
      if (!given) return failure(given);
      return {};
    });
  }
  void empty_wallet(const UserId& user, std::int64_t minor) {
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto taken = hub::wallet::debit(
          t, hub::wallet::make_cause(hub_.uuids, hub_.clock.wall, ""),
          {.user = user, .amount = Money{minor, promotion_.amount.currency}, .reason = "room"});
      if (!taken) return failure(taken);
      return {};
    });
  }
  std::int64_t in_wallet(const UserId& user) {
    std::int64_t minor = -1;
    EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
      minor = hub::wallet::balance_in(t, user, *find_currency("USD")).value().available.minor;
      EXPECT_TRUE(hub::ledger::verify(t).value().ok());
      return {};
    }));
    return minor;
  }
  std::vector<std::string> refusals() {
    std::vector<std::string> reasons;
    for (const auto& row :
         hub_.rows("SELECT reason FROM promotion_claim_refused ORDER BY received_at, claim_id"))
      reasons.push_back(row.text(0));
    return reasons;
  }

  inline static const std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  FakeStore store_ = open_store("store-1");
  const Promotion promotion_{
      .id = hub_.uuids.next(),
      .title = "Twenty",
      .description = "",
      .type = hub::promotions::PromotionType::bonus,
      .amount = Money{2000, *find_currency("USD")},
      .term = {.is_active = true, .first = utc_day(hub_.clock.wall), .last = utc_day(hub_.clock.wall)}};
};

TEST_F(TillClaims, CanBeListedByAStoreThatTheMemberHasNeverBoughtAt) {
  const UserId owner = add_owner();
  assign(owner);
  FakeStore other = open_store("store-2");
  const auto told_of = [&](const std::string& customer) {
    const sync::MemberRequest request{.id = hub_.uuids.next(), .customer = CustomerId(customer)};
    const auto answer = other.answer_of(request);
    EXPECT_TRUE(answer && std::holds_alternative<sync::MemberAnswer>(*answer));
    auto told = std::get<sync::MemberAnswer>(answer.value());
    EXPECT_EQ(told.id, request.id);
    EXPECT_EQ(told.applied_through, 0u) << "of the asking store's own history";
    return told.member;
  };
  const auto member = told_of(card);
  ASSERT_TRUE(member);
  EXPECT_EQ(member->member, sync::member_hash(CustomerId(card)));
  EXPECT_EQ(member->promotions, std::vector<Uuid>{promotion_.id});
  EXPECT_FALSE(member->blocked);
  claim_on_the_web(owner);
  EXPECT_TRUE(told_of(card)->promotions.empty());
  EXPECT_FALSE(told_of("CUST-77777")) << "nobody has told of that card";
  hub_.execute("UPDATE users SET active = 0");
  EXPECT_TRUE(told_of(card)->blocked);
}

TEST_F(TillClaims, AreAnsweredWithWhatTheTillIsToShowAndAgainAlike) {
  const UserId owner = add_owner();
  assign(owner);
  const Uuid claim = hub_.uuids.next();
  const auto answer = ask(claim);
  EXPECT_EQ(answer.claim, claim);
  ASSERT_EQ(answer.outcome, ClaimOutcome::claimed);
  EXPECT_EQ(answer.credit->user, owner);
  EXPECT_EQ(answer.credit->amount, promotion_.amount);
  EXPECT_EQ(answer.credit->available.minor, 2000);
  EXPECT_EQ(answer.credit->held.minor, 0);
  EXPECT_EQ(answer.credit->claimed_at, hub_.clock.wall);
  EXPECT_EQ(answer.credit->created_at, hub_.clock.wall);
  EXPECT_EQ(answer.credit->description, "Claimed 'Twenty' promotion");
  EXPECT_EQ(answer.credit->transaction.str(),
            hub_.rows("SELECT transfer_id FROM promotion_assignment").at(0).text(0));
  hub_.clock.wall += seconds{3};
  auto again = ask(claim);
  EXPECT_EQ(again, answer) << "its answer was lost";
  tell(claim);
  EXPECT_EQ(refusals(), std::vector<std::string>{}) << "the same claim, told of because no answer came";
  EXPECT_EQ(in_wallet(owner), 2000);
  EXPECT_EQ(events("PROMOTION_CLAIMED"), 1);
  EXPECT_TRUE(hub_.rows("SELECT data FROM event_outbox WHERE type = 'PROMOTION_CLAIMED'")
                  .at(0)
                  .text(0)
                  .contains(R"("channel":"till")"));
  EXPECT_EQ(ask(hub_.uuids.next()).outcome, ClaimOutcome::already_claimed);
  EXPECT_EQ(in_wallet(owner), 2000);
}

TEST_F(TillClaims, BelongToTheTraceOfTheTillsCall) {
  const UserId owner = add_owner();
  assign(owner);
  ASSERT_EQ(ask(hub_.uuids.next()).outcome, ClaimOutcome::claimed);
  for (const char* type : {"PROMOTION_CLAIMED", "WALLET_CREDITED"}) {
    const auto events =
        hub_.rows("SELECT traceparent FROM event_outbox WHERE type = $1", {std::string(type)});
    ASSERT_EQ(events.size(), 1u) << type;
    EXPECT_EQ(events[0].text(0), trace) << type;
  }
}

TEST_F(TillClaims, AreRefusedForWhatTheMemberMayNotHave) {
  EXPECT_EQ(ask(hub_.uuids.next()).outcome, ClaimOutcome::not_assigned) << "the card is nobody's";
  const UserId owner = add_owner();
  EXPECT_EQ(ask(hub_.uuids.next()).outcome, ClaimOutcome::not_assigned);
  EXPECT_EQ(ask(hub_.uuids.next(), hub_.uuids.next()).outcome, ClaimOutcome::not_assigned);
  assign(owner);
  hub_.execute("UPDATE users SET active = 0");
  EXPECT_EQ(ask(hub_.uuids.next()).outcome, ClaimOutcome::not_assigned) << "no member that is active";
  hub_.execute("UPDATE users SET active = 1");
  hub_.clock.wall += days{1};
  EXPECT_EQ(ask(hub_.uuids.next()).outcome, ClaimOutcome::not_active);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM wallet"), 0);
  EXPECT_EQ(refusals(), std::vector<std::string>{}) << "the till was told";
}

TEST_F(TillClaims, ThatAreToldOfLaterAreClaimedByTheirOwnDayAndOnce) {
  const UserId owner = add_owner();
  assign(owner);
  const Uuid claim = hub_.uuids.next();
  store_.history().add(sync::PromotionClaimed{.claim = claim,
                                              .customer = CustomerId(card),
                                              .promotion = promotion_.id,
                                              .transaction = TransactionId("T-1"),
                                              .claimed_at = hub_.clock.wall});
  hub_.clock.wall += days{3};
  store_.sync();
  tell(claim);
  EXPECT_EQ(in_wallet(owner), 2000);
  EXPECT_EQ(events("PROMOTION_CLAIMED"), 1);
  EXPECT_EQ(refusals(), std::vector<std::string>{});
}

TEST_F(TillClaims, ThatHaveLostTheRaceAreWrittenDownAsRefusedAndToldToTheMember) {
  const UserId owner = add_owner();
  assign(owner);
  claim_on_the_web(owner);
  const Uuid claim = hub_.uuids.next();
  tell(claim);
  tell(claim);
  EXPECT_EQ(refusals(), std::vector<std::string>{"already_claimed"});
  EXPECT_EQ(in_wallet(owner), 2000);
  hub_.execute("UPDATE promotion_assignment SET claimed_at = NULL, channel = NULL, transfer_id = NULL");
  EXPECT_EQ(ask(claim).outcome, ClaimOutcome::already_claimed) << "what was told of it stays";
  const auto told = hub_.rows("SELECT data FROM event_outbox WHERE type = 'PROMOTION_CLAIM_REFUSED'");
  ASSERT_EQ(told.size(), 1u);
  for (const std::string& part :
       {R"("userId":")" + owner.str() + '"', std::string(R"("title":"Twenty")"),
        std::string(R"("reason":"already_claimed")"), std::string(R"("tillTransactionId":"T-1")")}) {
    EXPECT_TRUE(told.at(0).text(0).contains(part)) << part << " in " << told.at(0).text(0);
  }
  EXPECT_NE(hub::notifications::kind_of_event("PROMOTION_CLAIM_REFUSED"), nullptr);
}

TEST_F(TillClaims, IntoAFullWalletStayToBeMadeAndWhatWasPromisedWaitsToBeRetried) {
  const UserId owner = add_owner();
  assign(owner);
  const std::int64_t full = hub::ledger::money_balance_max - 1'999;
  fill_wallet(owner, full);
  const Uuid claim = hub_.uuids.next();
  const auto refused = ask(claim);
  EXPECT_EQ(refused.outcome, ClaimOutcome::balance_limit);
  EXPECT_FALSE(refused.credit);
  EXPECT_EQ(in_wallet(owner), full);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM promotion_assignment WHERE claimed_at IS NULL"), 1);
  EXPECT_EQ(events("PROMOTION_CLAIMED"), 0);

  tell(claim, std::nullopt, 1);
  EXPECT_EQ(refusals(), std::vector<std::string>{}) << "it is not lost";
  EXPECT_TRUE(reason().contains("wallet")) << reason();
  EXPECT_EQ(retry(), "open");
  empty_wallet(owner, 1);
  hub_.clock.wall += days{3};
  EXPECT_EQ(retry(), "applied") << "by its own day";
  EXPECT_EQ(in_wallet(owner), hub::ledger::money_balance_max);
  EXPECT_EQ(ask(claim).outcome, ClaimOutcome::claimed);
  EXPECT_EQ(events("PROMOTION_CLAIMED"), 1);
}

// Offline the till says 20.00; staff makes it 0.05, and then switches it off.
TEST_F(TillClaims, AreBookedWithTheAmountThatTheTillHasTold) {
  const UserId owner = add_owner();
  assign(owner);
  store_.look();
  const auto name = promotion_.id.str();
  const Digest told = sync::sha256(store_.items(sync::ItemKind::promotion).at(name));
  change({.title = "Five cents", .amount = "0.05"});
  store_.look();
  ASSERT_NE(sync::sha256(store_.items(sync::ItemKind::promotion).at(name)), told);
  const auto claim_by = [&](const Uuid& claim, const Digest& terms) {
    store_.history().add(sync::PromotionClaimed{.claim = claim,
                                                .customer = CustomerId(card),
                                                .promotion = promotion_.id,
                                                .transaction = TransactionId("T-1"),
                                                .claimed_at = hub_.clock.wall,
                                                .terms = terms});
    store_.sync();
  };
  claim_by(hub_.uuids.next(), sync::sha256("{}"));
  EXPECT_EQ(dead_letters(), 1) << "the store has made it up";
  EXPECT_EQ(in_wallet(owner), 0);
  const Uuid claim = hub_.uuids.next();
  claim_by(claim, told);
  EXPECT_EQ(dead_letters(), 1);
  EXPECT_EQ(in_wallet(owner), 2000);
  EXPECT_EQ(ask(claim).credit->amount, promotion_.amount);
  EXPECT_TRUE(hub_.rows("SELECT data FROM event_outbox WHERE type = 'PROMOTION_CLAIMED'")
                  .at(0)
                  .text(0)
                  .contains(R"("title":"Twenty")"));
}

TEST_F(TillClaims, AreOfTheHubsTimeWhileATillWaitsAndOfNoTimeToComeElse) {
  const UserId owner = add_owner();
  assign(owner);
  hub_.clock.wall += days{1};
  EXPECT_EQ(ask(hub_.uuids.next(), std::nullopt, -days{1}).outcome, ClaimOutcome::not_active);
  hub_.clock.wall -= days{1};
  const Uuid claim = hub_.uuids.next();
  store_.history().add(sync::PromotionClaimed{.claim = claim,
                                              .customer = CustomerId(card),
                                              .promotion = promotion_.id,
                                              .transaction = TransactionId("T-1"),
                                              .claimed_at = hub_.clock.wall + days{400}});
  store_.sync();
  EXPECT_EQ(in_wallet(owner), 2000);
  const WallTime heard = hub_.clock.wall;
  hub_.clock.wall += seconds{9};
  EXPECT_EQ(ask(claim, std::nullopt, days{400}).credit->claimed_at, heard) << "a claim has one time";
}

// In a new epoch a store may send all it has once more.
TEST_F(TillClaims, ThatWereRefusedStayRefusedWhateverComesAfter) {
  const UserId owner = add_owner();
  assign(owner);
  hub_.execute("UPDATE promotion SET is_active = 0");
  const Uuid claim = hub_.uuids.next();
  tell(claim);
  EXPECT_EQ(refusals(), std::vector<std::string>{"not_active"});
  hub_.execute("UPDATE promotion SET is_active = 1");
  tell(claim);
  EXPECT_EQ(ask(claim).outcome, ClaimOutcome::not_active) << "the member was told so";
  EXPECT_EQ(in_wallet(owner), 0);
  EXPECT_EQ(events("PROMOTION_CLAIM_REFUSED"), 1);
  EXPECT_EQ(ask(hub_.uuids.next()).outcome, ClaimOutcome::claimed) << "another claim is not that one";
  EXPECT_EQ(in_wallet(owner), 2000);
}

TEST_F(TillClaims, OfNobodyOrNothingAreWrittenDownWithoutTellingAnybody) {
  tell(hub_.uuids.next());
  add_owner();
  tell(hub_.uuids.next(), hub_.uuids.next());
  EXPECT_EQ(refusals(), (std::vector<std::string>{"not_assigned", "not_assigned"}));
  EXPECT_EQ(events("PROMOTION_CLAIM_REFUSED"), 0);
}

}  // namespace
}  // namespace perkline::test
