#include <algorithm>
#include <array>
#include <set>

#include "hub/db/bulk_statement.hpp"
#include "hub/notifications/mail_queue.hpp"
#include "hub/notifications/notifier.hpp"
#include "tests/unit/hub/notifications_fixture.hpp"

namespace perkline::test {
namespace {

using hub::identity::Role;

struct Trigger {
  const char* event;
  const char* data;
  const char* type;
  const char* event_type;
  const char* title;
  const char* body;
};

// Whoever registers a stranger's address chooses what the stranger is called.
TEST_F(Notifications, MailsSayNoStrangersTexts) {
  const Someone jo = someone("jo");
  for (const auto& [name, greeting] :
       {std::pair("http://evil.example/win", "Hello,\n"), std::pair("Jo", "Hello Jo,\n")}) {
    hub_.execute("UPDATE users SET name = '" + std::string(name) + "' WHERE id = '" + jo.id() + "'");
    hub_.execute("DELETE FROM notification_mail");
    hub_.execute("DELETE FROM event_outbox");
    for (const char* event : {"PLAYER_REGISTERED", "WALLET_CREATED"})
      happens(event, jo, R"("currency":"USD")");
    std::vector<std::string> subjects;
    hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      const auto rows = transaction.query("SELECT subject, body FROM notification_mail ORDER BY id");
      for (const auto& row : rows.value()) {
        subjects.push_back(row.text(0));
        EXPECT_TRUE(row.text(1).starts_with(greeting)) << row.text(1);
      }
      return {};
    });
    EXPECT_EQ(subjects, (std::vector<std::string>{"Welcome!", "Your USD wallet is ready"}));
  }
  EXPECT_EQ(content(listed(jo), 1, "title"), "Welcome, Jo!") << "in the app it is one's own";
}

TEST_F(Notifications, MailsOfMoneyAreClaimedApartFromACampaigns) {
  const Someone jo = someone("jo");
  std::vector<hub::events::DomainEvent> campaign;
  for (int i = 0; i < 40; ++i)
    campaign.push_back(event("PROMOTION_ASSIGNED", someone("m" + std::to_string(i)), R"("title":"Spring")"));
  append(campaign);
  hub_.tell_events(true);
  happens("PAYMENT_FAILED", jo, R"("reference":"R1","amount":"5.00","currency":"USD")");
  const WallTime now = SystemClock().wall_now();
  hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
    const auto claim = [&](const std::string& holder, bool in_masses) {
      return hub::notifications::claim_mails(
                 transaction, {.holder = holder, .from = now, .until = now + seconds{40}}, in_masses, 16)
          .value();
    };
    const auto others = claim("a", false);
    EXPECT_EQ(others.size(), 1u);
    EXPECT_EQ(others.front().to, "jo@example.com");
    EXPECT_EQ(claim("b", true).size(), 16u);
    return {};
  });
}

