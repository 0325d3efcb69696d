// Becoming a member, coming back, and the points that need no wheel.
#include <algorithm>
#include <map>
#include <set>

#include <openssl/hmac.h>

#include "shared/core/bytes.hpp"
#include "tests/integration/flows/people.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/webhook_receiver.hpp"

namespace perkline::test {
namespace {

class MembershipFlows : public HubFlowTest {
 protected:
  static bench::WebAnswer refresh(const std::string& cookie) {
    return calls().post("auth/refresh", "", "", {{"Cookie", "perkline_refresh=" + cookie}});
  }
  static bench::WebAnswer apply(const Person& member, int delta, const std::string& external_id) {
    return calls().post(
        "points/apply",
        body({{"userId", member.id}, {"delta", delta}, {"reason", "thank you"}, {"externalId", external_id}}),
        admin());
  }
};

TEST_F(MembershipFlows, WhoRegistersIsSignedInWithACodeAnEmptyWalletAndNoPoints) {
  const HubCalls hub = calls();
  const std::string email = address("ann");
  const std::string wish = body({{"email", email}, {"name", "Ann"}, {"password", password_of_all}});
  const auto in = hub.post("auth/register", wish);
  ASSERT_EQ(in.status, 201) << in.body;
  EXPECT_EQ(at(in, "user.email"), email);
  EXPECT_EQ(at(in, "user.name"), "Ann");
  EXPECT_EQ(at(in, "user.role"), "member");
  EXPECT_EQ(at(in, "user.active"), "true");
  EXPECT_GE(at(in, "user.referralCode").size(), 6u);
  EXPECT_EQ(at(in, "user.loyaltyId"), "null");
  const Person ann{.id = at(in, "user.id"), .token = at(in, "accessToken")};
  EXPECT_EQ(at(hub.get("auth/me", ann.token), "id"), ann.id);
  const auto wallet = hub.get("wallet", ann.token);
  EXPECT_EQ(wallet.body, R"({"balances":[{"currency":"USD","available":"0.00","held":"0.00"}]})");
  const auto points = hub.get("points/balance", ann.token);
  EXPECT_EQ(at(points, "balance"), "0");
  EXPECT_EQ(at(points, "rewards.net"), "0");
  EXPECT_EQ(at(points, "tier"), "Base");
  EXPECT_EQ(each(hub.get("points/history", ann.token), "id"), Texts{});
  expect_problem(hub.post("auth/register", wish), 409, "ALREADY_REGISTERED");
}

TEST_F(MembershipFlows, LoginByAddressOrNumberOpensWhatIsOnesOwnAndAWrongPasswordNothing) {
  const HubCalls hub = calls();
  const std::string mobile = "+4915112345678";
  const Person ben = hub.join("ben", {{"mobile", mobile}});
  for (const std::string& login : {ben.email, mobile})
    EXPECT_EQ(at(hub.get("auth/me", hub.log_in(login)), "id"), ben.id) << login;
  for (const std::string& login : {ben.email, address("nobody")}) {
    const auto refused = hub.post("auth/login", body({{"login", login}, {"password", "another of twelve"}}));
    expect_problem(refused, 401, "INVALID_CREDENTIALS");
    EXPECT_EQ(refresh_cookie(refused), "");
  }
  expect_problem(hub.get("auth/me"), 401, "UNAUTHENTICATED");
}

TEST_F(MembershipFlows, EachRefreshGivesTheNextCookieAndAUsedOneEndsTheSession) {
  const HubCalls hub = calls();
  const Person cat = hub.join("cat");
  const auto second = refresh(cat.cookie);
  ASSERT_EQ(second.status, 200) << second.body;
  EXPECT_EQ(at(second, "expiresIn"), "600");
  EXPECT_EQ(at(hub.get("auth/me", at(second, "accessToken")), "id"), cat.id);
  const std::string field = header_of(second, "set-cookie");
  for (const char* attribute : {"HttpOnly", "SameSite=Strict", "Path=/api/v1/auth"})
    EXPECT_NE(field.find(attribute), std::string::npos) << field;
  const auto third = refresh(refresh_cookie(second));
  ASSERT_EQ(third.status, 200) << third.body;
  EXPECT_EQ((std::set<std::string>{cat.cookie, refresh_cookie(second), refresh_cookie(third)}).size(), 3u);

  expect_problem(refresh(cat.cookie), 401, "REFRESH_REUSED");
  EXPECT_EQ(refresh(refresh_cookie(third)).status, 401) << "whoever has it: the session is over";
}

TEST_F(MembershipFlows, LogoutEndsTheSessionWithItsTokenAndItsCookie) {
  const HubCalls hub = calls();
  const Person dan = hub.join("dan");
  const std::string elsewhere = hub.log_in(dan.email);
  EXPECT_EQ(hub.post("auth/logout", "", dan.token).status, 204);
  EXPECT_EQ(hub.get("auth/me", dan.token).status, 401);
  EXPECT_EQ(refresh(dan.cookie).status, 401);
  EXPECT_EQ(hub.get("auth/me", elsewhere).status, 200) << "another session is another one's";
}

TEST_F(MembershipFlows, AMemberChangesNameAddressAndPasswordAndNobodyElsesAddressIsTaken) {
  const HubCalls hub = calls();
  const Person dora = hub.join("dora");
  const Person other = hub.join("dirk");
  const std::string email = address("new-dora");
  const auto changed = hub.patch("auth/me", body({{"name", "Dora M."}, {"email", email}}), dora.token);
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(at(changed, "name"), "Dora M.");
  EXPECT_EQ(at(changed, "email"), email);
  expect_problem(hub.patch("auth/me", body({{"email", other.email}}), dora.token), 409, "ALREADY_REGISTERED");
  const std::string next = "another one of twelve";
  const auto wish = [&](const std::string& current) {
    return hub.post("auth/password", body({{"currentPassword", current}, {"newPassword", next}}), dora.token);
  };
  expect_problem(wish("not the present one"), 401, "INVALID_CREDENTIALS");
  EXPECT_EQ(wish(password_of_all).status, 200);
  expect_problem(hub.post("auth/login", body({{"login", email}, {"password", password_of_all}})), 401,
                 "INVALID_CREDENTIALS");
  EXPECT_EQ(at(hub.get("auth/me", hub.log_in(email, next)), "name"), "Dora M.");
}

TEST_F(MembershipFlows, OnlyAdminsRegisterStaffWhoMayMoreThanMembersAndLessThanAdmins) {
  const HubCalls hub = calls();
  const Person member = hub.join("eve");
  const std::string email = address("staff");
  const std::string wish = body({{"email", email}, {"password", password_of_all}});
  expect_problem(hub.post("auth/register-staff", wish), 401, "UNAUTHENTICATED");
  expect_problem(hub.post("auth/register-staff", wish, member.token), 403, "FORBIDDEN");
  const auto made = hub.post("auth/register-staff", wish, admin());
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(at(made, "user.role"), "staff");
  const std::string staff = hub.log_in(email);
  expect_problem(
      hub.post("auth/register-staff", body({{"email", address("more")}, {"password", "x"}}), staff), 403,
      "FORBIDDEN");
  EXPECT_EQ(each(hub.get("users?search=" + member.id, staff), "id"), Texts{member.id});
  expect_problem(hub.get("users", member.token), 403, "FORBIDDEN");
  expect_problem(hub.get("audit", staff), 403, "FORBIDDEN");
  EXPECT_EQ(hub.get("audit", admin()).status, 200);
}

TEST_F(MembershipFlows, WhoIsSetInactiveIsOutAtOnceAndBackWhenSetActive) {
  const HubCalls hub = calls();
  const Person fay = hub.join("fay");
  ASSERT_EQ(hub.patch("users/" + fay.id, body({{"active", false}}), admin()).status, 200);
  expect_problem(hub.get("wallet", fay.token), 403, "ACCOUNT_INACTIVE");
  expect_problem(hub.post("auth/login", body({{"login", fay.email}, {"password", password_of_all}})), 403,
                 "ACCOUNT_INACTIVE");
  EXPECT_EQ(at(hub.patch("users/" + fay.id, body({{"active", true}}), admin()), "active"), "true");
  EXPECT_EQ(hub.get("wallet", hub.log_in(fay.email)).status, 200);
}

TEST_F(MembershipFlows, AReferralGivesBothAPointOnceAndBothHistoriesSayForWhom) {
  const HubCalls hub = calls();
  const Person a = hub.join("gus");
  const Person b = hub.join("hal", {{"referralCode", a.referral_code}});
  EXPECT_EQ(hub.points(a), "1");
  EXPECT_EQ(hub.points(b), "1");
  for (const auto& [who, other] : {std::pair(a, b), std::pair(b, a)}) {
    const auto history = hub.get("points/history", who.token);
    ASSERT_EQ(each(history, "delta"), Texts{"1"});
    EXPECT_EQ(at(history, "items.0.balanceAfter"), "1");
    EXPECT_EQ(at(history, "items.0.reason"), "referral");
    EXPECT_EQ(at(history, "items.0.purse"), "points");
    EXPECT_EQ(at(history, "items.0.meta.userId"), other.id);
  }
  const Person c = hub.join("ida", {{"referralCode", a.referral_code}});
  EXPECT_EQ(hub.points(a), "2");
  EXPECT_EQ(hub.points(b), "1");
  EXPECT_EQ(hub.points(c), "1");
  const auto unknown = hub.post(
      "auth/register",
      body({{"email", address("jim")}, {"password", password_of_all}, {"referralCode", "NOBODY-1"}}));
  expect_problem(unknown, 400, "VALIDATION_FAILED");
  EXPECT_EQ(faulty_fields(unknown), Texts{"referralCode"});
}

TEST_F(MembershipFlows, PointsThatStaffApplyCountOnceUnderTheirExternalId) {
  const HubCalls hub = calls();
  const Person kim = hub.join("kim");
  const std::string external = "campaign:" + kim.id;
  const auto first = apply(kim, 7, external);
  ASSERT_EQ(first.status, 201) << first.body;
  EXPECT_EQ(at(first, "delta"), "7");
  EXPECT_EQ(at(first, "reason"), "thank you");
  EXPECT_EQ(at(first, "externalId"), "apply:" + external);
  EXPECT_EQ(at(apply(kim, 7, external), "id"), at(first, "id"));
  expect_problem(apply(kim, 8, external), 422, "TRANSACTION_REUSED");
  EXPECT_EQ(hub.points(kim), "7");
  EXPECT_EQ(at(apply(kim, -3, external + ":back"), "balanceAfter"), "4");
  expect_problem(apply(kim, -5, external + ":more"), 409, "INSUFFICIENT_POINTS");
  expect_problem(
      hub.post("points/apply",
               body({{"userId", kim.id}, {"delta", 9}, {"reason", "x"}, {"externalId", "mine"}}), kim.token),
      403, "FORBIDDEN");
  EXPECT_EQ(each(hub.get("points/history", kim.token), "delta"), (Texts{"-3", "7"}));
}

TEST_F(MembershipFlows, PointsBuyThingsAndNeverMoreThanThereAre) {
  const HubCalls hub = calls();
  const Person lea = hub.join("lea");
  ASSERT_EQ(apply(lea, 10, "for:" + lea.id).status, 201);
  const std::string mug = body({{"amount", 6}, {"item", "Mug"}});
  const HubCalls::Headers key{{"Idempotency-Key", "mug"}};
  const auto bought = hub.post("points/purchase", mug, lea.token, key);
  ASSERT_EQ(bought.status, 201) << bought.body;
  EXPECT_EQ(at(bought, "delta"), "-6");
  EXPECT_EQ(at(bought, "balanceAfter"), "4");
  EXPECT_EQ(at(bought, "meta.item"), "Mug");
  expect_replay(hub.post("points/purchase", mug, lea.token, key), bought);
  expect_problem(hub.post("points/purchase", mug, lea.token), 409, "INSUFFICIENT_POINTS");
  EXPECT_EQ(hub.points(lea), "4");
  EXPECT_EQ(each(hub.get("points/history", lea.token), "delta"), (Texts{"-6", "10"}));
}

TEST_F(MembershipFlows, EveryFaultOfABodyIsToldByItsFieldAndNoTextIsMoreThanText) {
  const HubCalls hub = calls();
  const auto refused =
      hub.post("auth/register", body({{"email", "nowhere"}, {"mobile", "0151"}, {"password", "short"}}));
  expect_problem(refused, 400, "VALIDATION_FAILED");
  const Texts faults = faulty_fields(refused);
  EXPECT_EQ((std::set<std::string>(faults.begin(), faults.end())),
            (std::set<std::string>{"email", "mobile", "password"}));
  const std::string name = R"(Robert'); DROP TABLE users;-- <script>alert("1")</script>)";
  const auto in = hub.post(
      "auth/register", body({{"email", address("bobby")}, {"password", password_of_all}, {"name", name}}));
  ASSERT_EQ(in.status, 201) << in.body;
  EXPECT_EQ(at(hub.get("auth/me", at(in, "accessToken")), "name"), name);
  EXPECT_EQ(header_of(in, "x-content-type-options"), "nosniff");
  EXPECT_NE(header_of(in, "content-security-policy"), "");
  EXPECT_EQ(header_of(in, "x-powered-by") + header_of(in, "server"), "") << "nobody's business";
}

TEST_F(MembershipFlows, AnotherServiceHearsOfARegistrationByAWebhookThatItCanTrust) {
  WebhookReceiver service;
  const HubCalls hub = calls();
  const auto made = hub.post(
      "webhooks",
      body({{"url", service.url()}, {"types", Json::list({"PLAYER_REGISTERED", "REFERRAL_SIGNUP"})}}),
      admin());
  ASSERT_EQ(made.status, 201) << made.body;
  const Person a = hub.join("max");
  const Person b = hub.join("ned", {{"referralCode", a.referral_code}});
  // Members of other tests register as well.
  const auto of_both = [&] {
    auto events = service.received();
    std::erase_if(events, [&](const auto& event) {
      const std::string user = at(event.body, "data.userId");
      return user != a.id && user != b.id;
    });
    return events;
  };
  ASSERT_TRUE(eventually([&] { return of_both().size() >= 3; }));
  const auto events = of_both();
  std::map<std::string, Texts> heard;
  for (const auto& event : events) heard[at(event.body, "data.userId")].push_back(at(event.body, "type"));
  EXPECT_EQ(heard, (std::map<std::string, Texts>{{a.id, {"PLAYER_REGISTERED"}},
                                                 {b.id, {"PLAYER_REGISTERED", "REFERRAL_SIGNUP"}}}));
  const auto last = *std::ranges::find_if(
      events, [](const auto& event) { return at(event.body, "type") == "REFERRAL_SIGNUP"; });
  EXPECT_EQ(at(last.body, "data.referrerId"), a.id);
  EXPECT_EQ(at(last.body, "id"), last.event_id);

  // As hub/webhooks/README.md has it, by somebody else's HMAC.
  const std::string secret = at(made, "secret");
  const std::string second = last.signature.substr(2, last.signature.find(',') - 2);
  const std::string said = second + "." + last.body;
  std::string mac(32, '\0');
  ASSERT_NE(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                 reinterpret_cast<const unsigned char*>(said.data()), said.size(),
                 reinterpret_cast<unsigned char*>(mac.data()), nullptr),
            nullptr);
  EXPECT_EQ(last.signature, "t=" + second + ",v1=" + to_hex(mac));
}

TEST_F(MembershipFlows, AnotherServiceHearsOfMoneyAndPrizes) {
  WebhookReceiver service;
  const HubCalls hub = calls();
  const Texts types{"WALLET_CREDITED", "WALLET_DEBITED", "SPIN_EXECUTED", "PRIZE_AWARDED"};
  const auto made =
      hub.post("webhooks", body({{"url", service.url()}, {"types", Json::list(types)}}), admin());
  ASSERT_EQ(made.status, 201) << made.body;
  const Person a = hub.join("ola");
  const Person b = hub.join("pia", {{"referralCode", a.referral_code}});
  credit(a, "5.00");
  const auto sent =
      hub.post("wallet/transfers", body({{"to", b.id}, {"amount", "2.00"}, {"currency", "USD"}}), a.token);
  ASSERT_EQ(sent.status, 201) << sent.body;
  const auto spun = hub.post("spin", "{}", a.token);
  ASSERT_EQ(spun.status, 201) << spun.body;
  const bool nothing = at(spun, "prize.type") == "none";
  const auto of = [&](const Person& member) {
    Texts heard;
    for (const auto& event : service.received()) {
      if (at(event.body, "data.userId") != member.id) continue;
      const bool money = at(event.body, "data.amount") != "(none)";
      heard.push_back(at(event.body, "type") + " " + at(event.body, money ? "data.amount" : "data.prizeId"));
    }
    return heard;
  };
  Texts wanted{"WALLET_CREDITED 5.00", "WALLET_DEBITED 2.00", "SPIN_EXECUTED " + at(spun, "prize.id")};
  if (!nothing) wanted.push_back("PRIZE_AWARDED " + at(spun, "prize.id"));
  EXPECT_TRUE(eventually([&] { return of(a).size() >= wanted.size() && of(b).size() == 1; }));
  EXPECT_EQ(of(a), wanted);
  EXPECT_EQ(of(b), Texts{"WALLET_CREDITED 2.00"});
}

TEST_F(MembershipFlows, WhoRegistersWhileNoWelcomeBonusRunsIsGivenNone) {
  const HubCalls hub = calls();
  const Person quinn = hub.join("quinn");
  EXPECT_EQ(each(hub.get("promotions/players/" + quinn.id, quinn.token), "id"), Texts{});
  EXPECT_TRUE(eventually([&] { return told(quinn).size() == 2; }));
  EXPECT_EQ(told(quinn), (Texts{"Your USD wallet is ready", "Welcome, quinn!"})) << "and of no promotion";
}

TEST_F(MembershipFlows, HealthAndTheDocumentOfEveryRouteAreThereForAnybody) {
  const auto health = bench::call({.origin = calls().url(), .path = "/health"});
  ASSERT_TRUE(health);
  EXPECT_EQ(health->status, 200);
  EXPECT_EQ(at(*health, "status"), "healthy");
  const auto document = calls().get("openapi.json");
  EXPECT_EQ(at(document, "openapi").substr(0, 4), "3.1.");
  const auto parsed = document.json();
  for (const char* path : {"/api/v1/auth/register", "/api/v1/auth/refresh", "/api/v1/prizes", "/api/v1/spin",
                           "/api/v1/points/history", "/api/v1/promotions/{id}/assign",
                           "/api/v1/promotions/players/{id}", "/api/v1/notifications", "/api/v1/payments"})
    EXPECT_NE(parsed.root().find("paths")->find(path), nullptr) << path;
}

}  // namespace
}  // namespace perkline::test
