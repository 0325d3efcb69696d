#include "tests/unit/edge/programme_claims_subject.hpp"

namespace perkline::edge::programme {
namespace {

TEST_F(ClaimsTest, WithoutTheHubItIsPendingAndStaysWhatWasTold) {
  hub.up = false;
  const auto answer = claim("C-1", welcome);
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->status, 202);
  EXPECT_EQ(text_in(answer->body, {"status"}), "pending");
  EXPECT_EQ(text_in(answer->body, {"claim", "promotionId"}), welcome.str());
  EXPECT_EQ(text_in(answer->body, {"amount"}), "20.00");
  ASSERT_EQ(pending().size(), 1u);
  EXPECT_EQ(pending()[0].customer, CustomerId("CUST-12345"));
  EXPECT_EQ(pending()[0].promotion, welcome);
  EXPECT_EQ(pending()[0].transaction, TransactionId("C-1"));
  EXPECT_EQ(life->events().back().traceparent, trace);
  EXPECT_TRUE(listed().empty());
  hub.up = true;
  start();
  const auto again = claim("C-1", welcome);
  EXPECT_EQ(again->body, answer->body);
  EXPECT_EQ(again->status, 202);
  EXPECT_TRUE(hub.claims.empty());
  EXPECT_EQ(claim_refused("C-2", welcome), Errc::already_claimed) << "once at this store";
  EXPECT_EQ(pending().size(), 1u);
}

TEST_F(ClaimsTest, WhatThePendingOneComesToIsToldOnceTheHubHasDecided) {
  hub.up = false;
  const auto pending_answer = claim("C-1", welcome);
  ASSERT_EQ(pending_answer->status, 202);
  hub.up = true;
  skip(minutes{3});
  EXPECT_TRUE(hub.claims.empty()) << "it has not heard of it yet";
  acknowledge();
  hub.up = false;
  skip(minutes{3});
  EXPECT_TRUE(hub.claims.empty()) << "nobody is asked who is away";
  hub.up = true;
  hub.takes = Millis{2500};
  skip(minutes{2});
  EXPECT_GE(hub.claims.size(), 1u);
  EXPECT_LE(hub.claims.size(), 3u) << "one that does not answer is asked again later";
  EXPECT_EQ(claim("C-1", welcome)->body, pending_answer->body);
  hub.takes = Millis{10};
  start();
  skip(minutes{3});
  EXPECT_EQ(hub.claims.back().claim, pending()[0].claim);
  const std::size_t asked = hub.claims.size();
  const auto final_answer = claim("C-1", welcome);
  EXPECT_EQ(final_answer->status, 200);
  EXPECT_EQ(text_in(final_answer->body, {"transaction", "amount"}), "20.00");
  skip(minutes{10});
  start();
  skip(minutes{3});
  EXPECT_EQ(hub.claims.size(), asked) << "and nothing more";
  EXPECT_EQ(claim("C-1", welcome)->body, final_answer->body);
  hub.up = false;
  EXPECT_EQ(claim_refused("C-2", welcome), Errc::already_claimed);
  hub.up = true;
  EXPECT_EQ(claim("C-2", welcome)->status, 200)
      << "the hub decides while it is there: it may have been restored";
  EXPECT_EQ(claim("C-1", welcome)->body, final_answer->body);
}

TEST_F(ClaimsTest, APendingOneThatTheHubRefusesIsToldAndTheNextOfferCanBeClaimed) {
  hub.up = false;
  ASSERT_EQ(claim("C-1", welcome)->status, 202);
  ASSERT_TRUE(life->run(life->outbox->adopt(2)));
  hub.up = true;
  hub.claim = [this](const sync::ClaimRequest& request) {
    return says(request, sync::ClaimOutcome::not_active);
  };
  skip(minutes{3});
  EXPECT_TRUE(hub.claims.empty()) << "told anew in the new epoch, and not acknowledged there";
  acknowledge();
  skip(minutes{3});
  ASSERT_EQ(hub.claims.size(), 1u);
  EXPECT_EQ(claim_refused("C-1", welcome), Errc::promotion_not_active);
  start();
  EXPECT_EQ(claim_refused("C-1", welcome), Errc::promotion_not_active);
  EXPECT_EQ(claim_refused("C-1", later), Errc::transaction_reused);
  EXPECT_EQ(hub.claims.size(), 1u);
  EXPECT_EQ(listed(), std::vector<std::string>{welcome.str()});
  hub.claim = [this](const sync::ClaimRequest& request) {
    return says(request, sync::ClaimOutcome::claimed);
  };
  EXPECT_EQ(claim("C-2", welcome)->status, 200);
  ASSERT_TRUE(life->run(programme->forget_claims(outside.time.wall - minutes{1}, 64)));
  hub.up = false;
  EXPECT_EQ(claim_refused("C-3", welcome), Errc::already_claimed) << "the mark is the second one's";
}

TEST_F(ClaimsTest, APendingOneWaitsForRoomInTheWalletAndIsForgottenInTime) {
  hub.up = false;
  ASSERT_EQ(claim("C-1", welcome)->status, 202);
  hub.up = true;
  hub.claim = [this](const sync::ClaimRequest& request) {
    return says(request, sync::ClaimOutcome::balance_limit);
  };
  acknowledge();
  skip(minutes{30});
  EXPECT_EQ(hub.claims.size(), 1u) << "not again for an hour";
  EXPECT_EQ(claim("C-1", welcome)->status, 202);
  skip(hours{2});
  EXPECT_EQ(hub.claims.size(), 3u);
  EXPECT_EQ(life->run(programme->forget_claims(outside.time.wall, 64)), 1u);
  skip(hours{2});
  EXPECT_EQ(hub.claims.size(), 3u);
}

TEST_F(ClaimsTest, AnAnswerThatDoesNotComeIsNotWaitedForLongerThanATillMay) {
  hub.takes = Millis{2500};
  const MonoTime before = outside.time.mono;
  const auto answer = claim("C-1", welcome);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 202);
  EXPECT_GE(outside.time.mono - before, Millis{2000});
  EXPECT_LT(outside.time.mono - before, Millis{2100});
  ASSERT_EQ(pending().size(), 1u);
  EXPECT_EQ(pending()[0].claim, hub.claims.at(0).claim) << "one claim at the hub";
  skip(seconds{1});
  EXPECT_EQ(claim("C-1", welcome)->body, answer->body);
}

