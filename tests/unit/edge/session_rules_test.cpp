#include <gtest/gtest.h>

#include "edge/session/answers.hpp"
#include "shared/json/value.hpp"
#include "tests/support/sim_store.hpp"

/// A chain's own rules at work: what sales earn and receipts tell, while they change.
namespace perkline::edge::session {
namespace {

using test::PdiCall;
using test::PdiFault;

rules::ChainRules rules_named(std::string version, std::int64_t points_per_unit_hundredths,
                              std::vector<std::string> lines = {"{{earnedPoints}} points"}) {
  rules::ChainRules chain;
  chain.rewards.version = std::move(version);
  chain.rewards.points_per_unit_hundredths = points_per_unit_hundredths;
  chain.receipt = rules::ReceiptForm(std::move(lines));
  return chain;
}

std::int64_t points(const Result<Answer>& answer, std::string_view name = "earnedPoints") {
  EXPECT_TRUE(answer);
  const auto document = json::parse(answer->body);
  const json::Value* value = document ? document->root().find(name) : nullptr;
  return value == nullptr ? -1 : std::stoll(std::string(value->text()));
}

std::vector<std::string> receipt(const Result<Answer>& answer) {
  EXPECT_TRUE(answer);
  std::vector<std::string> lines;
  const auto document = json::parse(answer->body);
  for (const json::Value& line : document->root().find("receiptLines")->items())
    lines.emplace_back(line.text());
  return lines;
}

class OwnRules : public ::testing::Test {
 protected:
  void start(rules::ChainRules chain, std::string timezone = "UTC") {
    life.reset();
    life = std::make_unique<Life>(
        outside, LifeOptions{.standin = {.enabled = true, .timezone = std::move(timezone)}, .rules = chain});
  }
  void out() {
    outside.pdi.otherwise([](PdiCall) { return PdiFault{.lose_request = true}; });
  }
  void back() { outside.pdi.otherwise(nullptr); }
  void calculated() {
    till.transaction = TransactionId("TXN-" + std::to_string(++sales));
    till.final_amount = till.amount;
    till.session = life->identify(till);
    ASSERT_TRUE(life->calculate(till));
  }
  void paid(std::int64_t minor) { till.final_amount = Money{minor, usd()}; }
  /// What the hub is told last.
  template <class Event>
  Event last_event() {
    const auto events = life->events();
    EXPECT_TRUE(!events.empty() && std::holds_alternative<Event>(events.back().payload));
    return std::get<Event>(events.back().payload);
  }

