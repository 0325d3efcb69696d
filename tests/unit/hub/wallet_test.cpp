#include <set>

#include "tests/unit/hub/wallet_fixture.hpp"

namespace perkline::test {
namespace {

// ---- what there is

TEST_F(Wallet, IsMadeAtRegistrationInTheProgrammesCurrency) {
  const RawAnswer registered =
      hub_.send("POST", "/api/v1/auth/register", "",
                object({{"email", "new@example.com"}, {"password", "a long enough password 7"}}));
  ASSERT_EQ(registered.status, 201) << registered.body;
  EXPECT_EQ(count("SELECT COUNT(*) FROM wallet WHERE currency = 'USD'"), 1);
  EXPECT_EQ(events("WALLET_CREATED"), 1);
  const RawAnswer shown = hub_.get("/api/v1/wallet", member_of(registered.body, "accessToken"));
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.body, R"({"balances":[{"currency":"USD","available":"0.00","held":"0.00"}]})");
}

TEST_F(Wallet, HasAnotherCurrencyOnceMoneyOfItComesIn) {
  const Member jo = member("jo");
  EXPECT_EQ(adjust(credits, jo, "1200", "JPY").status, 201);
  EXPECT_EQ(adjust(credits, jo, "1.500", "KWD").status, 201);
  EXPECT_EQ(events("WALLET_CREATED"), 2);
  EXPECT_EQ(hub_.get("/api/v1/wallet", jo.token).body,
            R"({"balances":[{"currency":"JPY","available":"1200","held":"0"},)"
            R"({"currency":"KWD","available":"1.500","held":"0.000"},)"
            R"({"currency":"USD","available":"0.00","held":"0.00"}]})");
  EXPECT_EQ(send(jo, member("al").id(), "1", "EUR").code(), "INSUFFICIENT_FUNDS");
  expect_books_balance();
}

// ---- credits and debits

TEST_F(Wallet, IsCreditedAndDebitedByStaffWithEventsAndAudit) {
  const Member jo = member("jo");
  const RawAnswer credited =
      post(credits, staff_,
           R"({"userId":")" + jo.id() + R"(","amount":12.5,"currency":"USD","reason":"goodwill"})");
  ASSERT_EQ(credited.status, 201) << credited.body;
  EXPECT_EQ(member_of(credited.body, "amount"), "12.50") << "a number's text counts";
  EXPECT_EQ(member_of(credited.body, "userId"), jo.id());
  EXPECT_EQ(member_of(credited.body, "reason"), "goodwill");
  EXPECT_TRUE(credited.body.contains(R"("balance":{"currency":"USD","available":"12.50","held":"0.00"})"));
  EXPECT_EQ(adjust(debits, jo, "2.49").status, 201);
  EXPECT_EQ(balance(jo), "10.01/0.00");
  EXPECT_EQ(events("WALLET_CREDITED"), 1);
  EXPECT_EQ(events("WALLET_DEBITED"), 1);
  EXPECT_EQ(count("SELECT COUNT(*) FROM audit WHERE action IN ('wallet.credited', 'wallet.debited')"
                  " AND subject = $1 AND actor LIKE 'user:%'",
                  {"user:" + jo.id()}),
            2);
  EXPECT_EQ(adjust(debits, jo, "10.02").code(), "INSUFFICIENT_FUNDS");
  EXPECT_EQ(balance(jo), "10.01/0.00");
  EXPECT_EQ(events("WALLET_DEBITED"), 1) << "nothing half done";
  EXPECT_EQ(adjust(debits, jo, "10.01").status, 201) << "to the last cent";
  expect_books_balance();
}

TEST_F(Wallet, AnswersThatTellWhatStaffWroteOfAMemberAreKeptNoLongerThanTheMember) {
  const Member jo = member("jo");
  const Member al = member("al");
  const auto credit = [&](const Member& whose, const std::string& key) {
    return post(
        credits, staff_,
        object({{"userId", whose.id()}, {"amount", "1"}, {"currency", "USD"}, {"reason", "of Elm St"}}), key);
  };
  ASSERT_EQ(credit(jo, "jos").status, 201);
  ASSERT_EQ(credit(al, "als").status, 201);
  ASSERT_EQ(adjust(debits, jo, "1").status, 201);
  EXPECT_EQ(hub_.send("DELETE", "/api/v1/users/" + jo.id(), jo.token, "").status, 202);
  EXPECT_EQ(hub_.column("SELECT key FROM idempotency WHERE body LIKE '%Elm St%'"),
            std::vector<std::string>{"als"});
  EXPECT_EQ(count("SELECT COUNT(*) FROM idempotency"), 1);
  EXPECT_EQ(credit(jo, "jos").status, 404) << "not once more either";
  EXPECT_EQ(credit(al, "als").field("Idempotent-Replayed"), "true");
}

TEST_F(Wallet, OfNobodyIsNotFound) {
  const Member staff{hub_.add_user("boss", Role::staff), ""};
  Member nobody;
  nobody.user.id = UserId("0190163d-8694-739b-aea5-966c26f8ad91");
  for (const char* path : {credits, debits, holds}) {
    EXPECT_EQ(adjust(path, nobody, "1").code(), "NOT_FOUND") << path;
    EXPECT_EQ(adjust(path, staff, "1").code(), "NOT_FOUND") << path << ": staff have no wallet";
  }
  EXPECT_EQ(events("WALLET_CREATED"), 0);
}

// ---- transfers

TEST_F(Wallet, IsPaidByIdByAddressInAnyCaseAndByMobile) {
  const Member jo = member_with("jo", "10");
  const Member al = member("al");
  hub_.execute("UPDATE users SET mobile = '+491701234567' WHERE id = $1", {al.id()});
  const std::string body = R"({"to":"AL@Example.com","amount":"1.25","currency":"USD","note":"für Kaffee"})";
  const RawAnswer paid = post(transfers, jo.token, body);
  ASSERT_EQ(paid.status, 201) << paid.body;
  EXPECT_EQ(member_of(paid.body, "from"), jo.id());
  EXPECT_EQ(member_of(paid.body, "to"), al.id()) << "no address is kept with the answer";
  EXPECT_EQ(member_of(paid.body, "note"), "für Kaffee");
  EXPECT_EQ(send(jo, al.id(), "1").status, 201);
  EXPECT_EQ(send(jo, "+491701234567", "0.01").status, 201);
  EXPECT_EQ(balance(jo), "7.74/0.00");
  EXPECT_EQ(balance(al), "2.26/0.00");
  EXPECT_EQ(events("WALLET_DEBITED"), 3);
  EXPECT_EQ(events("WALLET_CREDITED"), 4) << "and what jo began with";
  expect_books_balance();
}

TEST_F(Wallet, PaysNeitherItselfNorWhoIsNotThere) {
  const Member jo = member_with("jo", "10");
  const Member gone = member("gone");
  hub_.execute("UPDATE users SET active = 0 WHERE id = $1", {gone.id()});
  hub_.add_user("boss", Role::staff);
  for (const std::string& self : {jo.id(), std::string("jo@example.com"), std::string("JO@EXAMPLE.COM")}) {
    const RawAnswer refused = send(jo, self, "1");
    EXPECT_EQ(refused.status, 400) << self;
    EXPECT_EQ(faulty_fields(refused), std::vector<std::string>{"to"});
  }
  std::set<std::string> told;
  for (const std::string& to : {gone.id(), std::string("gone@example.com"), std::string("boss@example.com"),
                                std::string("nobody"), std::string("0190163d-8694-739b-aea5-966c26f8ad91"),
                                std::string("+4917000000"), std::string("' OR 1=1 --")}) {
    const RawAnswer refused = send(jo, to, "1");
    EXPECT_EQ(refused.status, 404) << to;
    told.insert(member_of(refused.body, "detail"));
  }
  EXPECT_EQ(told.size(), 1u) << "who is there is nobody's to learn";
  EXPECT_EQ(balance(jo), "10.00/0.00");
  EXPECT_EQ(send(jo, member("al").id(), "10.01").code(), "INSUFFICIENT_FUNDS");
  EXPECT_EQ(balance(jo), "10.00/0.00");
  expect_books_balance();
}

// ---- input

struct BadBody {
  const char* body;
  std::vector<std::string> fields;
};

TEST_F(Wallet, NamesEveryFaultOfWhatItIsAsked) {
  const Member jo = member_with("jo", "10");
  const std::string known = jo.id();
  const auto with_user = [&](std::string text) {
    const auto at = text.find("USER");
    return at == std::string::npos ? text : text.replace(at, 4, known);
  };
  const std::vector<BadBody> adjustments{
      {"{}", {"userId", "currency", "amount", "reason"}},
      {"[]", {""}},
      {R"({"userId":1,"amount":"1","currency":"USD","reason":"r"})", {"userId"}},
      {R"({"userId":"x","amount":"1","currency":"USD","reason":"r"})", {"userId"}},
      {R"({"userId":"USER","amount":"0","currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":"0.00","currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":"-1","currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":-1,"currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":"+1","currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":"1.001","currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":1.001,"currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":"1.5","currency":"JPY","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":"1e3","currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":1e3,"currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":"01","currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":"1000000000000","currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":"99999999999999999999999999","currency":"USD","reason":"r"})",
       {"amount"}},
      {R"({"userId":"USER","amount":" 1","currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":"","currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":true,"currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":null,"currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":["1"],"currency":"USD","reason":"r"})", {"amount"}},
      {R"({"userId":"USER","amount":"1","currency":"usd","reason":"r"})", {"currency"}},
      {R"({"userId":"USER","amount":"1","currency":"XXX","reason":"r"})", {"currency"}},
      {R"({"userId":"USER","amount":"x","currency":"DOGE","reason":"r"})", {"currency", "amount"}},
      {R"({"userId":"USER","amount":"1","currency":"USD","reason":""})", {"reason"}},
      {R"({"userId":"USER","amount":"1","currency":"USD","reason":7})", {"reason"}},
  };
  for (const char* path : {credits, debits, holds}) {
    for (const BadBody& bad : adjustments) {
      const RawAnswer answer = post(path, staff_, with_user(bad.body));
      EXPECT_EQ(answer.status, 400) << path << ' ' << bad.body;
      EXPECT_EQ(answer.code(), "VALIDATION_FAILED") << bad.body;
      EXPECT_EQ(faulty_fields(answer), bad.fields) << path << ' ' << bad.body;
    }
    EXPECT_EQ(post(path, staff_, "{").code(), "MALFORMED_JSON");
    EXPECT_EQ(post(path, staff_, "").code(), "MALFORMED_JSON");
  }
  for (const char* time : {"0", "-1", "2592001", "1.5", "\"60\"", "true"}) {
    const RawAnswer answer =
        post(holds, staff_,
             R"({"userId":")" + known + R"(","amount":"1","currency":"USD","reason":"r","expiresInS":)" +
                 time + "}");
    EXPECT_EQ(faulty_fields(answer), std::vector<std::string>{"expiresInS"}) << time;
  }
  const std::vector<BadBody> bad_transfers{
      {"{}", {"to", "currency", "amount"}},
      {R"({"to":"","amount":"1","currency":"USD"})", {"to"}},
      {R"({"to":{"id":"x"},"amount":"1","currency":"USD"})", {"to"}},
      {R"({"to":"a@b.de","amount":"-5","currency":"USD"})", {"amount"}},
      {R"({"to":"a@b.de","amount":"0","currency":"USD","note":5})", {"amount", "note"}},
      {R"({"to":"a@b.de","amount":"1","currency":"USD","note":"\u0000"})", {"note"}},
  };
  for (const BadBody& bad : bad_transfers) {
    const RawAnswer answer = post(transfers, jo.token, bad.body);
    EXPECT_EQ(answer.status, 400) << bad.body;
    EXPECT_EQ(faulty_fields(answer), bad.fields) << bad.body;
  }
  EXPECT_EQ(balance(jo), "10.00/0.00");
  EXPECT_EQ(count("SELECT COUNT(*) FROM idempotency"), 1) << "no 400 is kept";
}

// ---- Idempotency-Key

TEST_F(Wallet, AsksForAKeyAndTellsTheBodysFaultsWithIt) {
  const Member jo = member("jo");
  for (const auto& [path, token] : std::vector<std::pair<std::string, std::string>>{
           {credits, staff_}, {debits, staff_}, {holds, staff_}, {transfers, jo.token}}) {
    const RawAnswer answer = hub_.send("POST", path, token, "{}");
    EXPECT_EQ(answer.status, 400) << path;
    auto fields = faulty_fields(answer);
    ASSERT_GE(fields.size(), 3u) << path;
    EXPECT_EQ(fields.front(), "Idempotency-Key");
    EXPECT_TRUE(answer.body.contains("Idempotency-Key"));
  }
}

TEST_F(Wallet, TakesACallUnderAKeyOnceAndAnswersWithTheSameBytes) {
  const Member jo = member("jo");
  const std::string body =
      object({{"userId", jo.id()}, {"amount", "5"}, {"currency", "USD"}, {"reason", "r"}});
  const RawAnswer first = post(credits, staff_, body, "k");
  const RawAnswer again = post(credits, staff_, body, "k");
  ASSERT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.field("Content-Type"), first.field("Content-Type"));
  EXPECT_FALSE(first.field("Idempotent-Replayed"));
  EXPECT_EQ(again.field("Idempotent-Replayed"), "true");
  const RawAnswer other =
      post(credits, staff_,
           object({{"userId", jo.id()}, {"amount", "6"}, {"currency", "USD"}, {"reason", "r"}}), "k");
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(other.code(), "IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(post(credits, staff_, body, "k").body, first.body) << "a refusal replaces nothing";
  EXPECT_EQ(balance(jo), "5.00/0.00");
  // Another route, another user: another key.
  EXPECT_EQ(post(debits, staff_, body, "k").status, 201);
  EXPECT_EQ(post(credits, hub_.token_for(Role::admin), body, "k").status, 201);
  EXPECT_EQ(balance(jo), "5.00/0.00");
}

TEST_F(Wallet, RepeatsARefusalEvenIfMoneyHasComeInMeanwhile) {
  const Member jo = member_with("jo", "1");
  const Member al = member("al");
  const std::string body = object({{"to", al.id()}, {"amount", "5"}, {"currency", "USD"}});
  const RawAnswer refused = post(transfers, jo.token, body, "k");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.code(), "INSUFFICIENT_FUNDS");
  EXPECT_EQ(adjust(credits, jo, "10").status, 201);
  const RawAnswer again = post(transfers, jo.token, body, "k");
  EXPECT_EQ(again.body, refused.body);
  EXPECT_EQ(again.field("Idempotent-Replayed"), "true");
  EXPECT_EQ(post(transfers, jo.token, body, "k2").status, 201);
  // A 404 is not kept: whoever was not there may register.
  const std::string later = object({{"to", "later@example.com"}, {"amount", "1"}, {"currency", "USD"}});
  EXPECT_EQ(post(transfers, jo.token, later, "k3").status, 404);
  hub_.add_user("later", Role::member);
  EXPECT_EQ(post(transfers, jo.token, later, "k3").status, 201);
  expect_books_balance();
}