TEST_F(Notifications, EveryKindHasItsTriggerItsTypeAndItsWords) {
  const std::vector<Trigger> triggers{
      {"PLAYER_REGISTERED", R"("registeredAt":"2026-03-01T00:00:00.000Z")", "welcome", "PLAYER_REGISTERED",
       "Welcome, jo!", "Your account is open. What you collect and what you are offered shows up here."},
      {"PROMOTION_ASSIGNED",
       R"("promotionId":"p","title":"Spring","type":"BONUS","amount":"20.00","currency":"USD","endDate":"2026-06-10")",
       "promotion", "PROMOTION", "Spring",
       "A promotion for you: 20.00 USD, yours to claim until 10 June 2026."},
      {"PROMOTION_CLAIMED",
       R"("promotionId":"p","title":"Spring","amount":"20.00","currency":"USD","channel":"web")", "promotion",
       "PROMOTION", "Spring", "You have claimed it: 20.00 USD are in your wallet."},
      {"PROMOTION_CLAIM_REFUSED",
       R"("promotionId":"p","title":"Spring","reason":"already_claimed","storeId":"store-1")", "promotion",
       "PROMOTION", "Spring",
       "What you claimed at a till was claimed before, or not yours to claim any more: nothing has come into"
       " your wallet for it."},
      {"PRIZE_AWARDED", R"("spinId":"s","prizeName":"Coupon","prizeType":"coupon","points":1)", "prize",
       "PRIZE_AWARDED", "You have won: Coupon", "The wheel was kind to you: Coupon, 1 point."},
      {"PRIZE_AWARDED",
       R"("spinId":"s","prizeName":"Lottery ticket","prizeType":"lottery_ticket","points":0)", "prize",
       "PRIZE_AWARDED", "You have won: Lottery ticket", "The wheel was kind to you: Lottery ticket."},
      {"PAYMENT_INITIATED", R"("reference":"R1","amount":"5.00","currency":"USD")", "payment",
       "PAYMENT_INITIATED", "Payment of 5.00 USD started",
       "Your payment of 5.00 USD is on its way. Reference: R1."},
      {"PAYMENT_COMPLETED", R"("reference":"R1","amount":"5.00","currency":"USD")", "payment",
       "PAYMENT_COMPLETED", "Payment of 5.00 USD completed",
       "Your payment of 5.00 USD is complete. Reference: R1."},
      {"PAYMENT_FAILED", R"("reference":"R1","amount":"5.00","currency":"USD","reason":"declined")",
       "payment", "PAYMENT_FAILED", "Payment of 5.00 USD failed",
       "Your payment of 5.00 USD could not be completed: declined. Nothing was taken. Reference: R1."},
      {"PAYMENT_FAILED",
       R"("reference":"R1","amount":"5.00","currency":"USD","reason":"BALANCE_LIMIT","toGiveBack":true)",
       "payment", "PAYMENT_FAILED", "Payment of 5.00 USD failed",
       "Your payment of 5.00 USD could not be completed: BALANCE_LIMIT. What was taken will be given back."
       " Reference: R1."},
      {"WALLET_CREATED", R"("currency":"EUR")", "wallet", "WALLET_CREATED", "Your EUR wallet is ready",
       "You have a wallet in EUR now."},
      {"WALLET_CREDITED", R"("amount":"1.00","currency":"USD")", "wallet", "WALLET_CREDITED",
       "1.00 USD received", "1.00 USD have come into your wallet."},
      {"WALLET_CREDITED", R"("amount":"1.00","currency":"USD","reason":"transfer")", "wallet",
       "WALLET_CREDITED", "1.00 USD received",
       "1.00 USD have come into your wallet: sent by another member."},
      {"WALLET_DEBITED", R"("amount":"1.00","currency":"USD")", "wallet", "WALLET_DEBITED", "1.00 USD spent",
       "1.00 USD have left your wallet."},
      {"WALLET_DEBITED", R"("amount":"1.00","currency":"USD","reason":"payment")", "wallet", "WALLET_DEBITED",
       "1.00 USD spent", "1.00 USD have left your wallet: your payment to another member."},
      {"POINTS_EXPIRING", R"("points":7,"expiresAt":"2026-05-01T00:00:00.000Z")", "points", "POINTS_EXPIRING",
       "About to expire: 7 points", "Spend your 7 points before 1 May 2026."},
      {"POINTS_EXPIRING", R"("points":1,"expiresAt":"2026-05-01T00:00:00.000Z")", "points", "POINTS_EXPIRING",
       "About to expire: 1 point", "Spend your 1 point before 1 May 2026."},
      {"TIER_CHANGED", R"("previousTier":"Base","tier":"Silver")", "tier", "TIER_CHANGED",
       "Your tier is Silver now", "Your tier has changed from Base to Silver."},
  };
  // Two, as nobody is mailed without end, and each event is heard again with those behind it.
  const std::array people{someone("jo"), someone("al")};
  for (std::size_t i = 0; i < std::size(triggers); ++i) {
    const Trigger& each = triggers[i];
    const Someone& whoever = people[each.type == std::string("payment") ? 0 : i % 2];
    happens(each.event, whoever, each.data);
    const json::Document list = listed(whoever, "?limit=1");
    EXPECT_EQ(texts(list, "type"), std::vector<std::string>{each.type}) << each.event;
    EXPECT_EQ(texts(list, "eventType"), std::vector<std::string>{each.event_type});
    EXPECT_EQ(content(list, 0, "title"), each.title);
    EXPECT_EQ(content(list, 0, "body"), each.body);
    EXPECT_EQ(content(list, 0, "userId"), whoever.id()) << "the event's data is there too";
  }
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification"), std::ssize(triggers));
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification_mail WHERE state = 'waiting'"), std::ssize(triggers));
  EXPECT_EQ(hub_.column("SELECT body FROM notification_mail WHERE template = 'payment_completed'"),
            std::vector<std::string>{"Hello jo,\n\nYour payment of 5.00 USD is complete. Reference: R1.\n"});
}

