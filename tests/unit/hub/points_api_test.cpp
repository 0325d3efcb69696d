#include <future>
#include <set>

#include <gtest/gtest.h>

#include "hub/ledger/history.hpp"
#include "hub/points/balance.hpp"
#include "hub/points/purse.hpp"
#include "tests/unit/hub/event_table.hpp"
#include "tests/unit/hub/served_hub.hpp"

namespace perkline::test {
namespace {

using hub::identity::Role;
using hub::identity::User;

/// The points routes on a served hub, with a programme of its own.
class PointsApi : public ::testing::Test {
 protected:
  /// Whatever the test made happen is told as hub/events/README.md says.
  void TearDown() override { expect_all_documented(hub_); }
  static hub::points::Terms terms() {
    hub::points::Terms made;
    made.signup = 5;
    made.referral = 2;
    made.tiers = {{"Silver", 100}, {"Gold", 1'000}};
    return made;
  }

  RawAnswer post(const std::string& route, const std::string& token, const std::string& body,
                 const std::string& key) const {
    return hub_.send("POST", "/api/v1/points/" + route, token, body,
                     key.empty() ? "" : "Idempotency-Key: " + key + "\r\n");
  }
  RawAnswer apply(const std::string& user, std::int64_t delta, const std::string& external_id,
                  const std::string& reason = "goodwill") {
    return post("apply", staff_,
                R"({"userId":")" + user + R"(","delta":)" + std::to_string(delta) + R"(,"reason":")" +
                    reason + R"(","externalId":")" + external_id + R"("})",
                "key-" + std::to_string(++keys_));
  }
  RawAnswer purchase(const std::string& token, std::int64_t amount, const std::string& key = "") {
    return post("purchase", token, R"({"amount":)" + std::to_string(amount) + R"(,"item":"mug"})",
                key.empty() ? "key-" + std::to_string(++keys_) : key);
  }
  std::string balance(const std::string& token, const std::string& query = "") const {
    return hub_.get("/api/v1/points/balance" + query, token).body;
  }
  std::int64_t points(const std::string& token) const {
    return std::stoll(member_of(balance(token), "balance"));
  }
  std::set<std::string> refused_for(const RawAnswer& answer) const {
    EXPECT_EQ(answer.status, 400) << answer.body;
    EXPECT_EQ(answer.code(), "VALIDATION_FAILED") << answer.body;
    return faults_of(answer);
  }

  ServedHub hub_{{.login_per_minute = 0, .auth_per_address_minute = 0}, HubWeb{.terms = terms()}};
  const User ann_ = hub_.add_user("ann", Role::member);
  const User bob_ = hub_.add_user("bob", Role::member);
  const std::string ann_token_ = hub_.token_of(ann_);
  const std::string bob_token_ = hub_.token_of(bob_);
  const std::string staff_ = hub_.token_for(Role::staff);
  const std::string admin_ = hub_.token_for(Role::admin);
  int keys_ = 0;
};

TEST_F(PointsApi, StaffGivesAndTakesPoints) {
  const RawAnswer given = apply(ann_.id.str(), 50, "x-1");
  ASSERT_EQ(given.status, 201) << given.body;
  EXPECT_EQ(member_of(given.body, "delta"), "50");
  EXPECT_EQ(member_of(given.body, "balanceAfter"), "50");
  EXPECT_EQ(member_of(given.body, "purse"), "points");
  EXPECT_EQ(member_of(given.body, "reason"), "goodwill");
  EXPECT_EQ(member_of(given.body, "externalId"), "apply:x-1");
  const RawAnswer taken = apply(ann_.id.str(), -20, "x-2");
  ASSERT_EQ(taken.status, 201) << taken.body;
  EXPECT_EQ(member_of(taken.body, "delta"), "-20");
  EXPECT_EQ(points(ann_token_), 30);
  EXPECT_EQ(points(bob_token_), 0);
  EXPECT_EQ(hub_.column("SELECT type FROM event_outbox WHERE type = 'POINTS_APPLIED'").size(), 2u);
  EXPECT_EQ(hub_.column("SELECT action FROM audit WHERE action = 'points.applied'").size(), 2u);
}

TEST_F(PointsApi, NeverGoBelowZero) {
  ASSERT_EQ(apply(ann_.id.str(), 10, "x-1").status, 201);
  const RawAnswer refused = apply(ann_.id.str(), -11, "x-2");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.code(), "INSUFFICIENT_POINTS");
  EXPECT_EQ(points(ann_token_), 10);
  // The name was not used up.
  EXPECT_EQ(apply(ann_.id.str(), -10, "x-2").status, 201);
}

