// The casino's three scenarios: a bonus for who registers, one that staff give, and the claim; and what
// members are told of them, on an open socket or when they are back.
#include <set>

#include "tests/integration/flows/people.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/web_socket_client.hpp"

namespace perkline::test {
namespace {

class PromotionFlows : public HubFlowTest {
 protected:
  static void SetUpTestSuite() {
    start_hub();
    welcome_ = make_promotion("Welcome Bonus", "WELCOME_BONUS", "20.00");
  }
  static const std::string& welcome() { return welcome_; }

  /// All that the member is told, from the first notification on.
  static WebSocketClient listen(const Person& member) {
    WebSocketClient socket(calls().port(), "/api/v1/notifications/ws?after=0", socket_token(member.token));
    EXPECT_TRUE(socket.is_open()) << socket.answer().body;
    return socket;
  }
  /// The next one of that type; empty: patience ended.
  static std::string next_of(WebSocketClient& socket, const std::string& type) {
    while (const auto text = socket.next_text()) {
      if (at(*text, "type") == type) return *text;
    }
    return "";
  }
  /// Until they have been told all that follows from registering: welcome, wallet and bonus.
  static Person settled(const std::string& name) {
    Person member = calls().join(name);
    EXPECT_TRUE(eventually([&] { return told(member).size() == 3; }));
    return member;
  }
  static Texts listed(const Person& member, const std::string& query) {
    return each(calls().get("promotions/players/" + member.id + query, member.token), "id");
  }