// ---- history

TEST_F(Wallet, TellsItsHistoryNewestFirstPageByPageWhateverComesInMeanwhile) {
  const Member jo = member("jo");
  const Member al = member("al");
  for (int i = 1; i <= 5; ++i) adjust(credits, jo, std::to_string(i));
  std::vector<std::string> seen;
  std::set<std::string> ids;
  std::string cursor;
  for (int pages = 0; pages < 10; ++pages) {
    const RawAnswer page =
        hub_.get("/api/v1/wallet/entries?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor), jo.token);
    ASSERT_EQ(page.status, 200) << page.body;
    const auto document = json::parse(page.body);
    for (const json::Value& item : document->root().find("items")->items()) {
      seen.emplace_back(item.find("delta")->text());
      EXPECT_TRUE(ids.emplace(item.find("id")->text()).second) << "each once";
    }
    const json::Value* next = document->root().find("nextCursor");
    if (next->is(json::Value::Kind::null)) break;
    cursor = next->text();
    adjust(credits, jo, "9");
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"5.00", "4.00", "3.00", "2.00", "1.00"}));

  send(jo, al.id(), "2.50");
  const auto entry = [&](const Member& whose) {
    return hub_.get("/api/v1/wallet/entries?limit=1", whose.token).body;
  };
  EXPECT_EQ(entry(jo).find(R"({"items":[{"id":)"), 0u);
  EXPECT_TRUE(entry(jo).contains(R"("delta":"-2.50","balanceAfter":"30.50","reason":"transfer")"))
      << entry(jo);
  EXPECT_TRUE(entry(jo).contains(R"("counterparty":")" + al.id()));
  EXPECT_TRUE(entry(al).contains(R"("delta":"2.50","balanceAfter":"2.50","reason":"transfer")"));
  EXPECT_EQ(hub_.get("/api/v1/wallet/entries", member("new").token).body,
            R"({"items":[],"nextCursor":null})");

  const RawAnswer wrong = hub_.get("/api/v1/wallet/entries?limit=0&cursor=zz", jo.token);
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(faulty_fields(wrong), (std::vector<std::string>{"limit", "cursor"}));
}

