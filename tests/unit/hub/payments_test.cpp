#include "hub/ledger/holds.hpp"
#include "tests/unit/hub/payments_fixture.hpp"

namespace perkline::test {
namespace {

using Texts = std::vector<std::string>;

constexpr const char* nobody = "0190163d-8694-739b-aea5-966c26f8ad91";

// ---- top-ups

TEST_F(Payments, IntoOnesOwnWalletAreCompletedWithAllThatBelongsToIt) {
  const Member jo = member("jo");
  start_worker();
  const RawAnswer answer = pay(jo, "25.5");
  ASSERT_EQ(answer.status, 201) << answer.body;
  const std::string id = member_of(answer.body, "id");
  const std::string reference = member_of(answer.body, "reference");
  EXPECT_EQ(member_of(answer.body, "status"), "pending");
  EXPECT_EQ(member_of(answer.body, "amount"), "25.50");
  EXPECT_FALSE(reference.empty());
  EXPECT_EQ(outcome(jo, id), "completed");
  EXPECT_EQ(balance(jo), "25.50/0.00");
  const std::string told = R"({"paymentId":")" + id + R"(","reference":")" + reference + R"(","userId":")" +
                           jo.id() + R"(","amount":"25.50","currency":"USD"})";
  EXPECT_EQ(hub_.column("SELECT data FROM event_outbox WHERE type = 'PAYMENT_INITIATED'"), Texts{told});
  EXPECT_EQ(hub_.column("SELECT data FROM event_outbox WHERE type = 'PAYMENT_COMPLETED'"), Texts{told});
  EXPECT_EQ(hub_.column("SELECT COUNT(*) || '' FROM event_outbox WHERE traceparent = ''"), Texts{"0"});
  EXPECT_EQ(events("WALLET_CREDITED"), 1);
  const RawAnswer listed = hub_.get(records, jo.token);
  const auto document = json::parse(listed.body);
  ASSERT_EQ(document->root().find("items")->items().size(), 1u) << listed.body;
  const json::Value& record = document->root().find("items")->items()[0];
  EXPECT_EQ(record.find("paymentId")->text(), id);
  EXPECT_EQ(record.find("type")->text(), "TOP_UP");
  EXPECT_EQ(record.find("status")->text(), "completed");
  EXPECT_EQ(hub_.column("SELECT id FROM transfer WHERE external_id = 'payment:" + id + "'"),
            Texts{std::string(record.find("transactionId")->text())});
  expect_books_balance();
}

TEST_F(Payments, AreBegunOnceUnderOneKey) {
  const Member jo = member("jo");
  const std::string body = object({{"amount", "5"}, {"currency", "USD"}});
  const RawAnswer first = post(payments, jo.token, body, "k");
  const RawAnswer again = post(payments, jo.token, body, "k");
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.field("Idempotent-Replayed"), "true");
  EXPECT_EQ(post(payments, jo.token, object({{"amount", "6"}, {"currency", "USD"}}), "k").code(),
            "IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(count("SELECT COUNT(*) FROM payment"), 1);
}

TEST_F(Payments, ThatAreDeclinedFailAndBookNothing) {
  const Member jo = member("jo");
  start_worker();
  const std::string id = begun(jo, "99.01");
  EXPECT_EQ(outcome(jo, id), "failed");
  EXPECT_EQ(member_of(shown(jo, id).body, "reason"), "DECLINED");
  EXPECT_EQ(balance(jo), "0.00/0.00");
  EXPECT_EQ(events("WALLET_CREDITED"), 0);
  EXPECT_EQ(
      member_of(hub_.column("SELECT data FROM event_outbox WHERE type = 'PAYMENT_FAILED'").at(0), "reason"),
      "DECLINED");
  EXPECT_EQ(hub_.column("SELECT status FROM billing_record"), Texts{"failed"});
}

// ---- to another member

