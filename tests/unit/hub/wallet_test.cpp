#include <atomic>
#include <map>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "hub/ledger/ledger.hpp"
#include "hub/wallet/holds.hpp"
#include "tests/unit/hub/served_hub.hpp"

namespace perkline::test {
namespace {

using hub::identity::Role;
using hub::identity::User;

struct Member {
  User user;
  std::string token;
  std::string id() const { return user.id.str(); }
};

std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

/// `"a":"b"` of each pair, as an object.
std::string object(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string text;
  for (const auto& [name, value] : members)
    text += (text.empty() ? "" : ",") + quoted(name) + ':' + quoted(value);
  return '{' + text + '}';
}

/// What `errors` names, in order.
std::vector<std::string> faulty_fields(const RawAnswer& answer) {
  std::vector<std::string> fields;
  const auto document = json::parse(answer.body);
  const json::Value* errors = document ? document->root().find("errors") : nullptr;
  if (errors == nullptr) return fields;
  for (const json::Value& each : errors->items()) fields.emplace_back(each.find("field")->text());
  return fields;
}

/// The wallet's routes on a real server over a real database, with staff and members.
class Wallet : public ::testing::Test {
 protected:
  static constexpr const char* credits = "/api/v1/wallet/credits";
  static constexpr const char* debits = "/api/v1/wallet/debits";
  static constexpr const char* transfers = "/api/v1/wallet/transfers";
  static constexpr const char* holds = "/api/v1/wallet/holds";

  Member member(const std::string& name) {
    User user = hub_.add_user(name, Role::member);
    std::string token = hub_.token_of(user);
    return {std::move(user), std::move(token)};
  }
  RawAnswer post(const std::string& path, const std::string& token, const std::string& body,
                 const std::string& key) const {
    return hub_.send("POST", path, token, body, "Idempotency-Key: " + key + "\r\n");
  }
  /// Under a key of its own.
  RawAnswer post(const std::string& path, const std::string& token, const std::string& body) {
    return post(path, token, body, "key-" + std::to_string(++keys_));
  }
  RawAnswer adjust(const char* path, const Member& whose, const std::string& amount,
                   const std::string& currency = "USD") {
    return post(
        path, staff_,
        object({{"userId", whose.id()}, {"amount", amount}, {"currency", currency}, {"reason", "r"}}));
  }
  RawAnswer send(const Member& from, const std::string& to, const std::string& amount,
                 const std::string& currency = "USD") {
    return post(transfers, from.token, object({{"to", to}, {"amount", amount}, {"currency", currency}}));
  }
  Member member_with(const std::string& name, const std::string& amount) {
    Member made = member(name);
    EXPECT_EQ(adjust(credits, made, amount).status, 201);
    return made;
  }

  /// `available/held` in a currency; empty: there is no such wallet.
  std::string balance(const Member& whose, const std::string& currency = "USD") const {
    const RawAnswer answer = hub_.get("/api/v1/wallet", whose.token);
    const auto document = json::parse(answer.body);
    for (const json::Value& each : document->root().find("balances")->items()) {
      if (each.find("currency")->text() == currency)
        return std::string(each.find("available")->text()) + '/' + std::string(each.find("held")->text());
    }
    return "";
  }
  std::int64_t count(const std::string& sql, const std::vector<hub::db::Value>& parameters = {}) {
    std::int64_t number = -1;
    hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      auto rows = transaction.query(sql, parameters);
      if (!rows) return failure(rows);
      number = rows->front().integer(0);
      return {};
    });
    return number;
  }
  std::int64_t events(const std::string& type) {
    return count("SELECT COUNT(*) FROM event_outbox WHERE type = $1", {type});
  }
  void expect_books_balance() {
    hub_.write([](hub::db::Transaction& transaction) -> Result<void> {
      auto verified = hub::ledger::verify(transaction);
      EXPECT_TRUE(verified);
      if (verified) EXPECT_EQ(verified->mismatches, std::vector<std::string>{});
      return {};
    });
  }

  ServedHub hub_;
  const std::string staff_ = hub_.token_for(Role::staff);
  std::atomic<int> keys_ = 0;
};

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
  EXPECT_EQ(member_of(paid.body, "to"), "AL@Example.com");
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

// ---- holds

class WalletHolds : public Wallet {
 protected:
  static std::string way_to(const std::string& id, const std::string& what) {
    return std::string(holds) + '/' + id + '/' + what;
  }
  RawAnswer decide(const std::string& id, const std::string& what, const std::string& body = "") {
    return hub_.send("POST", way_to(id, what), staff_, body);
  }
  std::string hold(const Member& whose, const std::string& amount) {
    const RawAnswer held = adjust(holds, whose, amount);
    EXPECT_EQ(held.status, 201) << held.body;
    EXPECT_EQ(member_of(held.body, "state"), "held");
    return member_of(held.body, "id");
  }
};