TEST_F(Notifications, AreMadeOfNothingElse) {
  const Someone jo = someone("jo");
  for (const char* type : {"SALE_FINALIZED", "SPIN_EXECUTED", "POINTS_APPLIED", "USER_DEACTIVATED", "NEW"})
    happens(type, jo);
  append({{.id = hub_.ids().next(),
           .type = "TIER_CHANGED",
           .occurred_at = SystemClock().wall_now(),
           .traceparent = {},
           .data = R"({"userId":null,"tier":"Gold"})"}});
  hub_.tell_events(true);
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification"), 0);
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification_mail"), 0);
}

TEST_F(Notifications, ComeToActiveMembersAlone) {
  const Someone staff = someone("sam", Role::staff);
  const Someone left = someone("left");
  hub_.execute("UPDATE users SET active = 0 WHERE id = $1", {left.id()});
  happens("WALLET_CREATED", staff, R"("currency":"USD")");
  happens("WALLET_CREATED", left, R"("currency":"USD")");
  Someone nobody;
  nobody.user.id = UserId("nobody");
  happens("WALLET_CREATED", nobody, R"("currency":"USD")");
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification"), 0);
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification_mail"), 0);
}

TEST_F(Notifications, AreMadeOncePerChannelHoweverOftenTheEventIsTaken) {
  const Someone jo = someone("jo");
  happens("WALLET_CREATED", jo, R"("currency":"USD")");
  hub_.tell_events(true);
  happens("WALLET_CREDITED", jo, R"("amount":"1.00","currency":"USD")");
  hub_.tell_events(true);
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification"), 2);
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification_mail"), 2);
}

TEST_F(Notifications, GoWhereTheMemberWantsThem) {
  const Someone jo = someone("jo");
  const auto put = [&](const std::string& body) {
    // What was taken before is not taken again by other preferences.
    hub_.execute("DELETE FROM event_outbox");
    const RawAnswer answer = hub_.send("PUT", "/api/v1/notifications/preferences", jo.token, body);
    EXPECT_EQ(answer.status, 200) << answer.body;
  };
  const auto made = [&] {
    return std::pair{count("SELECT COUNT(*) FROM notification"),
                     count("SELECT COUNT(*) FROM notification_mail")};
  };
  put(R"({"channels":{"in_app":true,"email":false}})");
  happens("WALLET_CREATED", jo, R"("currency":"USD")");
  EXPECT_EQ(made(), std::pair(1L, 0L));
  put(R"({"channels":{"in_app":false,"email":true}})");
  happens("WALLET_CREATED", jo, R"("currency":"EUR")");
  EXPECT_EQ(made(), std::pair(1L, 1L));
  put(R"({"channels":{"in_app":true},"types":{"wallet":{"email":false}}})");
  happens("WALLET_CREATED", jo, R"("currency":"GBP")");
  happens("TIER_CHANGED", jo, R"("tier":"Gold")");
  EXPECT_EQ(made(), std::pair(3L, 2L));
  put(R"({"channels":{"in_app":false,"email":false}})");
  happens("TIER_CHANGED", jo, R"("tier":"Base")");
  EXPECT_EQ(made(), std::pair(3L, 2L));
}

