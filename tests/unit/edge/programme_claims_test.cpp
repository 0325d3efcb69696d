#include "shared/core/down_limits.hpp"
#include "tests/unit/edge/programme_claims_subject.hpp"

namespace perkline::edge::programme {
namespace {

TEST_F(ClaimsTest, WhatTheMemberMayClaimNowIsListed) {
  EXPECT_EQ(listed(), std::vector<std::string>{welcome.str()}) << "the other one has not begun";
  EXPECT_TRUE(listed("CUST-00002").empty());
  skip(hours{24});
  EXPECT_EQ(listed(), (std::vector<std::string>{welcome.str(), later.str()}));
  catalogue.gone(sync::ItemKind::promotion, welcome.str());
  offer();
  EXPECT_EQ(listed(), std::vector<std::string>{later.str()}) << "ended by staff";
  start();
  EXPECT_EQ(listed(), std::vector<std::string>{later.str()}) << "also by the next life";
  assign({});
  EXPECT_TRUE(listed().empty());
}

TEST_F(ClaimsTest, WhoHasNeverBoughtHereIsListedWhatTheHubKnowsAndItIsKept) {
  const std::string stranger = "CUST-00002";
  hub.member = [&](const sync::MemberRequest& request) {
    return sync::MemberSnapshot{.member = sync::member_hash(request.customer),
                                .name = "Ben",
                                .tier = "Gold",
                                .promotions = {welcome}};
  };
  EXPECT_EQ(listed(stranger), std::vector<std::string>{welcome.str()});
  EXPECT_EQ(hub.members.at(0).customer, CustomerId(stranger));
  hub.up = false;
  start();
  EXPECT_EQ(listed(stranger), std::vector<std::string>{welcome.str()}) << "also by the next life, without it";
  EXPECT_EQ(hub.members.size(), 1u) << "nobody is asked who is away";
  EXPECT_EQ(claim("C-1", welcome, stranger)->status, 202);
  hub.up = true;
  hub.member = [](const sync::MemberRequest&) { return std::nullopt; };
  EXPECT_TRUE(listed("CUST-00003").empty()) << "a card that it does not know";
  EXPECT_EQ(listed(), std::vector<std::string>{welcome.str()}) << "nor does that take anything from anybody";
}

TEST_F(ClaimsTest, WhatWasListedOnceIsNoReasonToDenyWhatWasAssignedSince) {
  hub.member = [](const sync::MemberRequest& request) {
    return sync::MemberSnapshot{.member = sync::member_hash(request.customer), .name = "Ben"};
  };
  EXPECT_TRUE(listed("CUST-00002").empty());
  hub.up = false;
  EXPECT_EQ(claim("C-1", welcome, "CUST-00002")->status, 202)
      << "only the hub knows whether it is theirs by now";
}

TEST_F(ClaimsTest, AListWaitsForTheHubNoLongerThanATillMay) {
  hub.member = [&](const sync::MemberRequest& request) {
    return sync::MemberSnapshot{.member = sync::member_hash(request.customer), .promotions = {}};
  };
  hub.takes = limits::member_answer_wait - Millis{1};
  EXPECT_TRUE(listed().empty()) << "claimed on the web a moment ago";
  assign({welcome});
  hub.takes = limits::member_answer_wait + Millis{1};
  const MonoTime before = outside.time.mono;
  EXPECT_EQ(listed(), std::vector<std::string>{welcome.str()}) << "what it told before";
  EXPECT_EQ(outside.time.mono - before, limits::member_answer_wait);
}

TEST_F(ClaimsTest, WhoTheHubSaysIsBlockedIsListedNothing) {
  hub.member = [](const sync::MemberRequest& request) {
    return sync::MemberSnapshot{.member = sync::member_hash(request.customer), .blocked = true};
  };
  const auto list = life->run(programme->claims().promotions(CustomerId("CUST-00002")));
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().code, Errc::pdi_rejected);
}

TEST_F(ClaimsTest, TheHubsWordIsTheAnswerAndIsToldAgain) {
  const auto answer = claim("C-1", welcome);
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(text_in(answer->body, {"status"}), "claimed");
  EXPECT_EQ(text_in(answer->body, {"claim", "promotionId"}), welcome.str());
  EXPECT_EQ(text_in(answer->body, {"claim", "userId"}), "0190163d-8694-739b-aea5-966c26f8ad91");
  EXPECT_EQ(text_in(answer->body, {"transaction", "amount"}), "20.00");
  EXPECT_EQ(text_in(answer->body, {"transaction", "transactionType"}), "CREDIT");
  EXPECT_EQ(text_in(answer->body, {"transaction", "additionalData", "promotionId"}), welcome.str());
  EXPECT_EQ(text_in(answer->body, {"balance", "available"}), "21.50");
  ASSERT_EQ(pending().size(), 1u) << "for a hub that is restored to before it";
  EXPECT_EQ(pending()[0].claim, hub.claims.at(0).claim) << "so that it has no effect where it is known";
  EXPECT_EQ(hub.claims.at(0).traceparent, trace);
  EXPECT_TRUE(listed().empty());

  hub.up = false;
  start();
  const auto again = claim("C-1", welcome);
  EXPECT_EQ(again->body, answer->body);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(claim_refused("C-2", welcome), Errc::already_claimed);
  EXPECT_EQ(hub.claims.size(), 1u);
}

TEST_F(ClaimsTest, TheHubsRefusalsAreToldAndNothingIsKept) {
  const auto refuse = [this](sync::ClaimOutcome outcome) {
    hub.claim = [this, outcome](const sync::ClaimRequest& request) { return says(request, outcome); };
  };
  refuse(sync::ClaimOutcome::already_claimed);
  EXPECT_EQ(claim_refused("C-1", welcome), Errc::already_claimed);
  refuse(sync::ClaimOutcome::not_active);
  EXPECT_EQ(claim_refused("C-1", welcome), Errc::promotion_not_active);
  refuse(sync::ClaimOutcome::balance_limit);
  EXPECT_EQ(claim_refused("C-1", welcome), Errc::balance_limit);
  refuse(sync::ClaimOutcome::not_assigned);
  EXPECT_EQ(claim_refused("C-1", welcome), Errc::not_found);
  EXPECT_TRUE(life->events().empty());
  refuse(sync::ClaimOutcome::claimed);
  EXPECT_EQ(claim("C-1", welcome)->status, 200);
  ASSERT_EQ(hub.claims.size(), 5u);
  for (const auto& asked : hub.claims) EXPECT_EQ(asked.claim, hub.claims[0].claim) << "one claim";
}

TEST_F(ClaimsTest, OfWhoIsForgottenNoCardIsLeftInClaimsWithoutAMarkEither) {
  hub.up = false;
  ASSERT_EQ(claim("C-1", welcome)->status, 202);
  hub.up = true;
  hub.claim = [this](const sync::ClaimRequest& request) {
    return says(request, sync::ClaimOutcome::not_active);
  };
  acknowledge();
  skip(minutes{3});
  ASSERT_EQ(claim_refused("C-1", welcome), Errc::promotion_not_active);
  ASSERT_TRUE(life->run(programme->forget_member({.id = uuid_of(50),
                                                  .member = sync::member_hash(CustomerId("CUST-12345")),
                                                  .token = CustomerId("erased-1"),
                                                  .requested_at = outside.time.wall})));
  EXPECT_TRUE(life->journal.scan(journal::Family::prizes_leased, "",
                                 [](std::string_view key, std::string_view value) {
                                   EXPECT_EQ(value.find("CUST-12345"), value.npos) << key;
                                   return true;
                                 }));
}

TEST_F(ClaimsTest, ABlockedMemberClaimsNothing) {
  ASSERT_EQ(claim("C-1", welcome)->status, 200);
  block();
  for (const bool up : {true, false}) {
    hub.up = up;
    EXPECT_EQ(claim_refused("C-2", later), Errc::pdi_rejected);
    const auto list = life->run(programme->claims().promotions(CustomerId("CUST-12345")));
    ASSERT_FALSE(list);
    EXPECT_EQ(list.error().code, Errc::pdi_rejected);
    EXPECT_EQ(list.error().provider->code, "BLOCKED");
  }
  EXPECT_EQ(hub.claims.size(), 1u);
  EXPECT_TRUE(claim("C-1", welcome)->replayed) << "what was told stays told";
}

TEST_F(ClaimsTest, ATransactionStandsForOneCall) {
  const Till till = sold("T-1");
  EXPECT_EQ(claim_refused("T-1", welcome), Errc::transaction_reused);
  ASSERT_TRUE(claim("C-1", welcome));
  EXPECT_EQ(claim_refused("C-1", later), Errc::transaction_reused);
  EXPECT_EQ(claim_refused("C-1", welcome, "CUST-00002"), Errc::transaction_reused);
  const auto identified = life->run(life->flows.identify(till_of("C-1").identify_request(), trace));
  ASSERT_FALSE(identified);
  EXPECT_EQ(identified.error().code, Errc::transaction_reused);
  const auto returned = life->run(life->flows.return_goods({.original_transaction = till.transaction,
                                                            .transaction = TransactionId("C-1"),
                                                            .amount = Money{100, session::usd()}},
                                                           trace));
  ASSERT_FALSE(returned);
  EXPECT_EQ(returned.error().code, Errc::transaction_reused);
  EXPECT_EQ(refused({till.customer, TransactionId("C-1"), ""}), Errc::session_state) << "no sale";
}

TEST_F(ClaimsTest, TwoThatClaimTheSameAtATimeAreOneClaim) {
  hub.up = false;
  const auto order = [&](const char* transaction) {
    return programme->claims().claim({.customer = CustomerId("CUST-12345"),
                                      .promotion = welcome,
                                      .transaction = TransactionId(transaction)},
                                     trace);
  };
  const auto [first, second] = life->run_both(order("C-1"), order("C-2"));
  EXPECT_NE(first.has_value(), second.has_value());
  EXPECT_EQ((first ? second : first).error().code, Errc::already_claimed);
  EXPECT_EQ(pending().size(), 1u);
  const auto [third, fourth] = life->run_both(order("C-1"), order("C-1"));
  ASSERT_TRUE(third && fourth);
  EXPECT_EQ(third->body, fourth->body);
}

TEST_F(ClaimsTest, ACrashLeavesAClaimOrNone) {
  hub.up = false;
  outside.disk.sync_time = Millis{4};
  life->start(programme->claims().claim(
      {.customer = CustomerId("CUST-12345"), .promotion = welcome, .transaction = TransactionId("C-1")},
      trace));
  skip(Millis{2});
  crash(3);
  EXPECT_EQ(claim("C-1", welcome)->status, 202);
  ASSERT_EQ(pending().size(), 1u);
}

TEST_F(ClaimsTest, ADiskThatGetsFullBeginsNoClaim) {
  outside.room = journal::Room::low;
  EXPECT_EQ(claim_refused("C-1", welcome), Errc::storage_full);
  outside.room = journal::Room::ample;
  const auto answer = claim("C-1", welcome);
  outside.room = journal::Room::low;
  EXPECT_EQ(claim("C-1", welcome)->body, answer->body);
}

TEST_F(ClaimsTest, OfWhoIsForgottenTheTokenStandsInTheCardsPlace) {
  hub.up = false;
  ASSERT_TRUE(claim("C-1", welcome));
  skip(seconds{1});
  const CustomerId token("erased-00112233445566778899aabbccddeeff");
  const sync::Erasure erasure{.id = uuid_of(50),
                              .member = sync::member_hash(CustomerId("CUST-12345")),
                              .token = token,
                              .requested_at = outside.time.wall};
  skip(seconds{1});
  assign({later});
  skip(hours{24});
  ASSERT_TRUE(claim("C-2", later)) << "of somebody who came back with the card since";
  ASSERT_TRUE(life->run(programme->forget_member(erasure)));
  std::string all;
  EXPECT_TRUE(life->journal.scan(journal::Family::prizes_leased, "claim/",
                                 [&](std::string_view key, std::string_view value) {
                                   all.append(key).append(value);
                                   return true;
                                 }));
  EXPECT_NE(all.find(token.str()), all.npos);
  EXPECT_EQ(claim_refused("C-1", welcome), Errc::transaction_reused) << "no card to compare with";
  EXPECT_TRUE(claim("C-2", later)->replayed);
}

TEST_F(ClaimsTest, ClaimsAreForgottenWithTheirNamesAfterTheirTime) {
  hub.up = false;
  ASSERT_TRUE(claim("C-1", welcome));
  skip(hours{24});
  ASSERT_TRUE(claim("C-2", later));
  const auto gone = life->run(programme->forget_claims(outside.time.wall - hours{1}, 64));
  ASSERT_TRUE(gone);
  EXPECT_EQ(*gone, 1u);
  EXPECT_EQ(sold("C-1").session, life->stored(sold("C-1").session).id) << "the name is free again";
  EXPECT_TRUE(claim("C-2", later)->replayed);
}

TEST_F(ClaimsTest, TheIdOfAClaimIsMadeOfWhatItIs) {
  Claim claim{
      .customer = CustomerId("CUST-12345"), .promotion = welcome, .transaction = TransactionId("C-1")};
  const Uuid id = claim_id_of(StoreId("store-1"), claim);
  // sha256sum of "perkline-claim-1", then each text behind its length.
  EXPECT_EQ(id.str(), "b791c450-c99e-83ee-8817-e87667a6723b");
  EXPECT_NE(claim_id_of(StoreId("store-2"), claim), id);
  claim.transaction = TransactionId("C-2");
  EXPECT_NE(claim_id_of(StoreId("store-1"), claim), id);
}

}  // namespace
}  // namespace perkline::edge::programme