TEST_F(WalletHolds, SetMoneyAsideThatNothingElseTakes) {
  const Member jo = member_with("jo", "10");
  const std::string id = hold(jo, "7.50");
  EXPECT_EQ(balance(jo), "2.50/7.50");
  EXPECT_EQ(send(jo, member("al").id(), "2.51").code(), "INSUFFICIENT_FUNDS");
  EXPECT_EQ(adjust(debits, jo, "2.51").code(), "INSUFFICIENT_FUNDS");
  EXPECT_EQ(adjust(holds, jo, "2.51").code(), "INSUFFICIENT_FUNDS");
  const RawAnswer captured = decide(id, "capture");
  EXPECT_EQ(captured.status, 200) << captured.body;
  EXPECT_EQ(member_of(captured.body, "state"), "captured");
  EXPECT_EQ(member_of(captured.body, "captured"), "7.50");
  EXPECT_EQ(balance(jo), "2.50/0.00");
  EXPECT_EQ(events("WALLET_DEBITED"), 1) << "when it is taken, not when it is held";
  expect_books_balance();
}

TEST_F(WalletHolds, AreCapturedOnceUpToWhatIsHeldAndTheRestIsFreeAgain) {
  const Member jo = member_with("jo", "10");
  const std::string id = hold(jo, "8");
  EXPECT_EQ(decide(id, "capture", R"({"amount":"8.01"})").code(), "INSUFFICIENT_FUNDS");
  EXPECT_EQ(balance(jo), "2.00/8.00") << "a refusal leaves it held";
  const RawAnswer captured = decide(id, "capture", R"({"amount":3.25})");
  EXPECT_EQ(captured.status, 200) << captured.body;
  EXPECT_EQ(member_of(captured.body, "captured"), "3.25");
  EXPECT_EQ(balance(jo), "6.75/0.00");
  for (const char* what : {"capture", "release"}) {
    const RawAnswer again = decide(id, what);
    EXPECT_EQ(again.status, 409) << what;
    EXPECT_EQ(again.code(), "SESSION_STATE");
  }
  EXPECT_EQ(balance(jo), "6.75/0.00");
  expect_books_balance();
}

TEST_F(WalletHolds, AreReleasedOnce) {
  const Member jo = member_with("jo", "10");
  const std::string id = hold(jo, "8");
  const RawAnswer released = decide(id, "release");
  EXPECT_EQ(released.status, 200) << released.body;
  EXPECT_EQ(member_of(released.body, "state"), "released");
  EXPECT_EQ(balance(jo), "10.00/0.00");
  for (const char* what : {"capture", "release"}) EXPECT_EQ(decide(id, what).code(), "SESSION_STATE") << what;
  EXPECT_EQ(balance(jo), "10.00/0.00");
  EXPECT_EQ(count("SELECT COUNT(*) FROM audit WHERE action IN ('wallet.held', 'wallet.released')"), 2);
  expect_books_balance();
}

TEST_F(WalletHolds, EndByTheirTime) {
  const Member jo = member_with("jo", "10");
  const RawAnswer held =
      post(holds, staff_,
           R"({"userId":")" + jo.id() + R"(","amount":"4","currency":"USD","reason":"r","expiresInS":60})");
  ASSERT_EQ(held.status, 201) << held.body;
  const auto release_at = [&](seconds later) {
    std::int64_t released = -1;
    hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      auto done = hub::wallet::release_overdue(transaction, SystemClock().wall_now() + later, 10);
      if (!done) return failure(done);
      released = *done;
      return {};
    });
    return released;
  };
  EXPECT_EQ(release_at(seconds{50}), 0);
  EXPECT_EQ(balance(jo), "6.00/4.00");
  EXPECT_EQ(release_at(seconds{61}), 1);
  EXPECT_EQ(release_at(seconds{61}), 0);
  EXPECT_EQ(balance(jo), "10.00/0.00");
  EXPECT_EQ(decide(member_of(held.body, "id"), "capture").code(), "SESSION_STATE");
  // Not yet released by the job, but its time is over.
  const std::string id = hold(jo, "1");
  hub_.execute("UPDATE transfer SET expires_at = 1 WHERE external_id = $1", {"hold:" + id});
  EXPECT_EQ(decide(id, "capture").code(), "SESSION_STATE");
  expect_books_balance();
}