TEST_F(ClaimsTest, WithoutTheHubOfAMemberWhomItHasToldOfOnlyWhatItHasToldIsClaimed) {
  hub.up = false;
  EXPECT_EQ(claim_refused("C-1", uuid_of(7)), Errc::not_found);
  assign({}, "CUST-00002");
  EXPECT_EQ(claim_refused("C-1", welcome, "CUST-00002"), Errc::not_found);
  EXPECT_EQ(claim_refused("C-1", later), Errc::promotion_not_active) << "it has not begun";
  catalogue.gone(sync::ItemKind::promotion, welcome.str());
  offer();
  EXPECT_EQ(claim_refused("C-1", welcome), Errc::promotion_not_active);
  EXPECT_TRUE(life->events().empty());
  hub.up = true;
  hub.claim = [](const sync::ClaimRequest&) { return std::nullopt; };
  const auto unknown = claim("C-4", welcome, "CUST-00002");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::overloaded) << "it may have been booked all the same";
  EXPECT_TRUE(unknown.error().retry_after);
}

TEST_F(ClaimsTest, WithoutTheHubAClaimOfAMemberWhomItHasNeverToldOfIsItsToDecide) {
  const std::string stranger = "CUST-00002";
  Till till = till_of("T-1");
  till.customer = CustomerId(stranger);
  outside.pdi.add({.id = till.customer, .name = "Ann", .tier = "Base", .balance = Points{0}});
  ASSERT_FALSE(life->identify(till).empty()) << "PDI knows them, but not what is theirs";
  hub.up = false;
  const auto answer = claim("C-1", welcome, stranger);
  ASSERT_TRUE(answer) << name_of(answer.error().code);
  EXPECT_EQ(answer->status, 202) << "whether it is theirs the store cannot know";
  ASSERT_EQ(pending().size(), 1u);
  EXPECT_EQ(pending()[0].customer.str(), stranger);
  EXPECT_EQ(claim_refused("C-2", welcome, stranger), Errc::already_claimed) << "once";
  EXPECT_EQ(claim_refused("C-3", later, stranger), Errc::promotion_not_active) << "it has not begun";
  EXPECT_EQ(claim_refused("C-3", uuid_of(7), stranger), Errc::not_found) << "there is none";
  hub.up = true;
  hub.claim = [this](const sync::ClaimRequest& request) {
    return says(request, sync::ClaimOutcome::not_assigned);
  };
  acknowledge();
  skip(minutes{3});
  EXPECT_EQ(claim_refused("C-1", welcome, stranger), Errc::not_found) << "the hub's word";
}

TEST_F(ClaimsTest, WhereTheHubHasNeverToldOfPromotionsNobodyKnowsWithoutIt) {
  has_catalogue = false;
  catalogue.items.clear();
  start();
  hub.up = false;
  EXPECT_EQ(claim_refused("C-1", welcome), Errc::overloaded);
  EXPECT_EQ(claim_refused("C-1", welcome, "CUST-00002"), Errc::overloaded);
  has_hub = false;
  start();
  EXPECT_EQ(claim_refused("C-1", welcome, "CUST-00002"), Errc::not_found) << "without a hub there are none";
}