TEST_F(Notifications, PreferencesAreShownWholeAndChangedInPart) {
  const Someone jo = someone("jo");
  const std::string path = std::string(base) + "/preferences";
  const std::string on = R"({"in_app":true,"email":true})";
  const auto all = [&](const std::string& channels, const std::string& wallet) {
    return R"({"channels":)" + channels + R"(,"types":{"welcome":)" + on + R"(,"promotion":)" + on +
           R"(,"prize":)" + on + R"(,"payment":)" + on + R"(,"wallet":)" + wallet + R"(,"points":)" + on +
           R"(,"tier":)" + on + "}}";
  };
  EXPECT_EQ(hub_.get(path, jo.token).body, all(on, on));
  EXPECT_EQ(hub_.send("PUT", path, jo.token, R"({"channels":{"email":false}})").body,
            all(R"({"in_app":true,"email":false})", on));
  EXPECT_EQ(hub_.send("PUT", path, jo.token, R"({"types":{"wallet":{"in_app":false}}})").body,
            all(R"({"in_app":true,"email":false})", R"({"in_app":false,"email":true})"));
  EXPECT_EQ(hub_.get(path, jo.token).body,
            all(R"({"in_app":true,"email":false})", R"({"in_app":false,"email":true})"));
  EXPECT_EQ(faults_of(hub_.send("PUT", path, jo.token,
                                R"({"channels":{"in_app":1,"sms":true},"types":{"x":{},"wallet":2,)"
                                R"("tier":{"email":"no","pager":true}}})")),
            (std::set<std::string>{"channels.in_app", "channels.sms", "types.x", "types.wallet",
                                   "types.tier.email", "types.tier.pager"}));
  EXPECT_EQ(faults_of(hub_.send("PUT", path, jo.token, "{}")), std::set<std::string>{"channels"});
  EXPECT_EQ(faults_of(hub_.send("PUT", path, jo.token, R"({"channels":[]})")),
            std::set<std::string>{"channels"});
}

TEST_F(Notifications, OldEventsMakeNoMail) {
  const Someone jo = someone("jo");
  happens("TIER_CHANGED", jo, R"("tier":"Gold")", days{8});
  happens("TIER_CHANGED", jo, R"("tier":"Base")", days{6});
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification"), 2);
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification_mail"), 1);
}

TEST_F(Notifications, ListPagesFromTheNewestAndFilters) {
  const Someone jo = someone("jo");
  const Someone al = someone("al");
  for (int i = 0; i < 5; ++i) happens("WALLET_CREDITED", jo, R"("amount":"1.00","currency":"USD")");
  happens("TIER_CHANGED", jo, R"("tier":"Gold")");
  happens("TIER_CHANGED", al, R"("tier":"Gold")");

  std::vector<std::string> ids;
  std::string cursor;
  do {
    const json::Document page = listed(jo, "?limit=4" + (cursor.empty() ? "" : "&cursor=" + cursor));
    for (const std::string& id : texts(page, "id")) ids.push_back(id);
    const json::Value* next = page.root().find("nextCursor");
    cursor = next->is(json::Value::Kind::null) ? "" : std::string(next->text());
  } while (!cursor.empty());
  EXPECT_EQ(ids.size(), 6U);
  EXPECT_TRUE(std::ranges::is_sorted(ids, std::greater<>{}));
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), 6U);

  EXPECT_EQ(texts(listed(jo, "?type=tier"), "id").size(), 1U);
  EXPECT_EQ(texts(listed(jo, "?type=prize"), "id").size(), 0U);
  EXPECT_EQ(hub_.send("POST", base + ("/" + ids[0]) + "/read", jo.token, "").status, 204);
  EXPECT_EQ(texts(listed(jo, "?unread=true"), "id").size(), 5U);
  EXPECT_EQ(texts(listed(jo, "?unread=false"), "id").size(), 6U);
  EXPECT_EQ(texts(listed(jo, "?unread=true&type=tier"), "id").size(), 0U);
  EXPECT_EQ(faults_of(hub_.get(std::string(base) + "?unread=yes&type=x&limit=0&cursor=zz", jo.token)),
            (std::set<std::string>{"unread", "type", "limit", "cursor"}));
}