TEST_F(Payments, ToAnotherMemberAreHeldUntilTheyAreDecided) {
  const Member jo = member_with("jo", "30.00");
  const Member al = member("al");
  const std::string id = begun(jo, "20.00", "AL@example.com");
  EXPECT_EQ(balance(jo), "10.00/20.00");
  EXPECT_EQ(balance(al), "0.00/0.00");
  EXPECT_EQ(pay(jo, "10.01", al.id()).code(), "INSUFFICIENT_FUNDS") << "what is held is spent";
  start_worker();
  EXPECT_EQ(outcome(jo, id), "completed");
  EXPECT_EQ(member_of(shown(jo, id).body, "payTo"), al.id());
  EXPECT_EQ(balance(jo), "10.00/0.00");
  EXPECT_EQ(balance(al), "20.00/0.00");
  EXPECT_EQ(count("SELECT COUNT(*) FROM event_outbox WHERE type = 'WALLET_DEBITED' AND data LIKE $1",
                  {"%" + jo.id() + "%payment%"}),
            1);
  EXPECT_EQ(count("SELECT COUNT(*) FROM event_outbox WHERE type = 'WALLET_CREDITED' AND data LIKE $1",
                  {"%" + al.id() + "%payment%"}),
            1);
  EXPECT_TRUE(
      hub_.get("/api/v1/wallet/entries", al.token).body.contains(R"("counterparty":")" + jo.id() + '"'));
  EXPECT_EQ(outcome(jo, begun(jo, "10.00", al.id())), "completed") << "to the last cent";
  expect_books_balance();
}

TEST_F(Payments, ToAnotherMemberThatAreDeclinedGiveWhatWasHeldFree) {
  const Member jo = member_with("jo", "100.00");
  const Member al = member("al");
  const std::string id = begun(jo, "99.01", al.id());
  EXPECT_EQ(balance(jo), "0.99/99.01");
  start_worker();
  EXPECT_EQ(outcome(jo, id), "failed");
  EXPECT_EQ(balance(jo), "100.00/0.00");
  EXPECT_EQ(balance(al), "0.00/0.00");
  EXPECT_EQ(events("WALLET_DEBITED"), 0);
  expect_books_balance();
}

TEST_F(Payments, BeyondWhatThereIsLeaveNothingBehind) {
  const Member jo = member_with("jo", "1.00");
  const Member al = member("al");
  const std::string body = object({{"amount", "1.01"}, {"currency", "USD"}, {"payTo", al.id()}});
  const RawAnswer refused = post(payments, jo.token, body, "k");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.code(), "INSUFFICIENT_FUNDS");
  EXPECT_EQ(post(payments, jo.token, body, "k").field("Idempotent-Replayed"), "true");
  EXPECT_EQ(pay(jo, "1.00", al.id(), "EUR").code(), "INSUFFICIENT_FUNDS");
  EXPECT_EQ(count("SELECT COUNT(*) FROM payment"), 0);
  EXPECT_EQ(events("PAYMENT_INITIATED"), 0);
  EXPECT_EQ(balance(jo), "1.00/0.00");
}

TEST_F(Payments, ToNobodyInactiveOrOneselfAreRefused) {
  const Member jo = member_with("jo", "5.00");
  const Member gone = member("gone");
  hub_.execute("UPDATE users SET active = 0 WHERE id = $1", {gone.id()});
  const User boss = hub_.add_user("boss", Role::staff);
  for (const std::string& to : {std::string(nobody), std::string("nobody@example.com"),
                                std::string("+4917012345"), gone.id(), boss.id.str()})
    EXPECT_EQ(pay(jo, "1", to).code(), "NOT_FOUND") << to;
  EXPECT_EQ(faulty_fields(pay(jo, "1", "jo@example.com")), Texts{"payTo"});
  EXPECT_EQ(balance(jo), "5.00/0.00");
}

