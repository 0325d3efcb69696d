#include "hub/promotions/claim.hpp"
#include "tests/unit/hub/promotions_fixture.hpp"

namespace perkline::test {
namespace {

using Ids = std::vector<std::string>;

constexpr const char* nobody = "0190163d-8694-739b-aea5-966c26f8ad91";

// ---- what staff makes

TEST_F(Promotions, AreShownAsTheyWereMade) {
  const RawAnswer answer =
      create(R"({"title":"Welcome","type":"WELCOME_BONUS","amount":20,"startDate":"2026-01-01",)"
             R"("endDate":"2026-12-31"})");
  ASSERT_EQ(answer.status, 201) << answer.body;
  const std::string id = member_of(answer.body, "id");
  EXPECT_EQ(answer.body,
            R"({"id":")" + id +
                R"(","title":"Welcome","description":"","type":"WELCOME_BONUS","amount":"20.00",)"
                R"("currency":"USD","startDate":"2026-01-01","endDate":"2026-12-31","isActive":true})");
  EXPECT_EQ(hub_.get(promotions, staff_).body, R"({"items":[)" + answer.body + R"(],"nextCursor":null})");
  EXPECT_EQ(count("SELECT COUNT(*) FROM audit WHERE action = 'promotion.created' AND subject = $1"
                  " AND actor LIKE 'user:%'",
                  {"promotion:" + id}),
            1);
}

TEST_F(Promotions, KeepTheCurrencyTheyAreGiven) {
  const std::string rest = R"("type":"BONUS","startDate":"2026-01-01","endDate":"2026-01-01"})";
  EXPECT_EQ(member_of(create(R"({"title":"t","amount":"500","currency":"JPY",)" + rest).body, "amount"),
            "500");
  EXPECT_EQ(member_of(create(R"({"title":"t","amount":1.5,"currency":"KWD",)" + rest).body, "amount"),
            "1.500");
  EXPECT_EQ(faulty_fields(create(R"({"title":"t","amount":"5.5","currency":"JPY",)" + rest)), Ids{"amount"});
}

TEST_F(Promotions, WithFaultsAreRefusedNamingEachField) {
  EXPECT_EQ(faults_of(create("{}")),
            (std::set<std::string>{"title", "type", "amount", "startDate", "endDate"}));
  EXPECT_EQ(faults_of(create(R"({"title":"","description":7,"type":"GIFT","amount":"0","currency":"XYZ",)"
                             R"("startDate":"2026-02-30","endDate":"tomorrow","isActive":"yes"})")),
            (std::set<std::string>{"title", "description", "type", "amount", "currency", "startDate",
                                   "endDate", "isActive"}));
  EXPECT_EQ(faults_of(create(R"({"title":7,"type":1,"amount":true,"startDate":20260101,"endDate":null})")),
            (std::set<std::string>{"title", "type", "amount", "startDate", "endDate"}));
  for (const char* amount : {"-1", "0.00", "1.001", "1e3", " 1", "1000000000000", ""}) {
    const RawAnswer answer =
        create(R"({"title":"t","type":"BONUS","startDate":"2026-01-01","endDate":"2026-01-01",)"
               R"("amount":")" +
               std::string(amount) + "\"}");
    EXPECT_EQ(faulty_fields(answer), Ids{"amount"}) << amount;
  }
  EXPECT_EQ(faulty_fields(create(body("BONUS", 1, 0))), Ids{"endDate"});
  const std::string long_text(257, 'x');
  EXPECT_EQ(faulty_fields(create(R"({"title":")" + long_text + R"(","type":"BONUS","amount":"1",)" +
                                 R"("startDate":"2026-01-01","endDate":"2026-01-01"})")),
            Ids{"title"});
  EXPECT_EQ(create("[]").code(), "VALIDATION_FAILED");
  EXPECT_EQ(create("{").code(), "MALFORMED_JSON");
  EXPECT_EQ(ids_in(hub_.get(promotions, staff_)), Ids{});
}