TEST_F(Notifications, AreMarkedAsReadByTheirMemberAlone) {
  const Someone jo = someone("jo");
  const Someone al = someone("al");
  for (int i = 0; i < 3; ++i) happens("TIER_CHANGED", jo, R"("tier":"Gold")");
  happens("TIER_CHANGED", al, R"("tier":"Gold")");
  const std::string id = texts(listed(jo), "id")[0];
  const auto read = [&](const std::string& which, const Someone& who) {
    return hub_.send("POST", std::string(base) + '/' + which + "/read", who.token, "").status;
  };
  EXPECT_EQ(read(id, al), 404);
  EXPECT_EQ(read(id, jo), 204);
  EXPECT_EQ(read(id, jo), 204) << "again";
  for (const std::string& other : {std::string("x"), std::string("1"), id + "0", std::string("%00"),
                                   std::string("9999999999999999"), std::string("-000000000000001")})
    EXPECT_EQ(read(other, jo), 404) << other;
  EXPECT_EQ(hub_.send("POST", std::string(base) + "/read-all", jo.token, "").status, 204);
  EXPECT_EQ(texts(listed(jo, "?unread=true"), "id").size(), 0U);
  EXPECT_EQ(texts(listed(al, "?unread=true"), "id").size(), 1U) << "al's stays";
}

TEST_F(Notifications, AreForMembersAndTheirWordsForStaff) {
  const Someone staff = someone("sam", Role::staff);
  const Someone jo = someone("jo");
  const std::string words = std::string(base) + "/templates/welcome";
  EXPECT_EQ(hub_.get(base, staff.token).status, 403);
  EXPECT_EQ(hub_.get(std::string(base) + "/preferences", staff.token).status, 403);
  EXPECT_EQ(hub_.get(words, jo.token).status, 403);
  EXPECT_EQ(hub_.get(base).status, 401);
  EXPECT_EQ(hub_.get(words, staff.token).status, 200);
  EXPECT_EQ(hub_.get(std::string(base) + "/templates/other", staff.token).code(), "NOT_FOUND");
}