TEST_F(PointsApi, AnExternalIdIsAppliedOnceForEver) {
  const RawAnswer first = apply(ann_.id.str(), 10, "x-1");
  const RawAnswer again = apply(ann_.id.str(), 10, "x-1");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body) << "under another Idempotency-Key too";
  EXPECT_EQ(points(ann_token_), 10);
  EXPECT_EQ(hub_.column("SELECT type FROM event_outbox WHERE type = 'POINTS_APPLIED'").size(), 1u);
  for (const RawAnswer& other : {apply(ann_.id.str(), 11, "x-1"), apply(ann_.id.str(), -10, "x-1"),
                                 apply(bob_.id.str(), 10, "x-1"), apply(ann_.id.str(), 10, "x-1", "other")}) {
    EXPECT_EQ(other.status, 422) << other.body;
    EXPECT_EQ(other.code(), "TRANSACTION_REUSED");
  }
  EXPECT_EQ(points(ann_token_), 10);
}

TEST_F(PointsApi, ARepeatedCallTakesEffectOnce) {
  const std::string body =
      R"({"userId":")" + ann_.id.str() + R"(","delta":7,"reason":"r","externalId":"x-1"})";
  const RawAnswer first = post("apply", staff_, body, "same");
  ASSERT_EQ(first.status, 201);
  EXPECT_EQ(post("apply", staff_, body, "same").body, first.body);
  const RawAnswer bought = purchase(ann_token_, 3, "mug-1");
  ASSERT_EQ(bought.status, 201) << bought.body;
  EXPECT_EQ(purchase(ann_token_, 3, "mug-1").body, bought.body);
  EXPECT_EQ(purchase(ann_token_, 4, "mug-1").code(), "IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(points(ann_token_), 4);
}

TEST_F(PointsApi, TellAllThatIsWrongWithAnApplication) {
  EXPECT_EQ(refused_for(post("apply", staff_, "{}", "")),
            (std::set<std::string>{"Idempotency-Key", "userId", "delta", "reason", "externalId"}));
  const auto with = [&](const std::string& delta) {
    return post(
        "apply", staff_,
        R"({"userId":")" + ann_.id.str() + R"(","delta":)" + delta + R"(,"reason":"r","externalId":"x"})",
        "k");
  };
  for (const char* wrong : {"0", "1.5", "\"5\"", "1e3", "1000000000001", "-1000000000001", "null", "true"})
    EXPECT_EQ(refused_for(with(wrong)), (std::set<std::string>{"delta"})) << wrong;
  EXPECT_EQ(
      refused_for(post(
          "apply", staff_,
          R"({"userId":"a b","delta":1,"reason":"","externalId":")" + std::string(129, 'x') + R"("})", "k")),
      (std::set<std::string>{"userId", "reason", "externalId"}));
  EXPECT_EQ(post("apply", staff_, "{", "k").code(), "MALFORMED_JSON");
  EXPECT_EQ(points(ann_token_), 0);
}

TEST_F(PointsApi, AreAppliedToNobodyUnknown) {
  EXPECT_EQ(apply("0190163d-8694-739b-aea5-966c26f8ad91", 5, "x-1").code(), "NOT_FOUND");
  EXPECT_EQ(apply("nobody", 5, "x-1").code(), "NOT_FOUND");
  const auto clerk = hub_.add_user("clerk", Role::staff);
  EXPECT_EQ(apply(clerk.id.str(), 5, "x-1").code(), "NOT_FOUND") << "points are members'";
}

TEST_F(PointsApi, AreForThoseWhoMay) {
  const std::string body = R"({"userId":")" + ann_.id.str() + R"(","delta":1,"reason":"r","externalId":"x"})";
  EXPECT_EQ(post("apply", "", body, "k").status, 401);
  EXPECT_EQ(post("apply", ann_token_, body, "k").code(), "FORBIDDEN");
  EXPECT_EQ(post("apply", admin_, body, "k").status, 201);
  EXPECT_EQ(purchase("", 1).status, 401);
  EXPECT_EQ(purchase(staff_, 1).code(), "FORBIDDEN");
  EXPECT_EQ(purchase(admin_, 1).code(), "FORBIDDEN");
  for (const std::string path : {"balance", "history"}) {
    const std::string route = "/api/v1/points/" + path;
    EXPECT_EQ(hub_.get(route).status, 401);
    EXPECT_EQ(hub_.get(route, ann_token_).status, 200);
    EXPECT_EQ(hub_.get(route + "?userId=" + ann_.id.str(), ann_token_).status, 200);
    EXPECT_EQ(hub_.get(route + "?userId=" + bob_.id.str(), ann_token_).code(), "NOT_FOUND");
    EXPECT_EQ(hub_.get(route + "?customerId=CUST-1", ann_token_).code(), "NOT_FOUND");
    EXPECT_EQ(hub_.get(route + "?userId=" + ann_.id.str(), staff_).status, 200);
    EXPECT_EQ(hub_.get(route + "?userId=" + ann_.id.str(), admin_).status, 200);
    EXPECT_EQ(hub_.get(route + "?customerId=CUST-none", staff_).code(), "NOT_FOUND");
    EXPECT_EQ(refused_for(hub_.get(route, staff_)), (std::set<std::string>{"userId", "customerId"}));
  }
}

TEST_F(PointsApi, ArePaidWithAsFarAsTheyGo) {
  ASSERT_EQ(apply(ann_.id.str(), 10, "x-1").status, 201);
  const RawAnswer bought = purchase(ann_token_, 7);
  ASSERT_EQ(bought.status, 201) << bought.body;
  EXPECT_EQ(member_of(bought.body, "delta"), "-7");
  EXPECT_EQ(member_of(bought.body, "balanceAfter"), "3");
  EXPECT_EQ(member_of(bought.body, "reason"), "purchase");
  EXPECT_NE(bought.body.find(R"("meta":{"item":"mug"})"), std::string::npos) << bought.body;
  const RawAnswer refused = purchase(ann_token_, 4);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.code(), "INSUFFICIENT_POINTS");
  EXPECT_EQ(purchase(bob_token_, 1).code(), "INSUFFICIENT_POINTS") << "who never had any";
  EXPECT_EQ(points(ann_token_), 3);
}

