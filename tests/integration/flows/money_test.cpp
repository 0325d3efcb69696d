// The marketplace's money: wallets, transfers, payments and what is billed.
#include <algorithm>

#include "tests/integration/flows/people.hpp"
#include "tests/integration/paths.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

class MoneyFlows : public HubFlowTest {
 protected:
  static Person rich(const std::string& name, const std::string& amount) {
    Person member = calls().join(name);
    credit(member, amount);
    return member;
  }
  static bench::WebAnswer transfer(const Person& from, const std::string& to, const std::string& amount) {
    return calls().post("wallet/transfers",
                        body({{"to", to}, {"amount", amount}, {"currency", "USD"}, {"note", "for lunch"}}),
                        from.token);
  }
  static bench::WebAnswer pay(const Person& payer, const std::string& amount, const std::string& to = "") {
    const std::string wish = to.empty() ? body({{"amount", amount}, {"currency", "USD"}})
                                        : body({{"amount", amount}, {"currency", "USD"}, {"payTo", to}});
    auto begun = calls().post("payments", wish, payer.token);
    EXPECT_EQ(begun.status, 201) << begun.body;
    EXPECT_EQ(at(begun, "status"), "pending");
    return begun;
  }
  /// The payment once it is decided.
  static bench::WebAnswer decided(const Person& payer, const std::string& payment) {
    bench::WebAnswer shown;
    EXPECT_TRUE(eventually([&] {
      shown = calls().get("payments/" + payment, payer.token);
      return at(shown, "status") != "pending";
    }));
    return shown;
  }
  /// Of the member's latest entries in their wallet: delta and reason.
  static Texts entries(const Person& member) {
    const auto list = calls().get("wallet/entries", member.token);
    Texts found = each(list, "delta");
    const Texts reasons = each(list, "reason");
    for (std::size_t i = 0; i < found.size(); ++i) found[i] += " " + reasons.at(i);
    return found;
  }
  static void expect_books_balance() {
    const auto verified = bench::run_command(bin_dir() + "/perkline-hub",
                                             {"verify", "--json", "--config", hub().file("hub.yaml")});
    ASSERT_TRUE(verified);
    EXPECT_EQ(verified->status, 0) << verified->out;
    EXPECT_EQ(at(verified->out, "ok"), "true");
  }
};

TEST_F(MoneyFlows, StaffCreditAndDebitAWalletAndItsEntriesSayWhy) {
  const HubCalls hub = calls();
  const Person ann = rich("ann", "10.00");
  const auto take = [&](const std::string& amount) {
    return hub.post(
        "wallet/debits",
        body({{"userId", ann.id}, {"amount", amount}, {"currency", "USD"}, {"reason", "by mistake"}}),
        admin());
  };
  const auto taken = take("3.5");
  ASSERT_EQ(taken.status, 201) << taken.body;
  EXPECT_EQ(at(taken, "amount"), "3.50");
  EXPECT_EQ(at(taken, "balance.available"), "6.50");
  expect_problem(take("6.51"), 409, "INSUFFICIENT_FUNDS");
  EXPECT_EQ(hub.available(ann), "6.50");
  EXPECT_EQ(entries(ann), (Texts{"-3.50 debit", "10.00 credit"}));
  const auto list = hub.get("wallet/entries", ann.token);
  EXPECT_EQ(each(list, "balanceAfter"), (Texts{"6.50", "10.00"}));
  EXPECT_EQ(each(list, "note"), (Texts{"by mistake", "to begin with"}));
}