  Outside outside;
  std::unique_ptr<Life> life;
  Till till;
  int sales = 0;
};

TEST_F(OwnRules, PriceASaleWithoutPdiAndItsEventsSayWhichDid) {
  start(rules_named("v1", 300));
  out();
  calculated();
  EXPECT_EQ(points(life->finalize(till)), 450) << "150.00 × 3, an unknown member";
  const auto pending = last_event<sync::SalePending>();
  EXPECT_EQ(pending.rules_version, "v1");
  EXPECT_EQ(pending.tier, "Base");
  EXPECT_EQ(pending.amount, (Money{15000, usd()}));
  back();
  ASSERT_TRUE(life->settle());
  const auto settled = last_event<sync::SaleSettled>();
  EXPECT_EQ(settled.sale.rules_version, "v1");
  EXPECT_EQ(settled.sale.tier, "Base");
  EXPECT_EQ(settled.sale.amount, (Money{15000, usd()}));
  EXPECT_EQ(settled.sale.earned, Points{450}) << "PDI's own, of a Gold member by its rules";
}

TEST_F(OwnRules, NewOnesPriceTheNextSaleNotTheOneInProgress) {
  start(rules_named("v1", 300));
  out();
  calculated();
  life->rules.use(rules_named("v2", 500));
  EXPECT_EQ(points(life->finalize(till)), 450);
  EXPECT_EQ(last_event<sync::SalePending>().rules_version, "v1");
  calculated();
  EXPECT_EQ(points(life->finalize(till)), 750);
  EXPECT_EQ(last_event<sync::SalePending>().rules_version, "v2");
}

TEST_F(OwnRules, WhatIsPaidIsPricedByTheRulesThatPricedTheBasket) {
  start(rules_named("v1", 300));
  out();
  calculated();
  life->rules.use(rules_named("v2", 500));
  paid(10000);
  EXPECT_EQ(points(life->finalize(till)), 300);
  EXPECT_EQ(last_event<sync::SalePending>().rules_version, "v1");
}

TEST_F(OwnRules, ABasketThatIsPricedAnewIsPricedByTheNewOnes) {
  start(rules_named("v1", 300));
  out();
  calculated();
  life->rules.use(rules_named("v2", 500));
  EXPECT_EQ(points(life->calculate(till)), 450) << "the same basket is the same answer";
  till.amount = Money{10000, usd()};
  EXPECT_EQ(points(life->calculate(till)), 500);
  EXPECT_EQ(life->stored(till.session).rules_version, "v2");
}

TEST_F(OwnRules, AfterARestartThoseInForcePriceWhatIsPaidAndTheEventSaysSo) {
  start(rules_named("v1", 300));
  out();
  calculated();
  const Till as_priced = till;
  calculated();
  start(rules_named("v2", 500));
  paid(10000);
  EXPECT_EQ(points(life->finalize(till)), 500);
  EXPECT_EQ(last_event<sync::SalePending>().rules_version, "v2");
  EXPECT_EQ(points(life->finalize(as_priced)), 450) << "that price stands";
  EXPECT_EQ(last_event<sync::SalePending>().rules_version, "v1");
}

TEST_F(OwnRules, WhatPdiPricedIsOursOnlyWhenPaidOtherwise) {
  start(rules_named("v1", 300));
  calculated();
  const Till as_priced = till;
  calculated();
  out();
  EXPECT_EQ(points(life->finalize(as_priced)), 450);
  EXPECT_EQ(last_event<sync::SalePending>().rules_version, "") << "PDI's own";
  paid(10000);
  EXPECT_EQ(points(life->finalize(till)), 450) << "100.00 × 3 and half of it for Gold";
  EXPECT_EQ(last_event<sync::SalePending>().rules_version, "v1");
}

TEST_F(OwnRules, AMultipliedDayBeginsAtTheStoresMidnight) {
  rules::ChainRules chain = rules_named("v1", 100);
  chain.rewards.days = {{.weekdays = {std::chrono::Tuesday}, .factor_hundredths = 200}};
  out();
  outside.time.wall = *parse_time("2026-03-02T12:00:00Z");
  start(chain, "Pacific/Auckland");
  calculated();
  EXPECT_EQ(points(life->finalize(till)), 300) << "Tuesday in Auckland";
  start(chain, "Europe/Berlin");
  calculated();
  EXPECT_EQ(points(life->finalize(till)), 150) << "Monday in Berlin";
}

// ---- receipts

TEST_F(OwnRules, AReceiptTellsWhatTheTemplatesSay) {
  start(rules_named("v1", 300,
                    {"{{customerName}} ({{tier}}): {{earnedPoints}} for {{amount}} {{currency}}",
                     "{{#redeemed}}{{redeemedPoints}} redeemed{{/redeemed}}", "{{receiptId}}",
                     "{{#provisional}}to be confirmed{{/provisional}}"}));
  calculated();
  const auto online = life->finalize(till);
  const auto lines = receipt(online);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "John Doe (Gold): 450 for 150.00 USD");
  EXPECT_EQ(lines[1], life->stored(till.session).receipt.str());
  out();
  calculated();
  const auto pending = receipt(life->finalize(till));
  ASSERT_EQ(pending.size(), 3u);
  EXPECT_EQ(pending[0], "John Doe (Gold): 675 for 150.00 USD");
  EXPECT_EQ(pending[1].substr(0, 4), "PND-");
  EXPECT_EQ(pending[2], "to be confirmed");
}

TEST_F(OwnRules, A202KeepsItsBytesWhileTheTemplatesChange) {
  start(rules_named("v1", 300, {"first {{earnedPoints}}"}));
  out();
  calculated();
  const auto pending = life->finalize(till);
  EXPECT_EQ(receipt(pending), std::vector<std::string>{"first 450"});
  life->rules.use(rules_named("v2", 300, {"second"}));
  EXPECT_EQ(life->finalize(till)->body, pending->body);
  start(rules_named("v3", 300, {"third {{earnedPoints}}"}));
  EXPECT_EQ(life->finalize(till)->body, pending->body) << "also after a restart";
  back();
  ASSERT_TRUE(life->settle());
  const auto settled = life->finalize(till);
  EXPECT_EQ(settled->status, 200);
  EXPECT_EQ(receipt(settled), std::vector<std::string>{"third 450"});
  EXPECT_EQ(life->stored(till.session).receipt_lines, std::nullopt) << "its answer holds them";
  life->rules.use(rules_named("v4", 300, {"fourth"}));
  EXPECT_EQ(life->finalize(till)->body, settled->body);
}

TEST_F(OwnRules, AReceiptWithoutLinesStaysWithoutThem) {
  start(rules_named("v1", 300, {}));
  out();
  calculated();
  const auto pending = life->finalize(till);
  EXPECT_TRUE(receipt(pending).empty());
  start(rules_named("v2", 300, {"late"}));
  EXPECT_EQ(life->finalize(till)->body, pending->body);
}

TEST_F(OwnRules, A202OfAVersionWithoutTemplatesKeepsItsLinesToo) {
  start(rules_named("v1", 300));
  out();
  calculated();
  (void)life->finalize(till);
  Session old = life->stored(till.session);
  old.receipt_lines.reset();
  EXPECT_EQ(receipt(pending_answer(old)),
            (std::vector<std::string>{"Points earned: 450", "Points redeemed: 0"}));
}

TEST_F(OwnRules, ASaleInReviewKeepsTheReceiptItWasToldWith) {
  start(rules_named("v1", 300, {"first {{earnedPoints}}"}));
  out();
  calculated();
  (void)life->finalize(till);
  back();
  outside.pdi.next(PdiCall::finalize, {.reject = ProviderFault{"CARD_EXPIRED", "the card has expired"}});
  life->rules.use(rules_named("v2", 300, {"second"}));
  ASSERT_TRUE(life->settle());
  const auto review = life->finalize(till);
  EXPECT_EQ(review->status, 202);
  EXPECT_EQ(receipt(review), std::vector<std::string>{"first 450"});
}

TEST_F(OwnRules, AFinalizeInDoubtFoundByTheNextLifeIsToldByItsTemplates) {
  start(rules_named("v1", 300, {"first"}));
  calculated();
  outside.pdi.next(PdiCall::finalize, {.there = seconds{1}, .lose_answer = true});
  life->start(life->flows.finalize(till.finalize_request(), till.traceparent));
  ASSERT_TRUE(life->world->run_until([&] { return outside.pdi.sent(PdiCall::finalize) == 1; }));
  start(rules_named("v2", 300, {"second"}));
  const auto told = life->finalize(till);
  EXPECT_EQ(told->status, 202);
  EXPECT_EQ(receipt(told), std::vector<std::string>{"second"});
}

TEST_F(OwnRules, NoNameOfPdisPutsCommandsOnAReceipt) {
  outside.pdi.add({.id = CustomerId("CUST-X"), .name = "X\x1b@\r\nFREE", .tier = "Base", .balance = {}});
  start(rules_named("v1", 300, {"{{customerName}}"}));
  till.customer = CustomerId("CUST-X");
  calculated();
  EXPECT_EQ(receipt(life->finalize(till)), std::vector<std::string>{"X @  FREE"});
}

}  // namespace
}  // namespace perkline::edge::session