TEST_F(Payments, WithFaultsAreRefusedNamingEachField) {
  const Member jo = member("jo");
  EXPECT_EQ(faults_of(hub_.send("POST", payments, jo.token, "{}")),
            (std::set<std::string>{"Idempotency-Key", "amount", "currency"}));
  EXPECT_EQ(faults_of(post(payments, jo.token, R"({"amount":true,"currency":"XXX","payTo":""})")),
            (std::set<std::string>{"amount", "currency", "payTo"}));
  EXPECT_EQ(faults_of(post(payments, jo.token, R"({"amount":"1","currency":7,"payTo":["a"]})")),
            (std::set<std::string>{"currency", "payTo"}));
  for (const char* amount : {"0", "0.00", "-1", "1.005", "1e2", "1,5", "1000000000000"})
    EXPECT_EQ(faulty_fields(pay(jo, amount)), Texts{"amount"}) << amount;
  EXPECT_EQ(faults_of(pay(jo, "1.005", jo.id())), (std::set<std::string>{"amount", "payTo"}));
  EXPECT_EQ(faults_of(send(jo, jo.id(), "1.005")), (std::set<std::string>{"amount", "to"}));
  EXPECT_EQ(post(payments, jo.token, "[1]").code(), "VALIDATION_FAILED");
  EXPECT_EQ(post(payments, jo.token, "nonsense").code(), "MALFORMED_JSON");
  EXPECT_EQ(count("SELECT COUNT(*) FROM payment"), 0);
}

TEST_F(Payments, AreShownToWhoPaysAlone) {
  const Member jo = member("jo");
  const Member al = member("al");
  const std::string first = begun(jo, "1");
  const std::string second = begun(jo, "2");
  EXPECT_EQ(status(jo, first), "pending");
  EXPECT_EQ(shown(al, first).code(), "NOT_FOUND");
  EXPECT_EQ(shown(jo, nobody).code(), "NOT_FOUND");
  EXPECT_EQ(shown(jo, "none").code(), "NOT_FOUND");
  const RawAnswer page = hub_.get(std::string(payments) + "?limit=1", jo.token);
  EXPECT_TRUE(page.body.contains(second));
  EXPECT_FALSE(page.body.contains(first)) << "the newest first";
  EXPECT_TRUE(hub_.get(payments + ("?limit=1&cursor=" + member_of(page.body, "nextCursor")), jo.token)
                  .body.contains(first));
  EXPECT_EQ(hub_.get(payments, al.token).body, R"({"items":[],"nextCursor":null})");
  EXPECT_EQ(faults_of(hub_.get(std::string(payments) + "?limit=0&cursor=x", jo.token)),
            (std::set<std::string>{"limit", "cursor"}));
}

// ---- a provider that is slow, silent, or away

TEST_F(Payments, OfASlowOrSilentProviderAreDecidedOnceWithinTwoSeconds) {
  const Member jo = member("jo");
  start_worker();
  const auto begin = std::chrono::steady_clock::now();
  const std::string late = begun(jo, "99.02");
  const std::string unheard = begun(jo, "99.03");
  const std::string declined = begun(jo, "99.04");
  EXPECT_EQ(outcome(jo, unheard), "completed");
  EXPECT_EQ(outcome(jo, declined), "failed");
  EXPECT_EQ(outcome(jo, late), "completed");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds{2});
  EXPECT_EQ(line_->settles, 3) << "what is in doubt is asked about, not settled again";
  EXPECT_GE(line_->questions, 3);
  EXPECT_EQ(charged(), 3);
  EXPECT_EQ(balance(jo), "198.05/0.00");
  expect_books_balance();
}

TEST_F(Payments, ThatNeverArrivedAreSettledOnceTheLineIsBack) {
  const Member jo = member("jo");
  line_->lost = 3;
  start_worker();
  EXPECT_EQ(outcome(jo, begun(jo, "7")), "completed");
  EXPECT_EQ(line_->lost, 0);
  EXPECT_EQ(charged(), 1);
  EXPECT_EQ(balance(jo), "7.00/0.00");
}

TEST_F(Payments, ThatAProcessLeftHalfDoneAreFinishedByTheNext) {
  const Member jo = member("jo");
  const std::string settled = begun(jo, "7");
  const std::string unasked = begun(jo, "8");
  // As one that died behind the provider's answer, and one that died before it asked.
  const auto verdict = hub_.reactor().await(
      provider_->settle({.reference = "pay_" + settled, .amount = {700, find_currency("USD").value()}}));
  ASSERT_TRUE(verdict);
  hub_.execute("UPDATE payment SET attempts = 1, due_at = due_at + 200");
  EXPECT_EQ(pending().count, 2);
  EXPECT_EQ(pending().oldest, WallTime{Millis{count("SELECT created_at FROM payment ORDER BY id LIMIT 1")}});
  start_worker();
  EXPECT_EQ(outcome(jo, settled), "completed");
  EXPECT_EQ(outcome(jo, unasked), "completed");
  EXPECT_EQ(pending().count, 0);
  EXPECT_FALSE(pending().oldest);
  EXPECT_EQ(line_->settles, 1);
  EXPECT_EQ(charged(), 2);
  EXPECT_EQ(balance(jo), "15.00/0.00");
}

