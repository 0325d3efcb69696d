#include <gtest/gtest.h>

#include "edge/api/requests.hpp"

namespace perkline::edge::api {
namespace {

const Currency usd = *find_currency("USD");

std::vector<FieldFault> faults(const Error& error) {
  EXPECT_EQ(error.code, Errc::validation_failed);
  return error.faults;
}

std::vector<std::string> fields_of(const Error& error) {
  std::vector<std::string> names;
  for (const FieldFault& fault : faults(error)) names.push_back(fault.field);
  return names;
}

TEST(Requests, IdentifyIsReadInFull) {
  const auto request =
      parse_identify(R"({"customerId":"CUST-1","channelId":"POS-1","transactionId":"T-1","more":[]})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->customer.str(), "CUST-1");
  EXPECT_EQ(request->channel.str(), "POS-1");
  EXPECT_EQ(request->transaction.str(), "T-1");
}

TEST(Requests, IdentifyTellsAllFaultsAtOnce) {
  const auto request = parse_identify(R"({"customerId":"with space","channelId":7})");
  EXPECT_EQ(fields_of(request.error()),
            (std::vector<std::string>{"customerId", "channelId", "transactionId"}));
}

TEST(Requests, WhatIsNotJsonIsMalformed) {
  EXPECT_EQ(parse_identify("{").error().code, Errc::malformed_json);
  EXPECT_EQ(parse_calculate("", usd).error().code, Errc::malformed_json);
  EXPECT_EQ(parse_finalize("{}{}", usd).error().code, Errc::malformed_json);
  EXPECT_EQ(faults(parse_identify("[]").error()).size(), 1u);
}

TEST(Requests, AmountsCompareByValueNotByText) {
  const auto number =
      parse_calculate(R"({"sessionId":"s","transactionAmount":150.0,"items":[{"sku":"A","qty":2}]})", usd);
  const auto text = parse_calculate(
      R"({"items":[{"qty":"2.000","sku":"A"}],"transactionAmount":"150.00","sessionId":"s"})", usd);
  ASSERT_TRUE(number && text);
  EXPECT_EQ(number->basket, text->basket);
  EXPECT_EQ(number->basket.amount.minor, 15000);
  EXPECT_EQ(number->basket.items[0].quantity.thousandths, 2000);
}

TEST(Requests, CalculateReadsPriceAndCategoryWhereGiven) {
  const auto request = parse_calculate(R"({"sessionId":"s","transactionAmount":"1","items":[)"
                                       R"({"sku":"A","qty":0.125,"unitPrice":"7.5","category":"food"}]})",
                                       usd);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->basket.items[0], (pdi::Item{"A", {125}, Money{750, usd}, "food"}));
}

TEST(Requests, AnEmptyBasketIsFineButNotAMissingOne) {
  EXPECT_TRUE(parse_calculate(R"({"sessionId":"s","transactionAmount":"0","items":[]})", usd));
  EXPECT_EQ(fields_of(parse_calculate(R"({"sessionId":"s","transactionAmount":"0"})", usd).error()),
            (std::vector<std::string>{"items"}));
}

TEST(Requests, EveryFaultyItemIsNamed) {
  const auto request =
      parse_calculate(R"({"sessionId":"s","transactionAmount":"-1","items":[)"
                      R"({"sku":"A","qty":1},{"qty":0},7,{"sku":"D","qty":1,"unitPrice":"1e3"}]})",
                      usd);
  EXPECT_EQ(fields_of(request.error()),
            (std::vector<std::string>{"transactionAmount", "items[1].sku", "items[1].qty", "items[2]",
                                      "items[3].unitPrice"}));
}

TEST(Requests, TakesFiveHundredItemsAndNotOneMore) {
  const auto basket_of = [](std::size_t count) {
    std::string items;
    for (std::size_t i = 0; i < count; ++i)
      items += std::string(i == 0 ? "" : ",") + R"({"sku":"A","qty":1})";
    return R"({"sessionId":"s","transactionAmount":"1","items":[)" + items + "]}";
  };
  EXPECT_TRUE(parse_calculate(basket_of(500), usd));
  EXPECT_EQ(fields_of(parse_calculate(basket_of(501), usd).error()), (std::vector<std::string>{"items"}));
}

TEST(Requests, RedeemingWithoutApplyingRewardsIsAFault) {
  const auto request = parse_finalize(
      R"({"sessionId":"s","transactionId":"t","finalAmount":"1","applyRewards":false,"redeemPoints":0})",
      usd);
  EXPECT_EQ(fields_of(request.error()), (std::vector<std::string>{"redeemPoints"}));
}

TEST(Requests, FinalizeReadsWhatIsRedeemed) {
  const auto request = parse_finalize(
      R"({"sessionId":"s","transactionId":"t","finalAmount":"149.9","applyRewards":true,"redeemPoints":100})",
      usd);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->sale, (session::Sale{Money{14990, usd}, true, Points{100}}));
}

TEST(Requests, RedeemingNothingIsTheSameAsNotSayingSo) {
  const auto nothing = parse_finalize(
      R"({"sessionId":"s","transactionId":"t","finalAmount":"1","applyRewards":true,"redeemPoints":0})", usd);
  const auto unsaid =
      parse_finalize(R"({"sessionId":"s","transactionId":"t","finalAmount":"1","applyRewards":true})", usd);
  ASSERT_TRUE(nothing && unsaid);
  EXPECT_EQ(nothing->sale, unsaid->sale);
}

TEST(Requests, PointsAreWholeAndBounded) {
  const auto with_points = [](std::string_view points) {
    return parse_finalize(
        R"({"sessionId":"s","transactionId":"t","finalAmount":"1","applyRewards":true,"redeemPoints":)" +
            std::string(points) + "}",
        usd);
  };
  EXPECT_TRUE(with_points("1000000000000"));
  for (const auto* wrong : {"1000000000001", "-1", "1.5", "1e2", "\"5\"", "true"}) {
    EXPECT_FALSE(with_points(wrong)) << wrong;
  }
}

TEST(Requests, AReturnIsReadInFullWithTheStoreWhereNamed) {
  const auto plain =
      parse_return(R"({"originalTransactionId":"T-1","transactionId":"R-1","amount":"5.00"})", usd);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->original_transaction.str(), "T-1");
  EXPECT_EQ(plain->transaction.str(), "R-1");
  EXPECT_EQ(plain->amount, (Money{500, usd}));
  EXPECT_FALSE(plain->original_store);
  const auto elsewhere = parse_return(
      R"({"originalTransactionId":"T-1","transactionId":"R-1","amount":5,"originalStoreId":"store-2"})", usd);
  ASSERT_TRUE(elsewhere);
  EXPECT_EQ(elsewhere->original_store, StoreId("store-2"));
  EXPECT_EQ(
      fields_of(parse_return(R"({"amount":"-5","originalStoreId":""})", usd).error()),
      (std::vector<std::string>{"originalTransactionId", "transactionId", "amount", "originalStoreId"}));
}

TEST(Requests, AReturnNamesAStoreThatCouldBeOne) {
  const auto from = [](const std::string& store) {
    return parse_return(
        R"({"originalTransactionId":"T-1","transactionId":"R-1","amount":5,"originalStoreId":")" + store +
            "\"}",
        usd);
  };
  for (const char* right : {"store-1", "A.b_9", "-"}) EXPECT_TRUE(from(right)) << right;
  EXPECT_TRUE(from(std::string(64, 's')));
  for (const std::string& wrong : {std::string("a/b!~"), std::string("store 1"), std::string(65, 's')})
    EXPECT_EQ(fields_of(from(wrong).error()), (std::vector<std::string>{"originalStoreId"})) << wrong;
}

TEST(Requests, ApplyRewardsMustBeSaid) {
  EXPECT_EQ(
      fields_of(parse_finalize(R"({"sessionId":"s","transactionId":"t","finalAmount":"1"})", usd).error()),
      (std::vector<std::string>{"applyRewards"}));
}

}  // namespace
}  // namespace perkline::edge::api