TEST_F(PointsApi, TellAllThatIsWrongWithAPurchase) {
  EXPECT_EQ(refused_for(post("purchase", ann_token_, "{}", "")),
            (std::set<std::string>{"Idempotency-Key", "amount", "item"}));
  for (const char* wrong : {"0", "-1", "1.5", "\"1\"", "1000000000001", "null"}) {
    EXPECT_EQ(refused_for(
                  post("purchase", ann_token_, std::string(R"({"item":"mug","amount":)") + wrong + "}", "k")),
              (std::set<std::string>{"amount"}))
        << wrong;
  }
  EXPECT_EQ(refused_for(post("purchase", ann_token_, R"({"amount":1,"item":""})", "k")),
            (std::set<std::string>{"item"}));
}

TEST_F(PointsApi, WhatStaffWroteIsShownAndExportedAndGoesWithItsMember) {
  const std::string words = "for Ann Doe of Elm Street";
  ASSERT_EQ(apply(ann_.id.str(), 10, "x-1", words).status, 201);
  EXPECT_EQ(apply(ann_.id.str(), 10, "x-1", words).status, 201) << "the same again";
  EXPECT_EQ(apply(ann_.id.str(), 10, "x-1", "other words").code(), "TRANSACTION_REUSED");
  EXPECT_TRUE(hub_.get("/api/v1/points/history", ann_token_).body.contains(words));
  const std::string user = "/api/v1/users/" + ann_.id.str();
  EXPECT_TRUE(hub_.get(user + "/export", ann_token_).body.contains(words));
  const auto holds_words = [&](const std::string& column) {
    for (const std::string& text : hub_.column("SELECT " + column)) {
      if (text.contains("Elm Street")) return true;
    }
    return false;
  };
  for (const char* column : {"data FROM event_outbox", "detail FROM audit", "meta FROM transfer"})
    EXPECT_FALSE(holds_words(column)) << column;
  for (const char* column : {"note FROM points_note", "body FROM idempotency"})
    EXPECT_TRUE(holds_words(column)) << column;
  EXPECT_EQ(hub_.send("DELETE", user, ann_token_, "").status, 202);
  for (const char* column : {"note FROM points_note", "body FROM idempotency"})
    EXPECT_FALSE(holds_words(column)) << column;
  EXPECT_EQ(apply(ann_.id.str(), 10, "x-1", words).status, 404);
}