TEST_F(MoneyFlows, AMemberSendsMoneyToAnotherAndNeverMoreThanThereIs) {
  const HubCalls hub = calls();
  const Person ben = rich("ben", "10.00");
  const Person cat = hub.join("cat");
  const auto sent = transfer(ben, cat.email, "4.25");
  ASSERT_EQ(sent.status, 201) << sent.body;
  EXPECT_EQ(at(sent, "from"), ben.id);
  EXPECT_EQ(at(sent, "balance.available"), "5.75");
  EXPECT_EQ(at(hub.get("wallet/entries", cat.token), "items.0.transactionId"), at(sent, "id"));
  EXPECT_EQ(hub.available(cat), "4.25");
  expect_problem(transfer(ben, cat.id, "5.76"), 409, "INSUFFICIENT_FUNDS");
  expect_problem(transfer(ben, address("nobody"), "1.00"), 404, "NOT_FOUND");
  EXPECT_EQ(transfer(ben, cat.id, "5.75").status, 201) << "to the last cent";
  EXPECT_EQ(entries(ben), (Texts{"-5.75 transfer", "-4.25 transfer", "10.00 credit"}));
  const auto list = hub.get("wallet/entries", cat.token);
  EXPECT_EQ(each(list, "delta"), (Texts{"5.75", "4.25"}));
  EXPECT_EQ(each(list, "counterparty"), (Texts{ben.id, ben.id}));
  EXPECT_EQ(each(list, "note"), (Texts{"for lunch", "for lunch"}));
  EXPECT_TRUE(eventually([&] {
    const Texts words = told(cat);
    return std::ranges::count(words, "4.25 USD received") == 1 &&
           std::ranges::count(words, "5.75 USD received") == 1;
  }));
  expect_books_balance();
}

TEST_F(MoneyFlows, WhatIsHeldIsTakenInPartOnceAndTheRestIsFree) {
  const HubCalls hub = calls();
  const Person dan = rich("dan", "10.00");
  const auto hold = [&](const std::string& amount) {
    return hub.post(
        "wallet/holds",
        body({{"userId", dan.id}, {"amount", amount}, {"currency", "USD"}, {"reason", "deposit"}}), admin());
  };
  const auto held = hold("8.00");
  ASSERT_EQ(held.status, 201) << held.body;
  EXPECT_EQ(at(held, "state"), "held");
  EXPECT_EQ(at(held, "balance.available"), "2.00");
  EXPECT_EQ(at(held, "balance.held"), "8.00");
  expect_problem(transfer(dan, rich("eve", "1.00").id, "2.01"), 409, "INSUFFICIENT_FUNDS");
  const std::string path = "wallet/holds/" + at(held, "id");
  const auto captured = hub.post(path + "/capture", body({{"amount", "5.00"}}), admin());
  ASSERT_EQ(captured.status, 200) << captured.body;
  EXPECT_EQ(at(captured, "state"), "captured");
  EXPECT_EQ(at(captured, "captured"), "5.00");
  EXPECT_EQ(at(captured, "balance.available"), "5.00");
  EXPECT_EQ(at(captured, "balance.held"), "0.00");
  EXPECT_EQ(hub.post(path + "/release", "", admin()).status, 409) << "it is over";
  EXPECT_EQ(
      at(hub.post("wallet/holds/" + at(hold("5.00"), "id") + "/release", "", admin()), "balance.available"),
      "5.00");
  EXPECT_EQ(entries(dan), (Texts{"-5.00 capture", "10.00 credit"}));
}

TEST_F(MoneyFlows, APaymentIsHeldThenInBothWalletsAndTheBooksAndBothAreTold) {
  const HubCalls hub = calls();
  const Person fay = rich("fay", "20.00");
  const Person gus = hub.join("gus");
  const auto begun = pay(fay, "12.50", gus.email);
  const auto done = decided(fay, at(begun, "id"));
  EXPECT_EQ(at(done, "status"), "completed");
  EXPECT_EQ(at(done, "payTo"), gus.id);
  EXPECT_EQ(hub.get("wallet", fay.token).body,
            R"({"balances":[{"currency":"USD","available":"7.50","held":"0.00"}]})");
  EXPECT_EQ(hub.available(gus), "12.50");
  EXPECT_EQ(entries(fay), (Texts{"-12.50 payment", "20.00 credit"}));
  EXPECT_EQ(entries(gus), Texts{"12.50 payment"});
  const auto records = hub.get("billing/records", fay.token);
  EXPECT_EQ(each(records, "paymentId"), Texts{at(begun, "id")});
  EXPECT_EQ(at(records, "items.0.reference"), at(begun, "reference"));
  EXPECT_EQ(at(records, "items.0.type"), "PAYMENT");
  EXPECT_EQ(at(records, "items.0.amount"), "12.50");
  EXPECT_EQ(at(records, "items.0.status"), "completed");
  EXPECT_EQ(at(hub.get("wallet/entries", gus.token), "items.0.transactionId"),
            at(records, "items.0.transactionId"));
  EXPECT_EQ(each(hub.get("billing/records?userId=" + fay.id, admin()), "id"), each(records, "id"));
  expect_problem(hub.get("payments/" + at(begun, "id"), gus.token), 404, "NOT_FOUND");
  expect_problem(
      hub.post("payments", body({{"amount", "7.51"}, {"currency", "USD"}, {"payTo", gus.id}}), fay.token),
      409, "INSUFFICIENT_FUNDS");
  EXPECT_TRUE(eventually([&] {
    const Texts words = told(fay);
    return std::ranges::count(words, "Payment of 12.50 USD started") == 1 &&
           std::ranges::count(words, "Payment of 12.50 USD completed") == 1 &&
           std::ranges::count(words, "12.50 USD spent") == 1;
  }));
  EXPECT_TRUE(eventually([&] { return std::ranges::count(told(gus), "12.50 USD received") == 1; }));
  expect_books_balance();
}