TEST_F(Notifications, ComeInStaffsOwnWordsUntilTheyGoBackToTheBuiltInOnes) {
  const Someone staff = someone("sam", Role::staff);
  const Someone jo = someone("jo");
  hub_.execute("UPDATE users SET name = $1 WHERE id = $2", {std::string("Jo & \"Al\" <x>"), jo.id()});
  const std::string path = std::string(base) + "/templates/tier_changed";
  const std::string own =
      R"({"inApp":{"title":"{{memberName}}: {{tier}}!","body":"was {{previousTier}}\nis {{{tier}}}"},)"
      R"("email":{"subject":"{{tier}} for {{memberName}}","body":"{{#previousTier}}no more {{previousTier}}{{/previousTier}}\n"}})";
  const RawAnswer put = hub_.send("PUT", path, staff.token, own);
  EXPECT_EQ(put.status, 200) << put.body;
  EXPECT_EQ(member_of(put.body, "updatedBy"), "user:" + staff.id());
  EXPECT_EQ(count("SELECT COUNT(*) FROM audit WHERE action = 'notification_template.set'"), 1);

  happens("TIER_CHANGED", jo, R"("previousTier":"A&B","tier":"<b>\r\nBcc: x@y\u0007</b>")");
  json::Document list = listed(jo);
  EXPECT_EQ(content(list, 0, "title"), "Jo & \"Al\" <x>: <b>  Bcc: x@y </b>!") << "text, one line";
  EXPECT_EQ(content(list, 0, "body"), "was A&B\nis <b> \nBcc: x@y </b>");
  EXPECT_EQ(hub_.column("SELECT subject FROM notification_mail"),
            std::vector<std::string>{"<b>  Bcc: x@y </b> for"});
  EXPECT_EQ(hub_.column("SELECT body FROM notification_mail"), std::vector<std::string>{"no more A&B\n"});

  const RawAnswer back = hub_.send("PUT", path, staff.token, R"({"builtIn":true})");
  EXPECT_EQ(back.status, 200) << back.body;
  EXPECT_EQ(hub_.get(path, staff.token).body, back.body);
  happens("TIER_CHANGED", jo, R"("tier":"Gold")");
  EXPECT_EQ(content(listed(jo, "?limit=1"), 0, "title"), "Your tier is Gold now");
  EXPECT_EQ(count("SELECT COUNT(*) FROM audit WHERE action = 'notification_template.set'"), 2);
}

TEST_F(Notifications, WordsAreRefusedWithEveryFaultAtOnce) {
  const std::string staff = hub_.token_for(Role::staff);
  const std::string path = std::string(base) + "/templates/welcome";
  const auto faults = [&](const std::string& body) { return faults_of(hub_.send("PUT", path, staff, body)); };
  const std::string before = hub_.get(path, staff).body;
  EXPECT_EQ(faults(R"({"inApp":{"title":"{{tier}}","body":"{{#registeredAt}}"},)"
                   R"("email":{"subject":"a\nb","body":"{{=<% %>=}}"}})"),
            (std::set<std::string>{"inApp.title", "inApp.body", "email.subject", "email.body"}));
  EXPECT_EQ(faults(R"({"inApp":{"title":"","body":"{{>other}}"},"email":{"subject":" ","body":"\u0000"}})"),
            (std::set<std::string>{"inApp.title", "inApp.body", "email.subject", "email.body"}));
  EXPECT_EQ(faults(R"({"inApp":{"title":")" + std::string(257, 'x') + R"(","body":7},"email":"no"})"),
            (std::set<std::string>{"inApp.title", "inApp.body", "email"}));
  EXPECT_EQ(faults(R"({"inApp":{"title":"{{x}}"},"email":{"subject":null,"body":"{{x}}"}})"),
            (std::set<std::string>{"inApp.title", "inApp.body", "email.subject", "email.body"}));
  EXPECT_EQ(faults(R"({"inApp":{"title":")" + std::string(257, 'x') +
                   R"(","body":"b"},"email":{"subject":"s","body":")" + std::string(4097, 'x') + R"("}})"),
            (std::set<std::string>{"inApp.title", "email.body"}));
  EXPECT_EQ(faults("{}"), (std::set<std::string>{"inApp", "email"}));
  EXPECT_EQ(faults(R"({"builtIn":true,"inApp":{}})"), std::set<std::string>{"inApp"});
  EXPECT_EQ(hub_.get(path, staff).body, before);
}

TEST_F(Notifications, AreExportedAndGoWithWhoIsErased) {
  const Someone jo = someone("jo");
  const Someone al = someone("al");
  happens("TIER_CHANGED", jo, R"("tier":"Gold")");
  happens("TIER_CHANGED", al, R"("tier":"Gold")");
  hub_.send("PUT", std::string(base) + "/preferences", jo.token, R"({"channels":{"email":false}})");
  const RawAnswer held = hub_.get("/api/v1/users/" + jo.id() + "/export", jo.token);
  EXPECT_NE(held.body.find("Your tier is Gold now"), std::string::npos) << held.body;
  EXPECT_NE(held.body.find(R"("channels":{"in_app":true,"email":false})"), std::string::npos) << held.body;
  EXPECT_EQ(hub_.send("DELETE", "/api/v1/users/" + jo.id(), jo.token, "").status, 202);
  EXPECT_EQ(hub_.column("SELECT user_id FROM notification"), std::vector<std::string>{al.id()});
  EXPECT_EQ(hub_.column("SELECT user_id FROM notification_mail"), std::vector<std::string>{al.id()});
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification_preference"), 0);
  hub_.tell_events(true);
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification"), 1) << "nor is anything made again";
}

TEST_F(Notifications, MailsThatNoServerTakesAreDeadLettersLikeOthers) {
  const Someone jo = someone("jo");
  const std::string staff = hub_.token_for(Role::staff);
  happens("WALLET_CREATED", jo, R"("currency":"USD")");
  happens("WALLET_CREATED", jo, R"("currency":"EUR")");
  hub_.execute(
      "UPDATE notification_mail SET state = 'dead', reason = '550 nobody', attempts = 1, died_at = 7");
  const RawAnswer list = hub_.get("/api/v1/dead-letters", staff);
  const json::Document letters = json::parse(list.body).value();
  const auto items = letters.root().find("items")->items();
  ASSERT_EQ(items.size(), 2U) << list.body;
  EXPECT_EQ(items[0].find("source")->text(), "mail");
  EXPECT_EQ(items[0].find("reason")->text(), "550 nobody");
  EXPECT_EQ(items[0].find("userId")->text(), jo.id());
  const auto decide = [&](std::size_t which, const std::string& what) {
    return hub_.send("POST", "/api/v1/dead-letters/" + std::string(items[which].find("id")->text()) + what,
                     staff, R"({"reason":"so"})");
  };
  const RawAnswer retried = decide(0, "/retry");
  EXPECT_EQ(retried.status, 200) << retried.body;
  EXPECT_EQ(member_of(retried.body, "state"), "retrying");
  EXPECT_EQ(decide(1, "/discard").status, 200);
  EXPECT_EQ(decide(0, "/discard").status, 409);
  EXPECT_EQ(decide(1, "/retry").status, 409);
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification_mail WHERE state = 'waiting' AND body <> ''"), 1);
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification_mail WHERE state = 'discarded' AND body = ''"), 1);
  EXPECT_EQ(count("SELECT COUNT(*) FROM audit WHERE subject LIKE 'dead-letter:mail-%'"), 2);
  EXPECT_EQ(hub_.send("POST", "/api/v1/dead-letters/mail-x/retry", staff, "").status, 404);
}

TEST_F(Notifications, EventsWhoseDataIsWrongAreTheEventsFault) {
  const Someone jo = someone("jo");
  hub::notifications::Notifier notifier(hub_.reactor()->clock(), hub_.ids(), {});
  for (const char* data : {"[]", "", R"({"userId":7})"}) {
    hub::events::DomainEvent wrong = event("TIER_CHANGED", jo);
    wrong.data = data;
    const std::vector events{event("TIER_CHANGED", jo, R"("tier":"Gold")"), wrong};
    auto work = notifier.take(events);
    const auto done = hub_.reactor().await(hub_.database().write(work));
    ASSERT_FALSE(done) << data;
    EXPECT_EQ(done.error().code, Errc::validation_failed);
  }
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification"), 0);
}

TEST_F(Notifications, TenThousandAreMadeWithinFiveSeconds) {
  constexpr int members = 10'000;
  std::vector<hub::events::DomainEvent> events;
  hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
    static const hub::db::BulkStatement insert(
        "INSERT INTO users (id, email, email_key, name, role, active, password_hash, created_at) VALUES ",
        "(?, ?, ?, 'n', 'member', 1, 'x', 1)");
    events.clear();
    std::vector<hub::db::Value> values;
    for (int i = 0; i < members; ++i) {
      Someone member;
      member.user.id = UserId(hub_.ids().next().str());
      const std::string email = std::to_string(i) + "@example.com";
      hub::db::append_row(values, member.id(), email, email);
      events.push_back(
          event("PROMOTION_ASSIGNED", member, R"("title":"T","amount":"1.00","currency":"USD")"));
    }
    auto added = insert.run(transaction, std::move(values));
    if (!added) return failure(added);
    return {};
  });
  hub::notifications::Notifier notifier(hub_.reactor()->clock(), hub_.ids(), {.mail = true});
  const auto began = std::chrono::steady_clock::now();
  constexpr std::size_t batch = 256;
  for (std::size_t i = 0; i < events.size(); i += batch)
    hub_.write(notifier.take(std::span(events).subspan(i, std::min(batch, events.size() - i))));
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification"), members);
  EXPECT_EQ(count("SELECT COUNT(*) FROM notification_mail"), members);
  EXPECT_LT(took, seconds{5});
  RecordProperty("milliseconds", static_cast<int>(std::chrono::duration_cast<Millis>(took).count()));
}

}  // namespace
}  // namespace perkline::test