TEST_F(PointsApi, ManyPurchasesAtOnceSpendNoMoreThanIsThere) {
  ASSERT_EQ(apply(ann_.id.str(), 30, "x-1").status, 201);
  std::vector<std::future<int>> answers;
  for (int i = 0; i < 100; ++i) {
    answers.push_back(std::async(std::launch::async, [this, i] {
      return post("purchase", ann_token_, R"({"amount":1,"item":"spin"})", "p" + std::to_string(i)).status;
    }));
  }
  std::map<int, int> statuses;
  for (auto& answer : answers) ++statuses[answer.get()];
  EXPECT_EQ(statuses, (std::map<int, int>{{201, 30}, {409, 70}}));
  EXPECT_EQ(points(ann_token_), 0);
}

TEST_F(PointsApi, HistoryShowsEveryEntryOnceNewestFirst) {
  for (int i = 1; i <= 5; ++i) ASSERT_EQ(apply(ann_.id.str(), i, "x-" + std::to_string(i)).status, 201);
  ASSERT_EQ(apply(bob_.id.str(), 9, "not-anns").status, 201);
  ASSERT_EQ(purchase(ann_token_, 4).status, 201);
  std::vector<std::string> deltas;
  std::string path = "/api/v1/points/history?limit=2";
  for (int pages = 0; !path.empty() && pages < 10; ++pages) {
    const RawAnswer answer = hub_.get(path, ann_token_);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto document = json::parse(answer.body);
    for (const auto& item : document->root().find("items")->items())
      deltas.emplace_back(item.find("delta")->text());
    const json::Value* next = document->root().find("nextCursor");
    path = next->is(json::Value::Kind::null)
               ? ""
               : "/api/v1/points/history?limit=2&cursor=" + std::string(next->text());
    if (pages == 0) ASSERT_EQ(apply(ann_.id.str(), 100, "meanwhile").status, 201);
  }
  EXPECT_EQ(deltas, (std::vector<std::string>{"-4", "5", "4", "3", "2", "1"}));
}

TEST_F(PointsApi, HistoryRefusesCursorsAndLimitsOfTheCallersMaking) {
  for (const std::string wrong : {"limit=0", "limit=201", "limit=x"})
    EXPECT_EQ(refused_for(hub_.get("/api/v1/points/history?" + wrong, ann_token_)),
              (std::set<std::string>{"limit"}));
  EXPECT_EQ(refused_for(hub_.get("/api/v1/points/history?cursor=1", ann_token_)),
            (std::set<std::string>{"cursor"}));
  EXPECT_EQ(refused_for(hub_.get("/api/v1/points/history?cursor=1&limit=0", staff_)),
            (std::set<std::string>{"cursor", "limit", "userId", "customerId"}));
}

TEST_F(PointsApi, TierFollowsWhatWasEarned) {
  EXPECT_EQ(member_of(balance(ann_token_), "tier"), "Base");
  ASSERT_EQ(apply(ann_.id.str(), 99, "x-1").status, 201);
  EXPECT_EQ(member_of(balance(ann_token_), "tier"), "Base");
  ASSERT_EQ(apply(ann_.id.str(), 1, "x-2").status, 201);
  EXPECT_EQ(member_of(balance(ann_token_), "tier"), "Silver");
  ASSERT_EQ(purchase(ann_token_, 100).status, 201);
  EXPECT_EQ(member_of(balance(ann_token_), "tier"), "Silver") << "spending takes no tier away";
  const auto told = hub_.column("SELECT data FROM event_outbox WHERE type = 'TIER_CHANGED'");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0], R"({"userId":")" + ann_.id.str() +
                         R"(","customerId":null,"previousTier":"Base","tier":"Silver"})");
}