TEST_F(Promotions, AreListedNewestFirstByTypeActivityAndDays) {
  const std::string vip = made("VIP_PROMOTION", -30, -20);
  const std::string off = made("BONUS", -5, 5, false);
  const std::string on = made("BONUS", 10, 20);
  const auto listed = [&](const std::string& query) {
    return ids_in(hub_.get(promotions + ('?' + query), staff_));
  };
  EXPECT_EQ(listed(""), (Ids{on, off, vip}));
  EXPECT_EQ(listed("type=BONUS"), (Ids{on, off}));
  EXPECT_EQ(listed("type=WELCOME_BONUS"), Ids{});
  EXPECT_EQ(listed("isActive=true"), (Ids{on, vip}));
  EXPECT_EQ(listed("isActive=false"), Ids{off});
  EXPECT_EQ(listed("startDate=" + day(5)), (Ids{on, off}));
  EXPECT_EQ(listed("startDate=" + day(6)), Ids{on});
  EXPECT_EQ(listed("endDate=" + day(-20)), Ids{vip});
  EXPECT_EQ(listed("startDate=" + day(-20) + "&endDate=" + day(-5)), (Ids{off, vip}));
  EXPECT_EQ(listed("type=BONUS&isActive=true&startDate=" + day(20) + "&endDate=" + day(20)), Ids{on});
  const RawAnswer page = hub_.get(std::string(promotions) + "?limit=2", staff_);
  EXPECT_EQ(ids_in(page), (Ids{on, off}));
  EXPECT_EQ(listed("limit=2&cursor=" + member_of(page.body, "nextCursor")), Ids{vip});
}

TEST_F(Promotions, FiltersWithFaultsAreRefusedNamingEach) {
  const std::string query = "?type=GIFT&isActive=1&startDate=2026-1-1&endDate=never&limit=0&cursor=zz";
  EXPECT_EQ(faults_of(hub_.get(promotions + query, staff_)),
            (std::set<std::string>{"type", "isActive", "startDate", "endDate", "limit", "cursor"}));
  EXPECT_EQ(
      faulty_fields(hub_.get(std::string(promotions) + "?startDate=2026-01-02&endDate=2026-01-01", staff_)),
      Ids{"endDate"});
}

TEST_F(Promotions, AreChangedByStaffAndAudited) {
  const std::string id = made("BONUS", 0, 3);
  const RawAnswer answer =
      change(id, R"({"title":"Now ten","amount":"10","isActive":false,"endDate":")" + day(9) + "\"}");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.body, R"({"id":")" + id +
                             R"(","title":"Now ten","description":"As a thank-you","type":"BONUS",)"
                             R"("amount":"10.00","currency":"USD","startDate":")" +
                             day(0) + R"(","endDate":")" + day(9) + R"(","isActive":false})");
  EXPECT_EQ(hub_.get(promotions, staff_).body, R"({"items":[)" + answer.body + R"(],"nextCursor":null})");
  EXPECT_EQ(member_of(change(id, R"({"amount":"1.250","currency":"KWD"})").body, "amount"), "1.250");
  EXPECT_EQ(faulty_fields(change(id, R"({"amount":"1.2505"})")), Ids{"amount"})
      << "the stored currency's decimals";
  EXPECT_EQ(member_of(change(id, R"({"description":"","type":"VIP_PROMOTION"})").body, "type"),
            "VIP_PROMOTION");
  EXPECT_EQ(count("SELECT COUNT(*) FROM audit WHERE action = 'promotion.changed' AND subject = $1",
                  {"promotion:" + id}),
            3);
  EXPECT_EQ(change(nobody, R"({"isActive":true})").code(), "NOT_FOUND");
  EXPECT_EQ(change("none", R"({"isActive":true})").code(), "NOT_FOUND");
}