TEST_F(Payments, TakenByTwoReplicasAreDecidedOnceEach) {
  const Member jo = member_with("jo", "2000.00");
  const Member al = member("al");
  at_once(8, 100, [&](int i) { begun(jo, i % 5 == 0 ? "99.04" : "1.00", i % 2 == 0 ? "" : al.id()); });
  start_worker();
  start_worker();
  EXPECT_TRUE(
      eventually([&] { return count("SELECT COUNT(*) FROM payment WHERE status = 'pending'") == 0; }));
  EXPECT_EQ(charged(), 100);
  EXPECT_EQ(count("SELECT COUNT(*) FROM billing_record WHERE status = 'completed'"), 80);
  EXPECT_EQ(count("SELECT COUNT(*) FROM billing_record WHERE status = 'failed'"), 20);
  EXPECT_EQ(events("PAYMENT_COMPLETED"), 80);
  EXPECT_EQ(events("PAYMENT_FAILED"), 20);
  EXPECT_EQ(balance(jo), "2000.00/0.00") << "as much came in as went out";
  EXPECT_EQ(balance(al), "40.00/0.00");
  expect_books_balance();
}

TEST_F(Payments, AreClaimedByOneAtATimeForTheLengthOfALease) {
  const Member jo = member("jo");
  begun(jo, "1");
  const WallTime now = SystemClock().wall_now();
  const auto claimed = [&](WallTime at) {
    std::size_t found = 0;
    hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      const auto intents = hub::billing::claim(transaction, at, seconds{1}, 10);
      if (!intents) return std::unexpected(intents.error());
      found = intents->size();
      return {};
    });
    return found;
  };
  EXPECT_EQ(claimed(now), 1u);
  EXPECT_EQ(claimed(now + Millis{999}), 0u);
  EXPECT_EQ(claimed(now + Millis{1000}), 1u);
  EXPECT_EQ(claimed(now - hours{1}), 1u) << "a clock that was put back";
}

TEST_F(Payments, FromOutsideFailWhereNobodyMovesMoneyThere) {
  const Member jo = member_with("jo", "100.00");
  const Member al = member("al");
  const std::string asked_before = begun(jo, "7");
  hub_.execute("UPDATE payment SET attempts = 1");
  const std::string top_up = begun(jo, "8");
  const std::string payment = begun(jo, "99.01", al.id());
  hub::billing::NoProvider nobody_there;
  hub::billing::Worker worker({hub_.database(), nobody_there, hub_.reactor()->clock(), ids_});
  hub_.reactor()->spawn(worker.run());
  EXPECT_EQ(outcome(jo, asked_before), "failed");
  EXPECT_EQ(outcome(jo, top_up), "failed");
  EXPECT_EQ(member_of(shown(jo, top_up).body, "reason"), "PAYMENTS_OFF");
  EXPECT_EQ(outcome(jo, payment), "completed") << "what is here already";
  hub_.reactor().await(worker.stop());
  EXPECT_EQ(balance(jo), "0.99/0.00");
  EXPECT_EQ(balance(al), "99.01/0.00");
  EXPECT_EQ(charged(), 0);
  expect_books_balance();
}