TEST_F(PointsApi, SignupAndReferralAreRewardedOnce) {
  const auto join = [&](const std::string& email, const std::string& code) {
    return hub_.send("POST", "/api/v1/auth/register", "",
                     R"({"email":")" + email + R"(","password":"a password of twelve")" +
                         (code.empty() ? "" : R"(,"referralCode":")" + code + "\"") + "}");
  };
  const RawAnswer first = join("first@example.com", "");
  ASSERT_EQ(first.status, 201) << first.body;
  const std::string first_token = member_of(first.body, "accessToken");
  EXPECT_EQ(points(first_token), 5);
  const auto user = json::parse(first.body);
  const std::string code(user->root().find("user")->find("referralCode")->text());
  const RawAnswer second = join("second@example.com", code);
  ASSERT_EQ(second.status, 201) << second.body;
  EXPECT_EQ(points(member_of(second.body, "accessToken")), 7);
  EXPECT_EQ(points(first_token), 7);
  EXPECT_EQ(join("second@example.com", code).code(), "ALREADY_REGISTERED");
  EXPECT_EQ(points(first_token), 7);
}

/// A card with a sale, a redemption and one that PDI has not booked.
class CardPoints : public PointsApi {
 protected:
  CardPoints() {
    hub_.execute(
        "INSERT INTO store (id, epoch, cursor_sequence, cursor_hash, created_at) VALUES ('s', 1, 0, $1, 0)",
        {std::string(64, '0')});
    hub_.execute(
        "INSERT INTO member (customer_id, tier, pdi_balance, pdi_as_of, owed, first_seen)"
        " VALUES ($1, 'Gold', 5450, 1772323200000, 3, 0)",
        {card_.str()});
    hub_.write([&](hub::db::Transaction& transaction) {
      return hub::ledger::post(transaction, {.id = hub_.ids().next(),
                                             .external_id = "sale:1",
                                             .debit = hub::ledger::issued_by(StoreId("s")),
                                             .credit = hub::ledger::rewards_of(card_),
                                             .amount = 450,
                                             .code = "sale.earned",
                                             .created_at = WallTime{}});
    });
    add_sale("1", "finalized", 6);
    add_sale("2", "pending", 4);
    add_sale("3", "rejected", 100);
  }
  void add_sale(const std::string& name, const std::string& state, std::int64_t due) {
    hub_.execute(
        "INSERT INTO sale (session_id, store_id, transaction_id, customer_id, channel_id, state, currency,"
        " amount, earned, redeemed, new_balance, tier, receipt_id, rules_version, finalized_at, received_at,"
        " provisional_earned, provisional_redeemed, provisional_receipt, pending_at, rejected_at,"
        " rejected_reason, points_due) VALUES ($1, 's', $1, $2, 'c', $3, 'USD', 300, 0, 0, 1, 'Gold', $4, '',"
        " $5, $5, 0, 0, 'P', $5, $5, 'r', $6)",
        {"sess-" + name, card_.str(), state, "RCP-" + name,
         SystemClock().wall_now().time_since_epoch().count(), due});
  }
  void link(const User& user, bool verified) {
    hub_.execute("UPDATE users SET loyalty_id = $2, loyalty_verified = $3 WHERE id = $1",
                 {user.id.str(), card_.str(), std::int64_t{verified}});
  }
  const CustomerId card_{"CUST-1"};
};