TEST_F(Promotions, ChangesWithFaultsAreRefusedNamingEachField) {
  const std::string id = made("BONUS", 0, 3);
  EXPECT_EQ(faulty_fields(change(id, "{}")), Ids{"title"});
  EXPECT_EQ(faults_of(change(id, R"({"title":"","type":"GIFT","amount":"0","startDate":"x","isActive":1})")),
            (std::set<std::string>{"title", "type", "amount", "startDate", "isActive"}));
  EXPECT_EQ(faulty_fields(change(id, R"({"currency":"EUR"})")), Ids{"amount"});
  EXPECT_EQ(faulty_fields(change(id, R"({"endDate":")" + day(-1) + "\"}")), Ids{"endDate"});
  EXPECT_EQ(faulty_fields(change(id, R"({"startDate":")" + day(4) + "\"}")), Ids{"startDate"});
  EXPECT_EQ(change(id, "null").code(), "VALIDATION_FAILED");
  // Also those that show only beside what the promotion is.
  EXPECT_EQ(faults_of(change(id, R"({"amount":"1.234","title":"","endDate":")" + day(-1) + "\"}")),
            (std::set<std::string>{"amount", "title", "endDate"}));
  EXPECT_EQ(faulty_fields(
                change(id, R"({"title":"","startDate":")" + day(2) + R"(","endDate":")" + day(1) + "\"}")),
            (Ids{"title", "endDate"}))
      << "each once";
  EXPECT_EQ(faults_of(change(id, R"({"amount":"x","title":null,"startDate":")" + day(4) + "\"}")),
            (std::set<std::string>{"amount", "title", "startDate"}));
  EXPECT_EQ(faults_of(change(nobody, R"({"title":"","amount":"1.234"})")), (std::set<std::string>{"title"}));
  EXPECT_EQ(count("SELECT COUNT(*) FROM audit WHERE action = 'promotion.changed'"), 0);
}

TEST_F(Promotions, ChangesToNullAreRefused) {
  const std::string id = made("BONUS", 0, 3);
  const std::set<std::string> all{"title",    "description", "type",    "amount",
                                  "currency", "startDate",   "endDate", "isActive"};
  std::string body;
  for (const std::string& name : all) {
    EXPECT_EQ(faulty_fields(change(id, "{" + quoted(name) + ":null}")), Ids{name});
    body += (body.empty() ? "" : ",") + quoted(name) + ":null";
  }
  EXPECT_EQ(faults_of(change(id, "{" + body + "}")), all);
  EXPECT_EQ(faulty_fields(change(id, R"({"title":null,"description":"d"})")), Ids{"title"});
  EXPECT_EQ(count("SELECT COUNT(*) FROM audit WHERE action = 'promotion.changed'"), 0);
}

// ---- welcome bonuses run alone

TEST_F(Promotions, OfWelcomeDoNotOverlapWhileActive) {
  const std::string first = made("WELCOME_BONUS", 0, 10);
  EXPECT_EQ(create(body("WELCOME_BONUS", 10, 20)).code(), "PROMOTION_OVERLAP");
  EXPECT_EQ(create(body("WELCOME_BONUS", -5, 30)).code(), "PROMOTION_OVERLAP");
  const std::string next = made("WELCOME_BONUS", 11, 20);
  const std::string off = made("WELCOME_BONUS", 5, 15, false);
  made("BONUS", 0, 10);
  EXPECT_EQ(change(off, R"({"isActive":true})").code(), "PROMOTION_OVERLAP");
  EXPECT_EQ(change(next, R"({"startDate":")" + day(10) + "\"}").code(), "PROMOTION_OVERLAP");
  EXPECT_EQ(change(next, R"({"title":"stays where it is"})").status, 200);
  EXPECT_EQ(change(first, R"({"isActive":false})").status, 200);
  EXPECT_EQ(change(next, R"({"startDate":")" + day(10) + "\"}").status, 200);
  EXPECT_EQ(change(first, R"({"isActive":true})").code(), "PROMOTION_OVERLAP");
  EXPECT_EQ(change(first, R"({"isActive":true,"endDate":")" + day(9) + "\"}").status, 200);
  const std::string bonus = made("BONUS", 0, 1);
  EXPECT_EQ(change(bonus, R"({"type":"WELCOME_BONUS"})").code(), "PROMOTION_OVERLAP");
}