TEST_F(ClaimsTest, WhatTheHubMayHaveBookedIsNotDeniedWhileItIsAway) {
  const std::string other = "CUST-00002";
  assign({}, other);
  hub.claim = [](const sync::ClaimRequest&) { return std::nullopt; };
  EXPECT_EQ(claim_refused("C-1", welcome, other), Errc::overloaded);
  hub.up = false;
  EXPECT_EQ(claim_refused("C-1", welcome, other), Errc::overloaded);
  EXPECT_EQ(claim_refused("C-2", welcome, other), Errc::not_found) << "nobody was asked about that one";
  crash(1);
  EXPECT_EQ(claim_refused("C-1", welcome, other), Errc::overloaded) << "also of the next life";
  assign({welcome}, other);
  catalogue.gone(sync::ItemKind::promotion, welcome.str());
  offer();
  EXPECT_EQ(claim_refused("C-1", welcome, other), Errc::overloaded)
      << "it may have been booked before it ended";
  hub.up = true;
  hub.claim = [this](const sync::ClaimRequest& request) {
    return says(request, sync::ClaimOutcome::claimed);
  };
  EXPECT_EQ(claim("C-1", welcome, other)->status, 200);
  EXPECT_EQ(hub.claims.front().claim, hub.claims.back().claim);
}

TEST_F(ClaimsTest, WhatTheHubMayHaveBookedIsNotDeniedForWhatWasClaimedAfterIt) {
  outside.disk.sync_time = Millis{4};
  life->start(programme->claims().claim(
      {.customer = CustomerId("CUST-12345"), .promotion = welcome, .transaction = TransactionId("C-1")},
      trace));
  skip(Millis{6});
  ASSERT_EQ(hub.claims.size(), 1u) << "it has booked it";
  crash(1);
  hub.up = false;
  EXPECT_EQ(claim("C-2", welcome)->status, 202);
  EXPECT_EQ(claim_refused("C-1", welcome), Errc::overloaded);
  EXPECT_EQ(claim_refused("C-3", welcome), Errc::already_claimed) << "nobody was asked about that one";
  hub.up = true;
  EXPECT_EQ(claim("C-1", welcome)->status, 200);
  EXPECT_EQ(hub.claims.front().claim, hub.claims.back().claim);
}

TEST_F(ClaimsTest, WhatTheHubHasRefusedIsInNoDoubtWhileItIsAway) {
  const std::string other = "CUST-00002";
  assign({}, other);
  ASSERT_EQ(claim("C-1", welcome)->status, 200);
  hub.claim = [this](const sync::ClaimRequest& request) {
    return says(request, request.customer == CustomerId("CUST-00002") ? sync::ClaimOutcome::not_assigned
                                                                      : sync::ClaimOutcome::already_claimed);
  };
  EXPECT_EQ(claim_refused("C-2", welcome), Errc::already_claimed);
  EXPECT_EQ(claim_refused("C-3", welcome, other), Errc::not_found);
  const auto expect_refused_again = [&](const char* when) {
    EXPECT_EQ(claim_refused("C-2", welcome), Errc::already_claimed) << when;
    EXPECT_EQ(claim_refused("C-3", welcome, other), Errc::not_found) << when;
  };
  hub.up = false;
  expect_refused_again("the hub is away");
  crash(1);
  expect_refused_again("the next life");
  hub.up = true;
  expect_refused_again("asked once more");
  hub.up = false;
  expect_refused_again("and away again");
}

TEST_F(ClaimsTest, ARefusalDoesNotEndTheDoubtAboutAnEarlierQuestion) {
  const std::string other = "CUST-00002";
  assign({}, other);
  hub.claim = [](const sync::ClaimRequest&) { return std::nullopt; };
  EXPECT_EQ(claim_refused("C-1", welcome, other), Errc::overloaded);
  hub.claim = [this](const sync::ClaimRequest& request) {
    return says(request, sync::ClaimOutcome::balance_limit);
  };
  EXPECT_EQ(claim_refused("C-1", welcome, other), Errc::balance_limit);
  hub.up = false;
  EXPECT_EQ(claim_refused("C-1", welcome, other), Errc::overloaded)
      << "what it has not answered may come to it later, and find room in the wallet";
}

TEST_F(ClaimsTest, WhatTheHubWasAskedAboutIsForgottenInTime) {
  const std::string other = "CUST-00002";
  assign({}, other);
  hub.claim = [](const sync::ClaimRequest&) { return std::nullopt; };
  EXPECT_EQ(claim_refused("C-1", welcome, other), Errc::overloaded);
  skip(hours{2});
  EXPECT_EQ(claim_refused("C-2", welcome, other), Errc::overloaded);
  EXPECT_EQ(life->run(programme->forget_claims(outside.time.wall - hours{1}, 64)), 1u);
  EXPECT_EQ(life->run(programme->forget_claims(outside.time.wall + hours{1}, 64)), 1u);
  EXPECT_EQ(life->run(programme->forget_claims(outside.time.wall + hours{1}, 64)), 0u);
}

}  // namespace
}  // namespace perkline::edge::programme