TEST_F(CardPoints, OfAVerifiedCardAreShownWithPdisWord) {
  link(ann_, true);
  const std::string shown =
      R"({"balance":0,"pending":4,"expiringSoon":0,"owed":0,"rewards":{"net":450,"pending":0,"owed":3,)"
      R"("pdiBalance":5450,"asOf":"2026-03-01T00:00:00.000Z"},"tier":"Gold"})";
  EXPECT_EQ(balance(ann_token_), shown);
  EXPECT_EQ(balance(staff_, "?customerId=CUST-1"), shown);
  EXPECT_EQ(balance(staff_, "?userId=" + ann_.id.str()), shown);
  ASSERT_EQ(apply(ann_.id.str(), 2'000, "x").status, 201);
  EXPECT_EQ(member_of(balance(ann_token_), "tier"), "Gold") << "PDI's word";
  EXPECT_TRUE(hub_.column("SELECT data FROM event_outbox WHERE type = 'TIER_CHANGED'").empty());
  const RawAnswer history = hub_.get("/api/v1/points/history", ann_token_);
  EXPECT_NE(history.body.find(R"("purse":"rewards","delta":450,"balanceAfter":450,"reason":"sale.earned",)"
                              R"("externalId":"sale:1","storeId":"s","meta":{})"),
            std::string::npos)
      << history.body;
  EXPECT_LT(history.body.find(R"("purse":"points")"), history.body.find(R"("purse":"rewards")"));
}

TEST_F(CardPoints, OfACardWithoutReceiptAreOnlyPending) {
  link(ann_, false);
  ASSERT_EQ(apply(ann_.id.str(), 7, "x").status, 201);
  EXPECT_EQ(
      balance(ann_token_),
      R"({"balance":7,"pending":10,"expiringSoon":0,"owed":0,"rewards":{"net":0,"pending":450,"owed":0,)"
      R"("pdiBalance":null,"asOf":null},"tier":"Base"})");
  EXPECT_EQ(balance(staff_, "?userId=" + ann_.id.str()), balance(ann_token_));
  EXPECT_EQ(hub_.get("/api/v1/points/history", ann_token_).body.find("rewards"), std::string::npos);
  // The card is its own to staff, and not the user's.
  const std::string of_card = balance(staff_, "?customerId=CUST-1");
  EXPECT_NE(of_card.find(R"("balance":0,)"), std::string::npos) << of_card;
  EXPECT_NE(of_card.find(R"("pdiBalance":5450)"), std::string::npos) << of_card;
}

TEST_F(CardPoints, ThatNobodyHasClaimedAreShownToStaff) {
  EXPECT_EQ(
      balance(staff_, "?customerId=CUST-1"),
      R"({"balance":0,"pending":10,"expiringSoon":0,"owed":0,"rewards":{"net":450,"pending":0,"owed":3,)"
      R"("pdiBalance":5450,"asOf":"2026-03-01T00:00:00.000Z"},"tier":"Gold"})");
  EXPECT_NE(hub_.get("/api/v1/points/history?customerId=CUST-1", staff_).body.find("sale:1"),
            std::string::npos);
}

TEST_F(CardPoints, AreBookedToWhoRegistersWithAReceipt) {
  const RawAnswer joined = hub_.send(
      "POST", "/api/v1/auth/register", "",
      R"({"email":"new@example.com","password":"a password of twelve","loyaltyId":"CUST-1","receiptId":"RCP-1"})");
  ASSERT_EQ(joined.status, 201) << joined.body;
  const std::string token = member_of(joined.body, "accessToken");
  EXPECT_EQ(points(token), 5 + 6) << "for signing up, and for the sale that was booked";
  EXPECT_EQ(member_of(balance(token), "pending"), "4");
}

TEST_F(CardPoints, AreBookedToWhoLinksTheCardWithAReceipt) {
  const auto link_with = [&](const std::string& receipt) {
    return hub_.send("POST", "/api/v1/auth/me/loyalty", ann_token_,
                     R"({"loyaltyId":"CUST-1","receiptId":")" + receipt + R"("})");
  };
  EXPECT_EQ(link_with("RCP-0").code(), "RECEIPT_REQUIRED");
  EXPECT_EQ(points(ann_token_), 0);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(link_with("RCP-1").status, 200);
    EXPECT_EQ(points(ann_token_), 6);
  }
}

TEST_F(CardPoints, ExpiringSoonAreThoseOf30Days) {
  hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
    for (const int life : {29, 31}) {
      hub::points::Terms brief;
      brief.expiry = days{life};
      auto given = hub::points::give(transaction, brief, {hub_.ids().next(), SystemClock().wall_now()},
                                     {.user = ann_.id,
                                      .amount = life,
                                      .other = hub::points::programme_account("test"),
                                      .external_id = "test:" + std::to_string(life),
                                      .code = "test"});
      if (!given) return failure(given);
    }
    return {};
  });
  EXPECT_NE(balance(ann_token_).find(R"("balance":60,"pending":0,"expiringSoon":29,)"), std::string::npos)
      << balance(ann_token_);
}

}  // namespace
}  // namespace perkline::test