TEST_F(Promotions, WelcomeWhoRegistersWithTheOneOfTheDay) {
  made("WELCOME_BONUS", -9, -1);
  const std::string today = made("WELCOME_BONUS", 0, 0);
  made("WELCOME_BONUS", 1, 9);
  made("BONUS", 0, 0);
  const RawAnswer registered =
      hub_.send("POST", "/api/v1/auth/register", "",
                object({{"email", "new@example.com"}, {"password", "a long enough password 7"}}));
  ASSERT_EQ(registered.status, 201) << registered.body;
  Member jo;
  jo.token = member_of(registered.body, "accessToken");
  jo.user.id = UserId(hub_.column("SELECT id FROM users WHERE email = 'new@example.com'").at(0));
  EXPECT_EQ(ids_in(of_player(jo)), Ids{today});
  EXPECT_EQ(hub_.column("SELECT data FROM event_outbox WHERE type = 'PROMOTION_ASSIGNED'"),
            Ids{R"({"promotionId":")" + today + R"(","userId":")" + jo.id() +
                R"(","title":"Twenty for you","description":"As a thank-you","type":"WELCOME_BONUS",)" +
                R"("isActive":true,"startDate":")" + day(0) +
                R"(","amount":"20.00","currency":"USD","endDate":")" + day(0) + "\"}"});
  EXPECT_EQ(claim(jo, today).status, 200);
  EXPECT_EQ(balance(jo), "20.00/0.00");
}

TEST_F(Promotions, WelcomeNobodyWhileNoneIsActive) {
  made("WELCOME_BONUS", 0, 0, false);
  EXPECT_EQ(hub_.send("POST", "/api/v1/auth/register", "",
                      object({{"email", "new@example.com"}, {"password", "a long enough password 7"}}))
                .status,
            201);
  EXPECT_EQ(count("SELECT COUNT(*) FROM promotion_assignment"), 0);
  EXPECT_EQ(events("PROMOTION_ASSIGNED"), 0);
}

// ---- assigning

TEST_F(Promotions, AreAssignedToMembersOnceEach) {
  const Member jo = member("jo");
  const Member al = member("al");
  const Member gone = member("gone");
  hub_.execute("UPDATE users SET active = 0 WHERE id = $1", {gone.id()});
  const Member boss{hub_.add_user("boss", Role::staff), ""};
  const std::string id = made();
  EXPECT_EQ(assign(id, {jo.id(), jo.id()}).body, R"({"assigned":1,"alreadyAssigned":0,"unknown":0})");
  EXPECT_EQ(assign(id, {al.id(), jo.id(), gone.id(), boss.id(), nobody, "no-uuid"}).body,
            R"({"assigned":1,"alreadyAssigned":1,"unknown":4})");
  EXPECT_EQ(events("PROMOTION_ASSIGNED"), 2);
  EXPECT_EQ(ids_in(of_player(al)), Ids{id});
  EXPECT_EQ(hub_.column("SELECT detail FROM audit WHERE action = 'promotion.assigned' ORDER BY id"),
            (Ids{R"({"assigned":1,"alreadyAssigned":0,"unknown":0})",
                 R"({"assigned":1,"alreadyAssigned":1,"unknown":4})"}));
}

TEST_F(Promotions, AreAssignedOnTheirDaysWhileActiveOnly) {
  const Member jo = member("jo");
  for (const std::string& id : {made("BONUS", -3, -1), made("BONUS", 1, 3), made("BONUS", -1, 1, false)})
    EXPECT_EQ(assign(id, {jo.id()}).code(), "PROMOTION_NOT_ACTIVE");
  EXPECT_EQ(assign(nobody, {jo.id()}).code(), "NOT_FOUND");
  EXPECT_EQ(assign("claim", {jo.id()}).code(), "NOT_FOUND");
  EXPECT_EQ(count("SELECT COUNT(*) FROM promotion_assignment"), 0);
  EXPECT_EQ(events("PROMOTION_ASSIGNED"), 0);
}