TEST_F(Payments, OpenTheirPayeesWalletWhenTheyComeAndNotBefore) {
  const Member jo = member("jo");
  const Member al = member("al");
  ASSERT_EQ(adjust(credits, jo, "200", "EUR").status, 201);
  const auto pay_in_euro = [&](const std::string& amount) {
    const RawAnswer answer = pay(jo, amount, al.id(), "EUR");
    EXPECT_EQ(answer.status, 201) << answer.body;
    return member_of(answer.body, "id");
  };
  const auto wallets_opened = [&] {
    return count("SELECT COUNT(*) FROM event_outbox WHERE type = 'WALLET_CREATED' AND data LIKE $1",
                 {"%" + al.id() + "%EUR%"});
  };
  const std::string declined = pay_in_euro("99.01");
  EXPECT_EQ(balance(jo, "EUR"), "100.99/99.01");
  EXPECT_EQ(balance(al, "EUR"), "") << "it has only begun";
  start_worker();
  EXPECT_EQ(outcome(jo, declined), "failed");
  EXPECT_EQ(balance(al, "EUR"), "");
  EXPECT_EQ(wallets_opened(), 0);
  EXPECT_EQ(outcome(jo, pay_in_euro("200")), "completed");
  EXPECT_EQ(wallets_opened(), 1);
  EXPECT_EQ(balance(al, "EUR"), "200.00/0.00");
  EXPECT_EQ(balance(jo, "EUR"), "0.00/0.00") << "an empty wallet stays one";
  expect_books_balance();
}

class WithoutProvider : public Payments {
 protected:
  WithoutProvider() : Payments({.top_ups = false}) {}
};

TEST_F(WithoutProvider, TopUpsAreRefusedAndNothingIsBegunNorKept) {
  const Member jo = member_with("jo", "10.00");
  const Member al = member("al");
  for (const char* amount : {"7", "8"}) {
    const RawAnswer refused =
        post(payments, jo.token, object({{"amount", amount}, {"currency", "USD"}}), "one-key");
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.code(), "PAYMENTS_OFF");
  }
  EXPECT_EQ(count("SELECT COUNT(*) FROM payment"), 0);
  EXPECT_EQ(events("PAYMENT_INITIATED"), 0);
  EXPECT_EQ(pay(jo, "x").status, 400) << "what is no payment is told first";
  begun(jo, "4.00", al.id());
  EXPECT_EQ(balance(jo), "6.00/4.00");
}

// ---- what becomes of it with a user

TEST_F(Payments, ToWhoIsErasedMeanwhileFailAndGiveWhatWasHeldFree) {
  const Member jo = member_with("jo", "10.00");
  const Member al = member("al");
  const std::string id = begun(jo, "4.00", al.id());
  const std::string own = begun(al, "3.00");
  EXPECT_LT(hub_.send("DELETE", "/api/v1/users/" + al.id(), al.token, "").status, 300);
  start_worker();
  EXPECT_EQ(outcome(jo, id), "failed");
  EXPECT_EQ(member_of(shown(jo, id).body, "reason"), "PAYEE_GONE");
  EXPECT_EQ(balance(jo), "10.00/0.00");
  EXPECT_TRUE(eventually([&] {
    return hub_.column("SELECT reason FROM payment WHERE id = '" + own + "'") == Texts{"PAYEE_GONE"};
  })) << "nobody's wallet is filled";
  EXPECT_EQ(events("PAYMENT_COMPLETED"), 0);
  EXPECT_EQ(events("PAYMENT_FAILED"), 2);
  expect_books_balance();
}

TEST_F(Payments, ThatTheLedgerRefusesForGoodFailAndAreNotTriedAgain) {
  const Member jo = member_with("jo", "10.00");
  const Member al = member("al");
  const std::string id = begun(jo, "4.00", al.id());
  // As somebody would that gave it free by hand.
  hub_.write([&](hub::db::Transaction& transaction) {
    return hub::ledger::release_hold(transaction, "payment:" + id);
  });
  start_worker();
  EXPECT_EQ(outcome(jo, id), "failed");
  EXPECT_EQ(member_of(shown(jo, id).body, "reason"), "SESSION_STATE");
  EXPECT_EQ(balance(jo), "10.00/0.00");
  EXPECT_EQ(balance(al), "0.00/0.00");
  expect_books_balance();
}