TEST_F(MoneyFlows, ADeclinedPaymentTakesNothingAndSaysWhy) {
  const HubCalls hub = calls();
  const Person hal = rich("hal", "100.00");
  const Person ida = hub.join("ida");
  const auto failed = decided(hal, at(pay(hal, "99.01", ida.id), "id"));
  EXPECT_EQ(at(failed, "status"), "failed");
  EXPECT_EQ(at(failed, "reason"), "DECLINED");
  EXPECT_EQ(hub.available(hal), "100.00");
  EXPECT_EQ(hub.available(ida), "0.00");
  EXPECT_EQ(entries(hal), Texts{"100.00 credit"});
  const auto records = hub.get("billing/records?status=failed", hal.token);
  EXPECT_EQ(each(records, "reason"), Texts{"DECLINED"});
  EXPECT_EQ(each(records, "transactionId"), Texts{"null"});
  EXPECT_TRUE(eventually([&] { return std::ranges::count(told(hal), "Payment of 99.01 USD failed") == 1; }));
}

TEST_F(MoneyFlows, ATopUpBringsMoneyInAndOneKeyIsOnePayment) {
  const HubCalls hub = calls();
  const Person jim = hub.join("jim");
  const HubCalls::Headers key{{"Idempotency-Key", "top-up"}};
  const std::string wish = body({{"amount", "25.00"}, {"currency", "USD"}});
  const auto begun = hub.post("payments", wish, jim.token, key);
  ASSERT_EQ(begun.status, 201) << begun.body;
  EXPECT_EQ(at(decided(jim, at(begun, "id")), "status"), "completed");
  expect_replay(hub.post("payments", wish, jim.token, key), begun);
  expect_problem(hub.post("payments", body({{"amount", "26.00"}, {"currency", "USD"}}), jim.token, key), 422,
                 "IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(hub.available(jim), "25.00");
  EXPECT_EQ(entries(jim), Texts{"25.00 top_up"});
  EXPECT_EQ(each(hub.get("billing/records", jim.token), "type"), Texts{"TOP_UP"});
  EXPECT_EQ(each(hub.get("payments", jim.token), "reference"), Texts{at(begun, "reference")});
}

TEST_F(MoneyFlows, AClaimedBonusIsMoneyThatMayBePaidOn) {
  const HubCalls hub = calls();
  const Person kim = hub.join("kim");
  const Person lea = hub.join("lea");
  const std::string bonus = make_promotion("Bonus", "BONUS", "20.00");
  ASSERT_EQ(at(assign(bonus, {kim.id}), "assigned"), "1");
  ASSERT_EQ(at(claim(kim, bonus), "balance.available"), "20.00");
  EXPECT_EQ(at(decided(kim, at(pay(kim, "20.00", lea.id), "id")), "status"), "completed");
  EXPECT_EQ(hub.available(kim), "0.00");
  EXPECT_EQ(hub.available(lea), "20.00");
  EXPECT_EQ(entries(kim), (Texts{"-20.00 payment", "20.00 promotion"}));
  expect_books_balance();
}

}  // namespace
}  // namespace perkline::test