TEST_F(WalletHolds, AreFoundByTheirIdAloneAndAskForAnAmountThatIsOne) {
  const Member jo = member_with("jo", "10");
  const std::string id = hold(jo, "8");
  for (const std::string& other :
       {std::string("0190163d-8694-739b-aea5-966c26f8ad91"), std::string("x"), std::string("%00"),
        std::string("1"), std::string("..%2f") + id, id + "0"}) {
    EXPECT_EQ(decide(other, "capture").code(), "NOT_FOUND") << other;
    EXPECT_EQ(decide(other, "release").code(), "NOT_FOUND") << other;
  }
  for (const char* amount : {"\"0\"", "0", "-1", "\"x\"", "\"1.001\"", "true", "[]", "1e1"}) {
    const RawAnswer answer = decide(id, "capture", R"({"amount":)" + std::string(amount) + "}");
    EXPECT_EQ(answer.status, 400) << amount;
    EXPECT_EQ(faulty_fields(answer), std::vector<std::string>{"amount"}) << amount;
  }
  EXPECT_EQ(decide(id, "capture", "{").code(), "MALFORMED_JSON");
  EXPECT_EQ(hub_.send("POST", way_to(id, "capture"), jo.token, "").status, 403) << "not even by its owner";
  EXPECT_EQ(balance(jo), "2.00/8.00");
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

// ---- many at once

/// Runs `call(i)` for every i below `calls`, `threads` at a time.
void at_once(int threads, int calls, const std::function<void(int)>& call) {
  std::atomic<int> next = 0;
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&] {
      for (int mine = next++; mine < calls; mine = next++) call(mine);
    });
  }
}

std::int64_t minor(const std::string& balance) {
  return parse_amount(balance.substr(0, balance.find('/')), find_currency("USD").value()).value().minor;
}

TEST_F(Wallet, TwoHundredTransfersAtOnceLeaveEveryCentWhereItBelongs) {
  std::vector<Member> members;
  std::map<std::string, std::int64_t> expected;
  for (int i = 0; i < 10; ++i) {
    members.push_back(member_with("m" + std::to_string(i), "100.00"));
    expected[members.back().id()] = 100'00;
  }
  std::array<std::atomic<int>, 200> statuses{};
  const auto pair = [&](int i) {
    const auto from = static_cast<std::size_t>(i % 10);
    return std::pair(from, (from + 1 + static_cast<std::size_t>(i / 10) % 9) % 10);
  };
  at_once(20, 200, [&](int i) {
    const auto [from, to] = pair(i);
    statuses[static_cast<std::size_t>(i)] =
        send(members[from], members[to].id(), std::to_string(1 + i % 7) + ".01").status;
  });
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(statuses[static_cast<std::size_t>(i)], 201) << i;
    const auto [from, to] = pair(i);
    const std::int64_t amount = (1 + i % 7) * 100 + 1;
    expected[members[from].id()] -= amount;
    expected[members[to].id()] += amount;
  }
  std::int64_t sum = 0;
  for (const Member& each : members) {
    EXPECT_EQ(minor(balance(each)), expected[each.id()]) << each.user.name;
    sum += minor(balance(each));
  }
  EXPECT_EQ(sum, 10 * 100'00);
  expect_books_balance();
}

TEST_F(Wallet, AHundredDebitsAtOnceOfWhatCoversThirtyAreThirty) {
  const Member jo = member_with("jo", "30.99");
  std::atomic<int> done = 0;
  std::atomic<int> refused = 0;
  at_once(25, 100, [&](int) {
    const RawAnswer answer = adjust(debits, jo, "1");
    if (answer.status == 201) ++done;
    if (answer.code() == "INSUFFICIENT_FUNDS") ++refused;
  });
  EXPECT_EQ(done, 30);
  EXPECT_EQ(refused, 70);
  EXPECT_EQ(balance(jo), "0.99/0.00");
  expect_books_balance();
}

TEST_F(Wallet, AThousandCreditsUnderOneKeyAreOne) {
  const Member jo = member("jo");
  const std::string body =
      object({{"userId", jo.id()}, {"amount", "5"}, {"currency", "USD"}, {"reason", "r"}});
  std::mutex mutex;
  std::set<std::string> bodies;
  std::map<int, int> statuses;
  int fresh = 0;
  at_once(50, 1000, [&](int) {
    const RawAnswer answer = post(credits, staff_, body, "k");
    const std::scoped_lock lock(mutex);
    ++statuses[answer.status];
    if (answer.status == 201) bodies.insert(answer.body);
    if (answer.status == 201 && !answer.field("Idempotent-Replayed")) ++fresh;
    if (answer.status == 409) EXPECT_EQ(answer.code(), "REQUEST_IN_PROGRESS");
  });
  EXPECT_EQ(statuses[201] + statuses[409], 1000);
  EXPECT_GT(statuses[201], 0);
  EXPECT_EQ(bodies.size(), 1u);
  EXPECT_EQ(fresh, 1);
  EXPECT_EQ(balance(jo), "5.00/0.00");
  EXPECT_EQ(events("WALLET_CREDITED"), 1);
  expect_books_balance();
}

TEST_F(Wallet, SixtyFourWritersOfOneAccountAllSucceed) {
  const Member hot = member_with("hot", "64.00");
  std::atomic<int> failed = 0;
  at_once(64, 320, [&](int i) {
    if (adjust(i % 2 == 0 ? credits : debits, hot, "0.10").status != 201) ++failed;
  });
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(balance(hot), "64.00/0.00");
  expect_books_balance();
}

}  // namespace
}  // namespace perkline::test