 private:
  static inline std::string welcome_;
};

TEST_F(PromotionFlows, WhoRegistersGetsTheWelcomeBonusAndHearsOfItOnTheSocket) {
  const Person ann = calls().join("ann");
  WebSocketClient socket = listen(ann);
  const std::string heard = next_of(socket, "promotion");
  EXPECT_EQ(at(heard, "eventType"), "PROMOTION");
  EXPECT_EQ(at(heard, "content.promotionId"), welcome());
  EXPECT_EQ(at(heard, "content.id"), welcome());
  EXPECT_EQ(at(heard, "content.isActive"), "true");
  EXPECT_EQ(at(heard, "content.title"), "Welcome Bonus");
  EXPECT_EQ(at(heard, "content.type"), "WELCOME_BONUS");
  EXPECT_EQ(at(heard, "content.amount"), "20.00");
  EXPECT_EQ(at(heard, "content.currency"), "USD");
  EXPECT_EQ(at(heard, "content.endDate"), day_from_now(30));
  EXPECT_EQ(at(heard, "read"), "false");
  const auto kept = calls().get("notifications?type=promotion", ann.token);
  EXPECT_EQ(each(kept, "id"), Texts{at(heard, "id")}) << "and is kept";
  const auto promotions = calls().get("promotions/players/" + ann.id, ann.token);
  EXPECT_EQ(each(promotions, "id"), Texts{welcome()});
  EXPECT_EQ(each(promotions, "claimed"), Texts{"false"});
}

TEST_F(PromotionFlows, WhoWasAwayFindsAllUnreadAndWhatIsReadStaysRead) {
  const HubCalls hub = calls();
  const Person ben = settled("ben");
  const auto unread = hub.get("notifications?unread=true", ben.token);
  const Texts types = each(unread, "type");
  EXPECT_EQ((std::set<std::string>(types.begin(), types.end())),
            (std::set<std::string>{"welcome", "wallet", "promotion"}));
  EXPECT_EQ(each(unread, "read"), (Texts{"false", "false", "false"}));
  const Texts ids = each(unread, "id");
  EXPECT_EQ(hub.post("notifications/" + ids.front() + "/read", "", ben.token).status, 204);
  EXPECT_EQ(each(hub.get("notifications?unread=true", ben.token), "id"), (Texts{ids[1], ids[2]}));
  EXPECT_EQ(each(hub.get("notifications", ben.token), "read"), (Texts{"true", "false", "false"}));
  const Person other = settled("bea");
  expect_problem(hub.post("notifications/" + ids[1] + "/read", "", other.token), 404, "NOT_FOUND");
  EXPECT_EQ(hub.post("notifications/read-all", "", ben.token).status, 204);
  EXPECT_EQ(each(hub.get("notifications?unread=true", ben.token), "id"), Texts{});
  EXPECT_EQ(each(hub.get("notifications?unread=true", other.token), "id").size(), 3u);
}

TEST_F(PromotionFlows, StaffAssignAPromotionAndEachPlayerIsToldOnce) {
  const Person cat = settled("cat");
  const Person dan = settled("dan");
  const std::string vip = make_promotion("For our best", "VIP_PROMOTION", "5.00");
  const std::string nobody = "0190163d-8694-739b-aea5-966c26f8ad91";
  const auto first = assign(vip, {cat.id, dan.id, nobody});
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.body, R"({"assigned":2,"alreadyAssigned":0,"unknown":1})");
  EXPECT_EQ(assign(vip, {cat.id}).body, R"({"assigned":0,"alreadyAssigned":1,"unknown":0})");
  expect_problem(
      calls().post("promotions/" + vip + "/assign", body({{"userIds", Json::list({cat.id})}}), cat.token),
      403, "FORBIDDEN");
  const std::string last = make_promotion("One more", "BONUS", "1.00");
  EXPECT_EQ(at(assign(last, {cat.id, dan.id}), "assigned"), "2");
  for (const Person& player : {cat, dan}) {
    WebSocketClient socket = listen(player);
    for (const char* title : {"Welcome Bonus", "For our best", "One more"})
      EXPECT_EQ(at(next_of(socket, "promotion"), "content.title"), title);
    EXPECT_EQ(listed(player, "?claimed=false"), (Texts{last, vip, welcome()}));
    EXPECT_EQ(listed(player, "?type=VIP_PROMOTION"), Texts{vip});
  }
}

TEST_F(PromotionFlows, AClaimPaysIntoTheWalletOnceAndSaysByWhichTransaction) {
  const HubCalls hub = calls();
  const Person eve = settled("eve");
  const HubCalls::Headers key{{"Idempotency-Key", "claim"}};
  const std::string wish = body({{"promotionId", welcome()}});
  const auto claimed = hub.post("promotions/claim", wish, eve.token, key);
  ASSERT_EQ(claimed.status, 200) << claimed.body;
  EXPECT_EQ(at(claimed, "claim.promotionId"), welcome());
  EXPECT_EQ(at(claimed, "claim.userId"), eve.id);
  EXPECT_EQ(at(claimed, "claim.claimed"), "true");
  EXPECT_EQ(at(claimed, "transaction.userId"), eve.id);
  EXPECT_EQ(at(claimed, "transaction.amount"), "20.00");
  EXPECT_EQ(at(claimed, "transaction.transactionType"), "CREDIT");
  EXPECT_EQ(at(claimed, "transaction.additionalData.promotionId"), welcome());
  EXPECT_NE(at(claimed, "transaction.description").find("Welcome Bonus"), std::string::npos);
  EXPECT_EQ(at(claimed, "balance.available"), "20.00");
  EXPECT_EQ(at(claimed, "balance.held"), "0.00");
  expect_replay(hub.post("promotions/claim", wish, eve.token, key), claimed);
  expect_problem(claim(eve, welcome()), 409, "ALREADY_CLAIMED");
  EXPECT_EQ(hub.available(eve), "20.00");
  const auto entries = hub.get("wallet/entries", eve.token);
  EXPECT_EQ(each(entries, "delta"), Texts{"20.00"});
  EXPECT_EQ(each(entries, "reason"), Texts{"promotion"});
  EXPECT_EQ(each(entries, "transactionId"), Texts{at(claimed, "transaction.id")});
  EXPECT_EQ(listed(eve, "?claimed=true"), Texts{welcome()});
  EXPECT_EQ(listed(eve, "?claimed=false"), Texts{});
  EXPECT_TRUE(eventually([&] {
    const auto words = each(hub.get("notifications?type=promotion", eve.token), "content.body");
    return words.size() == 2 && words.front() == "You have claimed it: 20.00 USD are in your wallet.";
  }));
}

TEST_F(PromotionFlows, AClaimThatIsRefusedLeavesPromotionAndWalletAsTheyWere) {
  const HubCalls hub = calls();
  const Person fay = hub.join("fay");
  const std::string bonus = make_promotion("Only for some", "BONUS", "5.00");
  expect_problem(claim(fay, bonus), 404, "NOT_FOUND");
  EXPECT_EQ(at(assign(bonus, {fay.id}), "assigned"), "1");
  const auto set = [&](Members change) {
    EXPECT_EQ(hub.patch("promotions/" + bonus, body(change), admin()).status, 200);
  };
  set({{"isActive", false}});
  expect_problem(claim(fay, bonus), 409, "PROMOTION_NOT_ACTIVE");
  expect_problem(assign(bonus, {fay.id}), 409, "PROMOTION_NOT_ACTIVE");
  set({{"isActive", true}, {"endDate", day_from_now(-1)}});
  expect_problem(claim(fay, bonus), 409, "PROMOTION_NOT_ACTIVE");
  set({{"startDate", day_from_now(1)}, {"endDate", day_from_now(2)}});
  expect_problem(claim(fay, bonus), 409, "PROMOTION_NOT_ACTIVE");
  EXPECT_EQ(hub.available(fay), "0.00");
  EXPECT_EQ(listed(fay, "?claimed=false&type=BONUS"), Texts{bonus});
  set({{"startDate", day_from_now(0)}});
  EXPECT_EQ(at(claim(fay, bonus), "balance.available"), "5.00");
}

TEST_F(PromotionFlows, StaffWhoAreNoAdminsMakeAndAssignPromotionsAndReadAPlayersPageByPage) {
  const HubCalls hub = calls();
  const std::string address = test::address("sue");
  ASSERT_EQ(hub.post("auth/register-staff",
                     body({{"email", address}, {"name", "Sue"}, {"password", password_of_all}}), admin())
                .status,
            201);
  const std::string staff = hub.log_in(address);
  const Person lee = hub.join("lee");
  Texts made;
  for (const char* title : {"First", "Second"}) {
    const auto promotion = hub.post("promotions",
                                    body({{"title", title},
                                          {"type", "BONUS"},
                                          {"amount", "1.00"},
                                          {"startDate", day_from_now(0)},
                                          {"endDate", day_from_now(1)}}),
                                    staff);
    ASSERT_EQ(promotion.status, 201) << promotion.body;
    made.push_back(at(promotion, "id"));
    EXPECT_EQ(at(hub.post("promotions/" + made.back() + "/assign", body({{"userIds", Json::list({lee.id})}}),
                          staff),
                 "assigned"),
              "1");
  }
  ASSERT_EQ(hub.patch("promotions/" + made[0], body({{"isActive", false}}), staff).status, 200);
  const auto read = [&](const std::string& query) {
    return hub.get("promotions/players/" + lee.id + query, staff);
  };
  const auto first = read("?type=BONUS&limit=1");
  EXPECT_EQ(each(first, "id"), Texts{made[1]});
  EXPECT_EQ(each(first, "isActive"), Texts{"true"});
  const auto second = read("?type=BONUS&limit=1&cursor=" + at(first, "nextCursor"));
  EXPECT_EQ(each(second, "id"), Texts{made[0]});
  EXPECT_EQ(each(second, "isActive"), Texts{"false"});
  EXPECT_EQ(at(second, "nextCursor"), "null");
  expect_problem(hub.get("promotions/players/" + lee.id, hub.join("mia").token), 404, "NOT_FOUND");
}

TEST_F(PromotionFlows, OneWelcomeBonusRunsAtATimeAndOnlyStaffMakePromotions) {
  const HubCalls hub = calls();
  const auto make = [&](int from, int to, bool active, const std::string& token) {
    return hub.post("promotions",
                    body({{"title", "Another welcome"},
                          {"type", "WELCOME_BONUS"},
                          {"amount", "30.00"},
                          {"startDate", day_from_now(from)},
                          {"endDate", day_from_now(to)},
                          {"isActive", active}}),
                    token);
  };
  expect_problem(make(30, 40, true, admin()), 409, "PROMOTION_OVERLAP");
  expect_problem(make(31, 40, true, hub.join("gus").token), 403, "FORBIDDEN");
  const auto later = make(31, 40, true, admin());
  EXPECT_EQ(later.status, 201) << "the day after";
  const auto waiting = make(0, 10, false, admin());
  EXPECT_EQ(waiting.status, 201) << "it does not run";
  expect_problem(hub.patch("promotions/" + at(waiting, "id"), body({{"isActive", true}}), admin()), 409,
                 "PROMOTION_OVERLAP");
  EXPECT_EQ(hub.patch("promotions/" + at(later, "id"), body({{"isActive", false}}), admin()).status, 200);
}

TEST_F(PromotionFlows, StaffListPromotionsByTypeActivityAndDaysPageByPage) {
  const HubCalls hub = calls();
  const std::string one = make_promotion("One", "VIP_PROMOTION", "1.00");
  const std::string two = make_promotion("Two", "VIP_PROMOTION", "2.00");
  const std::string off = make_promotion("Off", "VIP_PROMOTION", "3.00");
  ASSERT_EQ(hub.patch("promotions/" + off, body({{"isActive", false}}), admin()).status, 200);
  const auto list = [&](const std::string& query) { return hub.get("promotions" + query, admin()); };
  const Texts vips = each(list("?type=VIP_PROMOTION&limit=3"), "id");
  EXPECT_EQ(vips, (Texts{off, two, one}));
  EXPECT_EQ(each(list("?type=VIP_PROMOTION&isActive=true&limit=2"), "id"), (Texts{two, one}));
  EXPECT_EQ(each(list("?isActive=true&startDate=" + day_from_now(31)), "id"), Texts{});
  const auto page = list("?type=VIP_PROMOTION&limit=1");
  EXPECT_EQ(each(page, "title"), Texts{"Off"});
  EXPECT_EQ(each(list("?type=VIP_PROMOTION&limit=1&cursor=" + at(page, "nextCursor")), "amount"),
            Texts{"2.00"});
  expect_problem(hub.get("promotions", hub.join("ida").token), 403, "FORBIDDEN");
  const auto wrong = list("?type=GIFT&isActive=perhaps");
  EXPECT_EQ(faulty_fields(wrong), (Texts{"type", "isActive"}));
}

}  // namespace
}  // namespace perkline::test
