#include "pdi_client/requests.hpp"

#include <gtest/gtest.h>

namespace perkline::pdi {
namespace {

const Currency usd = *find_currency("USD");

TEST(PdiRequests, IdentifyNamesCustomerTillAndSale) {
  EXPECT_EQ(request_body(IdentifyCall{.customer = CustomerId("CUST-12345"),
                                      .channel = ChannelId("POS-001"),
                                      .transaction = TransactionId("TXN-67890")}),
            R"({"customerId":"CUST-12345","channelId":"POS-001","transactionId":"TXN-67890"})");
}

TEST(PdiRequests, AmountsAndQuantitiesAreNumbersWithTheirDecimals) {
  const CalculateCall call{
      .session = ProviderSessionId("s"),
      .transaction_amount = Money{15'000, usd},
      .items = {{.sku = "SKU-001", .quantity = {2000}, .unit_price = std::nullopt, .category = ""},
                {.sku = "a\"b", .quantity = {125}, .unit_price = Money{5, usd}, .category = "food"}}};
  EXPECT_EQ(request_body(call),
            R"({"sessionId":"s","transactionAmount":150.00,"items":[{"sku":"SKU-001","qty":2},)"
            R"({"sku":"a\"b","qty":0.125,"unitPrice":0.05,"category":"food"}]})");
}

TEST(PdiRequests, LargestAmountIsExact) {
  const FinalizeCall call{.session = ProviderSessionId("s"),
                          .transaction = TransactionId("t"),
                          .final_amount = Money{99'999'999'999'999, usd},
                          .redeem = Points{100}};
  EXPECT_EQ(
      request_body(call),
      R"({"sessionId":"s","transactionId":"t","finalAmount":999999999999.99,"applyRewards":true,"redeemPoints":100})");
}

TEST(PdiRequests, NothingToRedeemIsLeftOut) {
  const FinalizeCall call{.session = ProviderSessionId("s"),
                          .transaction = TransactionId("t"),
                          .final_amount = Money{1200, *find_currency("JPY")},
                          .apply_rewards = false,
                          .redeem = std::nullopt};
  EXPECT_EQ(request_body(call),
            R"({"sessionId":"s","transactionId":"t","finalAmount":1200,"applyRewards":false})");
}

}  // namespace
}  // namespace perkline::pdi