TEST_F(Promotions, AssigningWithFaultsIsRefusedNamingEachField) {
  const std::string path = promotions + ('/' + made() + "/assign");
  const auto sent = [&](const std::string& body) {
    return faulty_fields(hub_.send("POST", path, staff_, body));
  };
  EXPECT_EQ(sent("{}"), Ids{"userIds"});
  EXPECT_EQ(sent(R"({"userIds":[]})"), Ids{"userIds"});
  EXPECT_EQ(sent(R"({"userIds":"all"})"), Ids{"userIds"});
  EXPECT_EQ(sent(R"({"userIds":[1,")" + std::string(nobody) + R"(","",null]})"),
            (Ids{"userIds[0]", "userIds[2]", "userIds[3]"}));
  std::string many = "\"a\"";
  for (int i = 0; i < 10'000; ++i) many += ",\"a\"";
  EXPECT_EQ(sent(R"({"userIds":[)" + many + "]}"), Ids{"userIds"});
}

// ---- what a member has

TEST_F(Promotions, OfAMemberAreListedByWhatBecameOfThem) {
  const Member jo = member("jo");
  const std::string first = made("VIP_PROMOTION");
  const std::string second = made();
  const std::string third = made();
  for (const std::string& id : {first, second, third}) assign(id, {jo.id()});
  claim(jo, second);
  change(third, R"({"isActive":false})");
  EXPECT_EQ(ids_in(of_player(jo)), (Ids{third, second, first}));
  EXPECT_EQ(ids_in(of_player(jo, "?claimed=true")), Ids{second});
  EXPECT_EQ(ids_in(of_player(jo, "?claimed=false")), (Ids{third, first}));
  EXPECT_EQ(ids_in(of_player(jo, "?type=VIP_PROMOTION")), Ids{first});
  EXPECT_EQ(ids_in(of_player(jo, "?isActive=true&claimed=false")), Ids{first});
  EXPECT_EQ(ids_in(of_player(jo, "?isActive=false")), Ids{third});
  const RawAnswer page = of_player(jo, "?limit=1");
  EXPECT_EQ(ids_in(of_player(jo, "?limit=1&cursor=" + member_of(page.body, "nextCursor"))), Ids{second});
  EXPECT_EQ(ids_in(hub_.get(std::string(promotions) + "/players/" + jo.id(), staff_)),
            (Ids{third, second, first}));
  EXPECT_EQ(faults_of(of_player(jo, "?claimed=no&type=x&isActive=&limit=x")),
            (std::set<std::string>{"claimed", "type", "isActive", "limit"}));
}

TEST_F(Promotions, OfAnotherMemberAreNotFound) {
  const Member jo = member("jo");
  const Member al = member("al");
  const std::string path = std::string(promotions) + "/players/";
  EXPECT_EQ(hub_.get(path + jo.id(), al.token).code(), "NOT_FOUND");
  for (const char* id : {nobody, "none"}) EXPECT_EQ(hub_.get(path + id, staff_).code(), "NOT_FOUND") << id;
  const Member boss{hub_.add_user("boss", Role::staff), ""};
  EXPECT_EQ(hub_.get(path + boss.id(), staff_).code(), "NOT_FOUND") << "staff have none";
}

// ---- claiming

TEST_F(Promotions, AreClaimedIntoTheWalletWithAllThatBelongsToIt) {
  const Member jo = member("jo");
  const std::string id = made();
  assign(id, {jo.id()});
  const RawAnswer answer = post(claims, jo.token, object({{"promotionId", id}}), "once");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto document = json::parse(answer.body);
  ASSERT_TRUE(document);
  const json::Value& claim = *document->root().find("claim");
  const json::Value& booked = *document->root().find("transaction");
  const std::string at(claim.find("claimedAt")->text());
  const std::string transfer(booked.find("id")->text());
  EXPECT_EQ(answer.body,
            R"({"claim":{"promotionId":")" + id + R"(","userId":")" + jo.id() +
                R"(","claimed":true,"claimedAt":")" + at + R"("},"transaction":{"id":")" + transfer +
                R"(","userId":")" + jo.id() +
                R"(","amount":"20.00","currency":"USD","transactionType":"CREDIT",)"
                R"("description":"Claimed 'Twenty for you' promotion","additionalData":{"promotionId":")" +
                id + R"("},"createdAt":")" + at +
                R"("},"balance":{"currency":"USD","available":"20.00","held":"0.00"}})");
  EXPECT_EQ(hub_.column("SELECT data FROM event_outbox WHERE type = 'PROMOTION_CLAIMED'"),
            Ids{R"({"promotionId":")" + id + R"(","userId":")" + jo.id() +
                R"(","title":"Twenty for you","description":"As a thank-you","type":"BONUS",)" +
                R"("startDate":")" + day(0) + R"(","amount":"20.00","currency":"USD","transactionId":")" +
                transfer + R"(","channel":"web","claimedAt":")" + at + "\"}"});
  EXPECT_EQ(events("WALLET_CREDITED"), 1);
  EXPECT_EQ(events("WALLET_CREATED"), 1);
  const RawAnswer again = post(claims, jo.token, object({{"promotionId", id}}), "once");
  EXPECT_EQ(again.body, answer.body);
  EXPECT_EQ(again.field("Idempotent-Replayed"), "true");
  EXPECT_EQ(this->claim(jo, id).code(), "ALREADY_CLAIMED");
  change(id, R"({"isActive":false})");
  EXPECT_EQ(this->claim(jo, id).code(), "ALREADY_CLAIMED");
  EXPECT_EQ(balance(jo), "20.00/0.00");
  EXPECT_EQ(events("PROMOTION_CLAIMED"), 1);
  expect_books_balance();
}