// ---- people's data

TEST_F(Wallet, IsInItsOwnersExportAndWhatTheyWroteGoesWithThem) {
  const Member jo = member_with("jo", "10");
  const Member al = member("al");
  EXPECT_EQ(
      post(transfers, jo.token,
           object({{"to", al.id()}, {"amount", "4"}, {"currency", "USD"}, {"note", "for Ann's birthday"}}))
          .status,
      201);
  const std::string own = "/api/v1/users/" + jo.id();
  const RawAnswer exported = hub_.get(own + "/export", jo.token);
  ASSERT_EQ(exported.status, 200) << exported.body;
  EXPECT_TRUE(exported.body.contains(R"("wallet":{"balances":[{"currency":"USD","available":"6.00")"))
      << exported.body;
  EXPECT_TRUE(exported.body.contains("for Ann's birthday"));

  EXPECT_LT(hub_.send("DELETE", own, jo.token, "").status, 300);
  EXPECT_EQ(count("SELECT COUNT(*) FROM wallet_note WHERE user_id = $1", {jo.id()}), 0);
  const std::string history = hub_.get("/api/v1/wallet/entries", al.token).body;
  EXPECT_TRUE(history.contains(R"("delta":"4.00")")) << "what was booked stays";
  EXPECT_FALSE(history.contains("birthday"));
  EXPECT_EQ(send(al, jo.id(), "1").code(), "NOT_FOUND");
  EXPECT_EQ(adjust(credits, jo, "1").code(), "NOT_FOUND");
  EXPECT_EQ(balance(al), "4.00/0.00");
  expect_books_balance();
}

}  // namespace
}  // namespace perkline::test
