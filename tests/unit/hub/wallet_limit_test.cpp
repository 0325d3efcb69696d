#include "tests/unit/hub/payments_fixture.hpp"

namespace perkline::test {
namespace {

/// In a currency of three decimals, whose largest amount is one minor unit below what a wallet holds.
class WalletLimit : public Payments {
 protected:
  static constexpr const char* most = "999999999999.999";

  RawAnswer give(const Member& whose, const std::string& amount) {
    return adjust(credits, whose, amount, "KWD");
  }
  /// A payment's id.
  std::string begun_in_kwd(const Member& payer, const std::string& amount, const std::string& to = "") {
    const RawAnswer answer = pay(payer, amount, to, "KWD");
    EXPECT_EQ(answer.status, 201) << answer.body;
    return member_of(answer.body, "id");
  }
};

TEST_F(WalletLimit, IsKeptByWhoeverGivesAndLeavesWhatWasThere) {
  const Member jo = member("jo");
  const Member al = member_with("al", "1.00");
  ASSERT_EQ(give(al, most).status, 201);
  ASSERT_EQ(give(jo, most).status, 201);
  const RawAnswer refused = give(jo, "0.002");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.code(), "BALANCE_LIMIT");
  EXPECT_EQ(send(al, jo.id(), "0.002", "KWD").code(), "BALANCE_LIMIT");
  EXPECT_EQ(pay(jo, "0.002", "", "KWD").code(), "BALANCE_LIMIT");
  EXPECT_EQ(pay(al, "0.002", jo.id(), "KWD").code(), "BALANCE_LIMIT");
  EXPECT_EQ(balance(al, "KWD"), std::string(most) + "/0.000") << "nothing is held for what is refused";
  EXPECT_EQ(count("SELECT COUNT(*) FROM payment"), 0);
  EXPECT_EQ(send(al, jo.id(), "0.001", "KWD").status, 201) << "to the last unit";
  EXPECT_EQ(balance(jo, "KWD"), "1000000000000.000/0.000");
  expect_books_balance();
}

TEST_F(WalletLimit, FreezesNobodysMoney) {
  const Member victim = member("victim");
  const Member attacker = member("attacker");
  ASSERT_EQ(give(attacker, most).status, 201);
  ASSERT_EQ(send(attacker, victim.id(), most, "KWD").status, 201);
  start_worker();
  EXPECT_EQ(outcome(victim, begun(victim, "5.00")), "completed") << "another currency";
  EXPECT_EQ(send(victim, attacker.id(), "7", "KWD").status, 201);
  EXPECT_EQ(adjust(debits, victim, "3", "KWD").status, 201);
  EXPECT_EQ(outcome(victim, begun_in_kwd(victim, "10")), "completed") << "as much as went out";
  EXPECT_EQ(balance(victim, "KWD"), std::string(most) + "/0.000");
  expect_books_balance();
}

TEST_F(WalletLimit, CountsWhatIsOnItsWay) {
  const Member jo = member("jo");
  const Member al = member("al");
  ASSERT_EQ(give(al, "10").status, 201);
  begun_in_kwd(jo, "999999999990");
  begun_in_kwd(al, "9.999", jo.id());
  EXPECT_EQ(pay(jo, "0.002", "", "KWD").code(), "BALANCE_LIMIT");
  const std::string last = begun_in_kwd(jo, "0.001");
  EXPECT_EQ(pay(al, "0.001", jo.id(), "KWD").code(), "BALANCE_LIMIT");
  begun_in_kwd(al, "5");
  start_worker();
  EXPECT_EQ(outcome(jo, last), "completed");
  EXPECT_TRUE(
      eventually([&] { return count("SELECT COUNT(*) FROM payment WHERE status = 'completed'") == 4; }));
  EXPECT_EQ(balance(jo, "KWD"), "1000000000000.000/0.000");
  expect_books_balance();
}

TEST_F(WalletLimit, ThatIsReachedMeanwhileEndsAPaymentAsFailed) {
  const Member jo = member("jo");
  const Member al = member("al");
  ASSERT_EQ(give(al, "10").status, 201);
  const std::string top_up = begun_in_kwd(jo, "1");
  const std::string from_al = begun_in_kwd(al, "2", jo.id());
  ASSERT_EQ(give(jo, most).status, 201);
  start_worker();
  EXPECT_EQ(outcome(jo, top_up), "failed");
  EXPECT_EQ(member_of(shown(jo, top_up).body, "reason"), "BALANCE_LIMIT");
  EXPECT_EQ(outcome(al, from_al), "failed");
  EXPECT_EQ(member_of(shown(al, from_al).body, "reason"), "BALANCE_LIMIT");
  EXPECT_EQ(balance(al, "KWD"), "10.000/0.000") << "what was held is free again";
  EXPECT_EQ(balance(jo, "KWD"), std::string(most) + "/0.000");
  EXPECT_EQ(events("PAYMENT_FAILED"), 2);
  const auto told = hub_.column(
      "SELECT data FROM event_outbox WHERE type = 'PAYMENT_FAILED' AND data LIKE '%\"toGiveBack\":true%'");
  ASSERT_EQ(told.size(), 1u) << "what the provider has taken, and not what was here already";
  EXPECT_EQ(member_of(told[0], "paymentId"), top_up);
  const auto listed = [&](const std::string& query) {
    return hub_.get(records + ("?type=TOP_UP&" + query), jo.token).body;
  };
  EXPECT_NE(listed("reason=BALANCE_LIMIT").find(top_up), std::string::npos) << listed("reason=BALANCE_LIMIT");
  EXPECT_EQ(listed("reason=DECLINED").find(top_up), std::string::npos);
  expect_books_balance();
}

constexpr const char* nobody = "0190163d-8694-739b-aea5-966c26f8ad91";

/// Where a member may name three payees that nobody is within a minute, a network six.
class NamingPayees : public Payments {
 protected:
  NamingPayees() : Payments({}, {.login_per_minute = 3, .auth_per_address_minute = 6}) {}
};

TEST_F(NamingPayees, IsOverForAWhileForWhoNamesNobodyAgainAndAgain) {
  const Member jo = member_with("jo", "5.00");
  const Member al = member_with("al", "5.00");
  const Member flo = member_with("flo", "5.00");
  EXPECT_EQ(send(jo, nobody, "1").code(), "NOT_FOUND");
  EXPECT_EQ(pay(jo, "1", "nobody@example.com").code(), "NOT_FOUND");
  EXPECT_EQ(send(jo, al.id(), "1").status, 201) << "who is there costs nothing";
  EXPECT_EQ(send(jo, "+4917099999", "1").code(), "NOT_FOUND");
  for (const std::string& to : {al.id(), std::string(nobody)}) {
    const RawAnswer answer = send(jo, to, "1");
    EXPECT_EQ(answer.code(), "RATE_LIMITED") << "whoever is named";
    EXPECT_NE(answer.field("Retry-After"), "");
    EXPECT_EQ(pay(jo, "1", to).code(), "RATE_LIMITED");
  }
  EXPECT_EQ(pay(jo, "1").status, 201) << "a top-up names nobody";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(al, nobody, "1").code(), "NOT_FOUND");
  EXPECT_EQ(send(flo, al.id(), "1").code(), "RATE_LIMITED") << "from the same network";
}