TEST_F(Promotions, AreClaimedByWhomTheyAreAssignedToOnly) {
  const Member jo = member("jo");
  const Member al = member("al");
  const std::string id = made();
  assign(id, {jo.id()});
  EXPECT_EQ(claim(al, id).code(), "NOT_FOUND");
  EXPECT_EQ(claim(jo, nobody).code(), "NOT_FOUND");
  EXPECT_EQ(balance(al), "0.00/0.00");
}

TEST_F(Promotions, AreClaimedOnTheirDaysWhileActiveOnly) {
  const Member jo = member("jo");
  const std::string id = made("BONUS", -5, 5);
  assign(id, {jo.id()});
  const auto refused = [&](const std::string& with) {
    EXPECT_EQ(change(id, with).status, 200);
    return claim(jo, id).code();
  };
  EXPECT_EQ(refused(R"({"isActive":false})"), "PROMOTION_NOT_ACTIVE");
  EXPECT_EQ(refused(R"({"isActive":true,"endDate":")" + day(-1) + "\"}"), "PROMOTION_NOT_ACTIVE");
  EXPECT_EQ(refused(R"({"startDate":")" + day(1) + R"(","endDate":")" + day(5) + "\"}"),
            "PROMOTION_NOT_ACTIVE");
  EXPECT_EQ(balance(jo), "0.00/0.00");
  EXPECT_EQ(refused(R"({"startDate":")" + day(0) + R"(","endDate":")" + day(0) + "\"}"), "")
      << "both inclusive";
  EXPECT_EQ(balance(jo), "20.00/0.00");
}

TEST_F(Promotions, ClaimsWithFaultsAreRefusedNamingEachField) {
  const Member jo = member("jo");
  EXPECT_EQ(faulty_fields(post(claims, jo.token, "{}")), Ids{"promotionId"});
  EXPECT_EQ(faulty_fields(post(claims, jo.token, R"({"promotionId":"x"})")), Ids{"promotionId"});
  EXPECT_EQ(faulty_fields(post(claims, jo.token, R"({"promotionId":7})")), Ids{"promotionId"});
  EXPECT_EQ(faults_of(hub_.send("POST", claims, jo.token, "{}")),
            (std::set<std::string>{"Idempotency-Key", "promotionId"}));
}

