#include "pdi_client/answers.hpp"

#include <gtest/gtest.h>

#include "shared/core/limits.hpp"

namespace perkline::pdi {
namespace {

const ProviderSessionId session("sess_abc123");

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

const std::string identified =
    R"({"sessionId":"sess_abc123","status":"active","customerName":"John Doe","currentPoints":5000,"tier":"Gold"})";
const std::string rewards =
    R"({"earnedPoints":450,"multiplier":3.0,"bonusPoints":150,"breakdown":{"basePoints":300,"tierBonus":150}})";
const std::string finalized =
    R"({"sessionId":"sess_abc123","status":"finalized","earnedPoints":450,"redeemedPoints":0,"newBalance":5450,"receiptId":"RCP-2025-001"})";

/// Everything that a points value may not be.
constexpr std::string_view bad_points[] = {
    "-1",   "450.5",   "450.0", "1e3",  "1000000000001", "99999999999999999999",
    "null", "\"450\"", "true",  "[450]"};

FinalizeCall finalize_call(std::optional<Points> redeem = std::nullopt) {
  return {.session = session,
          .transaction = TransactionId("TXN-1"),
          .final_amount = Money{15'000, *find_currency("USD")},
          .redeem = redeem};
}

TEST(PdiAnswers, IdentifyIsRead) {
  const auto answer = read_identified(identified);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->session, session);
  EXPECT_EQ(answer->customer_name, "John Doe");
  EXPECT_EQ(answer->current_points.count, 5000);
  EXPECT_EQ(answer->tier, "Gold");
}

TEST(PdiAnswers, IdentifyIsHeldToWhatItMustBe) {
  for (const auto bad : bad_points) EXPECT_FALSE(read_identified(replaced(identified, "5000", bad))) << bad;
  EXPECT_FALSE(read_identified(replaced(identified, "\"sess_abc123\"", "\"\"")));
  EXPECT_FALSE(read_identified(replaced(identified, "\"sess_abc123\"", "17")));
  EXPECT_FALSE(read_identified(replaced(identified, "\"Gold\"", "3")));
  EXPECT_FALSE(read_identified(replaced(identified, "\"John Doe\"", "null")));
  EXPECT_FALSE(read_identified(replaced(identified, "sess_abc123", "sess\\r\\nX-Evil: 1")));
}

TEST(PdiAnswers, WhatIsNoJsonObjectIsMalformed) {
  for (const std::string_view bad :
       {"", "null", "[]", "\"ok\"", "<html>", "{", R"({"sessionId":)", R"({"a":1}{"a":1})"}) {
    EXPECT_FALSE(read_identified(bad)) << bad;
    EXPECT_FALSE(read_rewards(bad, session)) << bad;
    EXPECT_FALSE(read_finalized(bad, finalize_call())) << bad;
    EXPECT_FALSE(read_status(bad, session)) << bad;
  }
}

TEST(PdiAnswers, RewardsAreReadInPdisOrder) {
  const auto answer = read_rewards(rewards, session);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->earned.count, 450);
  EXPECT_EQ(answer->multiplier, 3.0);
  EXPECT_EQ(answer->bonus.count, 150);
  ASSERT_EQ(answer->breakdown.size(), 2u);
  EXPECT_EQ(answer->breakdown[0], (std::pair<std::string, Points>("basePoints", {300})));
  EXPECT_EQ(answer->breakdown[1], (std::pair<std::string, Points>("tierBonus", {150})));
}

TEST(PdiAnswers, RewardsAreHeldToWhatTheyMustBe) {
  for (const auto bad : bad_points) {
    EXPECT_FALSE(read_rewards(replaced(rewards, "450", bad), session)) << bad;
    EXPECT_FALSE(read_rewards(replaced(rewards, "\"bonusPoints\":150", "\"bonusPoints\":" + std::string(bad)),
                              session))
        << bad;
    EXPECT_FALSE(read_rewards(replaced(rewards, "300", bad), session)) << bad;
  }
  for (const std::string_view bad : {"-1", "\"3.0\"", "null", "1e300", "1000001"})
    EXPECT_FALSE(read_rewards(replaced(rewards, "3.0", bad), session)) << bad;
  EXPECT_FALSE(read_rewards(replaced(rewards, R"({"basePoints":300,"tierBonus":150})", "[]"), session));
}

TEST(PdiAnswers, RewardsNeedNotNameTheirSessionButMustNotNameAnother) {
  EXPECT_TRUE(read_rewards(replaced(rewards, "{", R"({"sessionId":"sess_abc123",)"), session));
  EXPECT_FALSE(read_rewards(replaced(rewards, "{", R"({"sessionId":"sess_other",)"), session));
  EXPECT_FALSE(read_rewards(replaced(rewards, "{", R"({"sessionId":5,)"), session));
}

TEST(PdiAnswers, FinalizeIsRead) {
  const auto answer = read_finalized(finalized, finalize_call());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->earned.count, 450);
  EXPECT_EQ(answer->redeemed.count, 0);
  EXPECT_EQ(answer->new_balance.count, 5450);
  EXPECT_EQ(answer->receipt.str(), "RCP-2025-001");
}