TEST_F(Payments, AreExportedAndEndAlsoWhenTheirMemberIsErased) {
  const Member jo = member_with("jo", "10.00");
  const Member al = member("al");
  const std::string id = begun(jo, "4.00", al.id());
  const RawAnswer exported = hub_.get("/api/v1/users/" + jo.id() + "/export", jo.token);
  ASSERT_EQ(exported.status, 200);
  EXPECT_EQ(json::parse(exported.body)->root().find("payments")->items()[0].find("id")->text(), id);
  EXPECT_LT(hub_.send("DELETE", "/api/v1/users/" + jo.id(), jo.token, "").status, 300);
  start_worker();
  EXPECT_TRUE(
      eventually([&] { return count("SELECT COUNT(*) FROM payment WHERE status = 'completed'") == 1; }));
  EXPECT_EQ(balance(al), "4.00/0.00");
  expect_books_balance();
}

// ---- records

TEST_F(Payments, RecordsAreTheMembersOwnAndStaffsByFilter) {
  const Member jo = member_with("jo", "10.00");
  const Member al = member("al");
  start_worker();
  outcome(jo, begun(jo, "1"));
  outcome(jo, begun(jo, "2", al.id()));
  outcome(al, begun(al, "99.01"));
  const auto amounts = [&](const std::string& query, const std::string& token) {
    Texts found;
    const RawAnswer answer = hub_.get(records + query, token);
    const auto document = json::parse(answer.body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    for (const json::Value& item : document->root().find("items")->items())
      found.emplace_back(item.find("amount")->text());
    return found;
  };
  const std::string today = format_day(utc_day(SystemClock().wall_now()));
  EXPECT_EQ(amounts("", jo.token), (Texts{"2.00", "1.00"}));
  EXPECT_EQ(amounts("?userId=" + jo.id(), jo.token), (Texts{"2.00", "1.00"}));
  EXPECT_EQ(amounts("", staff_), (Texts{"99.01", "2.00", "1.00"}));
  EXPECT_EQ(amounts("?userId=" + al.id(), staff_), Texts{"99.01"});
  EXPECT_EQ(amounts("?status=completed&type=PAYMENT", staff_), Texts{"2.00"});
  EXPECT_EQ(amounts("?type=TOP_UP", staff_), (Texts{"99.01", "1.00"}));
  EXPECT_EQ(amounts("?startDate=" + today, staff_).size(), 3u);
  EXPECT_EQ(amounts("?endDate=2020-01-01", staff_), Texts{});
  EXPECT_EQ(hub_.get(records + ("?userId=" + jo.id()), al.token).code(), "NOT_FOUND");
  EXPECT_EQ(hub_.get(std::string(records) + "?userId=none", staff_).code(), "NOT_FOUND");
  EXPECT_EQ(
      faults_of(hub_.get(
          std::string(records) + "?status=pending&type=x&startDate=1&endDate=2&limit=0&cursor=q", staff_)),
      (std::set<std::string>{"status", "type", "startDate", "endDate", "limit", "cursor"}));
}

TEST_F(Payments, RecordsAreCsvToWhoAsksForIt) {
  const Member jo = member("jo");
  start_worker();
  const std::string first = begun(jo, "1");
  outcome(jo, first);
  outcome(jo, begun(jo, "99.01"));
  const RawAnswer answer =
      hub_.send("GET", std::string(records) + "?limit=1&type=TOP_UP", jo.token, "", "Accept: text/csv\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("Content-Type"), "text/csv; charset=utf-8");
  EXPECT_TRUE(
      answer.body.starts_with("id,paymentId,reference,userId,type,amount,currency,payTo,status,reason,"
                              "transactionId,createdAt,refund\r\n"));
  EXPECT_TRUE(answer.body.contains("," + jo.id() + ",TOP_UP,99.01,USD,,failed,DECLINED,,"));
  const std::string link = answer.field("Link").value_or("");
  ASSERT_TRUE(link.starts_with("</api/v1/billing/records?limit=1&type=TOP_UP&cursor=")) << link;
  ASSERT_TRUE(link.ends_with(">; rel=\"next\"")) << link;
  const RawAnswer next =
      hub_.send("GET", link.substr(1, link.find('>') - 1), jo.token, "", "Accept: text/csv\r\n");
  EXPECT_TRUE(next.body.contains(first));
  EXPECT_EQ(next.field("Link"), std::nullopt);
}

}  // namespace
}  // namespace perkline::test