TEST_F(NamingPayees, LeavesWhatIsAskedAgainUnderItsKeyAsItWasAnswered) {
  const Member jo = member_with("jo", "5.00");
  const Member al = member("al");
  const std::string to_al = object({{"to", al.id()}, {"amount", "1"}, {"currency", "USD"}});
  const std::string for_al = object({{"payTo", al.id()}, {"amount", "1"}, {"currency", "USD"}});
  const std::string too_much = object({{"to", al.id()}, {"amount", "9"}, {"currency", "USD"}});
  const RawAnswer sent = post(transfers, jo.token, to_al, "sent");
  const RawAnswer paid = post(payments, jo.token, for_al, "paid");
  const RawAnswer refused = post(transfers, jo.token, too_much, "refused");
  ASSERT_EQ(sent.status, 201) << sent.body;
  ASSERT_EQ(paid.status, 201) << paid.body;
  ASSERT_EQ(refused.code(), "INSUFFICIENT_FUNDS");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(jo, nobody, "1").code(), "NOT_FOUND");
  const auto expect_kept = [&](const char* path, const std::string& body, const char* key,
                               const RawAnswer& before) {
    const RawAnswer again = post(path, jo.token, body, key);
    EXPECT_EQ(again.status, before.status) << again.body;
    EXPECT_EQ(again.body, before.body);
    EXPECT_EQ(again.field("Idempotent-Replayed"), "true");
  };
  expect_kept(transfers, to_al, "sent", sent);
  expect_kept(payments, for_al, "paid", paid);
  expect_kept(transfers, too_much, "refused", refused);
  EXPECT_EQ(post(transfers, jo.token, too_much, "sent").code(), "IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(post(transfers, jo.token, to_al, "new").code(), "RATE_LIMITED");
  EXPECT_EQ(count("SELECT COUNT(*) FROM idempotency WHERE key = 'new'"), 0) << "to be tried again";
}

}  // namespace
}  // namespace perkline::test