TEST(PdiAnswers, FinalizeIsHeldToWhatItMustBe) {
  for (const auto bad : bad_points) {
    EXPECT_FALSE(read_finalized(replaced(finalized, ":450", ":" + std::string(bad)), finalize_call())) << bad;
    EXPECT_FALSE(read_finalized(replaced(finalized, "5450", bad), finalize_call())) << bad;
    if (bad != "null") {
      EXPECT_FALSE(read_finalized(replaced(finalized, ":0,", ":" + std::string(bad) + ","), finalize_call()))
          << bad;
    }
  }
  EXPECT_FALSE(read_finalized(replaced(finalized, "sess_abc123", "sess_other"), finalize_call()));
  EXPECT_FALSE(read_finalized(replaced(finalized, "\"finalized\"", "\"calculated\""), finalize_call()));
  EXPECT_FALSE(read_finalized(replaced(finalized, "\"RCP-2025-001\"", "null"), finalize_call()));
}

TEST(PdiAnswers, RedeemedPointsMayBeLeftOutOnlyWhereNoneWereAskedFor) {
  const std::string without = replaced(finalized, R"("redeemedPoints":0,)", "");
  EXPECT_TRUE(read_finalized(without, finalize_call()));
  EXPECT_TRUE(read_finalized(without, finalize_call(Points{0})));
  EXPECT_FALSE(read_finalized(without, finalize_call(Points{100})));
}

TEST(PdiAnswers, StatusHasFiguresExactlyWhenFinalized) {
  const auto open =
      read_status(R"({"sessionId":"sess_abc123","status":"calculated","earnedPoints":"?"})", session);
  ASSERT_TRUE(open);
  EXPECT_EQ(open->status, "calculated");
  EXPECT_FALSE(open->finalized);

  const auto done = read_status(finalized, session);
  ASSERT_TRUE(done);
  ASSERT_TRUE(done->finalized);
  EXPECT_EQ(done->finalized->new_balance.count, 5450);
}

TEST(PdiAnswers, StatusIsHeldToWhatItMustBe) {
  EXPECT_FALSE(read_status(R"({"sessionId":"sess_other","status":"active"})", session));
  EXPECT_FALSE(read_status(R"({"status":"active"})", session));
  EXPECT_FALSE(read_status(R"({"sessionId":"sess_abc123","status":"perhaps"})", session));
  EXPECT_FALSE(read_status(R"({"sessionId":"sess_abc123"})", session));
  EXPECT_FALSE(read_status(replaced(finalized, R"("redeemedPoints":0,)", ""), session));
  for (const auto bad : bad_points)
    EXPECT_FALSE(read_status(replaced(finalized, "5450", bad), session)) << bad;
}

TEST(PdiAnswers, RefusalIsBoundedAndWithoutControlCharacters) {
  const ProviderFault plain = read_refusal(R"({"code":"BLOCKED","message":"the customer is blocked"})");
  EXPECT_EQ(plain, (ProviderFault{"BLOCKED", "the customer is blocked"}));
  EXPECT_EQ(read_refusal(R"({"code":"A\u0000B","message":"x\r\n\u001b[31my"})"),
            (ProviderFault{"A B", "x   [31my"}));
  const ProviderFault longest = read_refusal(R"({"code":"c","message":")" + std::string(5000, 'm') + "\"}");
  EXPECT_EQ(longest.message.size(), limits::text_bytes_max);
}

TEST(PdiAnswers, RefusalWithoutWordsIsEmpty) {
  for (const std::string_view body : {"", "<html>", "[]", "{}", R"({"code":7,"message":null})"})
    EXPECT_EQ(read_refusal(body), ProviderFault{}) << body;
}

TEST(PdiAnswers, StatusesMeanWhatTheTableSays) {
  for (const int good : {200, 201, 204, 299}) EXPECT_EQ(outcome_of(good), std::nullopt) << good;
  for (const int refused : {400, 404, 409, 422}) EXPECT_EQ(outcome_of(refused), Outcome::rejected) << refused;
  EXPECT_EQ(outcome_of(401), Outcome::unauthorized);
  EXPECT_EQ(outcome_of(403), Outcome::forbidden);
  EXPECT_EQ(outcome_of(429), Outcome::rate_limited);
  for (const int broken :
       {100, 199, 301, 302, 304, 402, 405, 408, 410, 413, 415, 418, 500, 502, 503, 504, 599, 0})
    EXPECT_EQ(outcome_of(broken), Outcome::unavailable) << broken;
}

TEST(PdiAnswers, EachOutcomeHasItsName) {
  EXPECT_EQ(name_of(Outcome::rejected), "rejected");
  EXPECT_EQ(name_of(Outcome::rate_limited), "rate_limited");
  EXPECT_EQ(name_of(Outcome::unauthorized), "unauthorized");
  EXPECT_EQ(name_of(Outcome::forbidden), "forbidden");
  EXPECT_EQ(name_of(Outcome::unavailable), "unavailable");
  EXPECT_EQ(name_of(Outcome::not_tried), "not_tried");
}

}  // namespace
}  // namespace perkline::pdi