TEST_F(Promotions, ClaimedAtATillOnADayGoneByAreBookedLikewise) {
  const Member jo = member("jo");
  const std::string id = made("BONUS", -2, 0);
  assign(id, {jo.id()});
  change(id, R"({"endDate":")" + day(-1) + "\"}");
  const WallTime now = SystemClock().wall_now();
  const auto cause = hub::wallet::make_cause(hub_.ids(), now, "");
  const hub::promotions::ClaimOrder order{.promotion = parse_uuid(id).value(),
                                          .user = jo.user.id,
                                          .channel = hub::promotions::Channel::till,
                                          .claimed_at = now - days{1},
                                          .event = hub_.ids().next()};
  hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
    const auto claimed = hub::promotions::claim(transaction, cause, order);
    if (!claimed) return std::unexpected(claimed.error());
    return {};
  });
  EXPECT_EQ(balance(jo), "20.00/0.00");
  EXPECT_EQ(member_of(hub_.column("SELECT data FROM event_outbox WHERE type = 'PROMOTION_CLAIMED'").at(0),
                      "channel"),
            "till");
  EXPECT_EQ(claim(jo, id).code(), "ALREADY_CLAIMED");
}

// ---- what becomes of it with a user

TEST_F(Promotions, AreExportedAndForgottenWithTheirMember) {
  const Member jo = member("jo");
  const std::string id = made();
  assign(id, {jo.id()});
  claim(jo, id);
  const RawAnswer exported = hub_.get("/api/v1/users/" + jo.id() + "/export", jo.token);
  ASSERT_EQ(exported.status, 200);
  const auto document = json::parse(exported.body);
  const auto held = document->root().find("promotions")->items();
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(held[0].find("id")->text(), id);
  EXPECT_TRUE(held[0].find("claimed")->boolean());
  EXPECT_LT(hub_.send("DELETE", "/api/v1/users/" + jo.id(), jo.token, "").status, 300);
  EXPECT_EQ(count("SELECT COUNT(*) FROM promotion_assignment"), 0);
  expect_books_balance();
}

TEST_F(Promotions, WhoseCreditFailsAreClaimedNotAtAllAndCanBeLater) {
  const Member jo = member("jo");
  ASSERT_EQ(adjust(credits, jo, "999999999999.999", "KWD").status, 201);
  const std::string id =
      member_of(create(R"({"title":"t","type":"BONUS","amount":"1.500","currency":"KWD","startDate":")" +
                       day(0) + R"(","endDate":")" + day(0) + R"("})")
                    .body,
                "id");
  ASSERT_EQ(assign(id, {jo.id()}).status, 200);
  const std::string key = "Idempotency-Key: one\r\n";
  const RawAnswer refused = hub_.send("POST", claims, jo.token, object({{"promotionId", id}}), key);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.code(), "BALANCE_LIMIT");
  EXPECT_EQ(count("SELECT COUNT(*) FROM event_outbox WHERE type = 'PROMOTION_CLAIMED'"), 0);
  EXPECT_EQ(ids_in(of_player(jo, "?claimed=false")), Ids{id});
  EXPECT_EQ(ids_in(of_player(jo, "?claimed=true")), Ids{});
  EXPECT_EQ(balance(jo, "KWD"), "999999999999.999/0.000");
  expect_books_balance();
  ASSERT_EQ(adjust(debits, jo, "2", "KWD").status, 201);
  EXPECT_EQ(hub_.send("POST", claims, jo.token, object({{"promotionId", id}}), key).code(), "BALANCE_LIMIT")
      << "that call's answer stays";
  EXPECT_EQ(claim(jo, id).status, 200);
  EXPECT_EQ(balance(jo, "KWD"), "999999999999.499/0.000");
  EXPECT_EQ(count("SELECT COUNT(*) FROM event_outbox WHERE type = 'PROMOTION_CLAIMED'"), 1);
  expect_books_balance();
}

}  // namespace
}  // namespace perkline::test
