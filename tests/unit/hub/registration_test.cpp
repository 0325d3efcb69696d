#include "hub/identity/registration.hpp"

#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "tests/unit/hub/event_table.hpp"
#include "tests/unit/hub/served_hub.hpp"

namespace perkline::test {
namespace {

using hub::identity::Role;

const std::string good_password = R"("password":"a password of twelve")";

class Registering : public ::testing::Test {
 protected:
  /// Whatever the test made happen is told as hub/events/README.md says.
  void TearDown() override { expect_all_documented(hub_); }
  RawAnswer add(const std::string& body) const {
    return hub_.send("POST", "/api/v1/auth/register", "", body);
  }
  RawAnswer add_with(const std::string& fields) const {
    return add("{" + fields + "," + good_password + "}");
  }
  static std::string user_field(const RawAnswer& answer, const std::string& name) {
    const auto document = json::parse(answer.body);
    const json::Value* user = document ? document->root().find("user") : nullptr;
    const json::Value* found = user == nullptr ? nullptr : user->find(name);
    return found == nullptr ? "" : std::string(found->text());
  }
  static bool is_verified(const RawAnswer& answer) {
    const auto document = json::parse(answer.body);
    const json::Value* user = document->root().find("user");
    return (user == nullptr ? document->root() : *user).find("loyaltyVerified")->boolean();
  }
  /// A sale of this card, so many days ago.
  void sell(const std::string& card, const std::string& receipt, int days_ago) {
    const std::int64_t at = (SystemClock().wall_now() - days{days_ago}).time_since_epoch().count();
    hub_.execute(
        "INSERT INTO store (id, epoch, cursor_sequence, cursor_hash, created_at) VALUES ('s', 1, 0,"
        " $1, 0) ON CONFLICT (id) DO NOTHING",
        {std::string(64, '0')});
    hub_.execute(
        "INSERT INTO member (customer_id, tier, first_seen) VALUES ($1, 'Gold', 0)"
        " ON CONFLICT (customer_id) DO NOTHING",
        {card});
    hub_.execute(
        "INSERT INTO sale (session_id, store_id, transaction_id, customer_id, channel_id, state, currency,"
        " amount, earned, redeemed, new_balance, tier, receipt_id, rules_version, finalized_at, received_at)"
        " VALUES ($1, 's', $1, $2, 'c', 'finalized', 'USD', 100, 1, 0, 1, 'Gold', $3, '', $4, $4)",
        {"sess-" + receipt, card, receipt, at});
  }

  ServedHub hub_;
};

TEST_F(Registering, MakesAMemberWhoIsSignedIn) {
  const RawAnswer answer = add_with(R"("email":"Jo@Example.com","mobile":"+491701234567","name":"Jo Ö")");
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(user_field(answer, "email"), "Jo@Example.com");
  EXPECT_EQ(user_field(answer, "mobile"), "+491701234567");
  EXPECT_EQ(user_field(answer, "name"), "Jo Ö");
  EXPECT_EQ(user_field(answer, "role"), "member");
  EXPECT_EQ(user_field(answer, "referralCode").size(), 10u);
  EXPECT_FALSE(is_verified(answer));
  EXPECT_TRUE(answer.field("Set-Cookie").has_value());
  EXPECT_EQ(answer.body.find("argon2"), std::string::npos);
  const RawAnswer me = hub_.get("/api/v1/auth/me", member_of(answer.body, "accessToken"));
  EXPECT_EQ(me.status, 200) << me.body;
  EXPECT_EQ(member_of(me.body, "id"), user_field(answer, "id"));
  EXPECT_EQ(hub_.log_in("jo@example.com", "a password of twelve").status, 200);
  EXPECT_EQ(hub_.log_in("+491701234567", "a password of twelve").status, 200);
}

TEST_F(Registering, TellsOfItInTheOutboxAndTheAudit) {
  const RawAnswer answer = add_with(R"("email":"jo@example.com")");
  EXPECT_EQ(hub_.column("SELECT type FROM event_outbox WHERE type NOT LIKE 'WALLET_%'"),
            std::vector<std::string>{"PLAYER_REGISTERED"});
  EXPECT_EQ(hub_.column("SELECT type FROM event_outbox ORDER BY seq")[0], "PLAYER_REGISTERED")
      << "nobody hears of what a member has before they hear of the member";
  EXPECT_NE(hub_.column("SELECT data FROM event_outbox")[0].find(user_field(answer, "id")),
            std::string::npos);
  EXPECT_EQ(hub_.column("SELECT data FROM event_outbox")[0].find("example.com"), std::string::npos)
      << "events hold ids, not what is known of people";
  EXPECT_EQ(hub_.column("SELECT action FROM audit"), std::vector<std::string>{"user.registered"});
}

TEST_F(Registering, NeedsOnlyOneOfEmailAndMobile) {
  EXPECT_EQ(add_with(R"("mobile":"+491701234567")").status, 201);
  EXPECT_EQ(add_with(R"("email":"jo@example.com","mobile":null)").status, 201);
  EXPECT_EQ(faults_of(add_with(R"("name":"x")")), std::set<std::string>{"email"});
}

TEST_F(Registering, NamesEveryFaultAtOnce) {
  const RawAnswer answer =
      add(R"({"email":"no","mobile":"12","password":"short","name":7,"referralCode":"","receiptId":"R 1"})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.code(), "VALIDATION_FAILED");
  EXPECT_EQ(faults_of(answer),
            (std::set<std::string>{"email", "mobile", "password", "name", "referralCode", "receiptId"}));
  EXPECT_EQ(faults_of(add("{}")), (std::set<std::string>{"email", "password"}));
  EXPECT_EQ(faults_of(add_with(R"("email":"jo@example.com","receiptId":"R-1")")),
            std::set<std::string>{"loyaltyId"});
  EXPECT_EQ(add("{").code(), "MALFORMED_JSON");
  EXPECT_TRUE(hub_.column("SELECT id FROM users").empty());
}

TEST_F(Registering, HoldsThePasswordToItsRules) {
  const auto with = [&](const std::string& password) {
    return add(R"({"email":"jo@example.com","password":")" + password + "\"}");
  };
  EXPECT_EQ(faults_of(with("elevenchars")), std::set<std::string>{"password"});
  EXPECT_EQ(faults_of(with(std::string(129, 'x'))), std::set<std::string>{"password"});
  EXPECT_EQ(faults_of(with("passwordpassword")), std::set<std::string>{"password"});
  EXPECT_EQ(with("zwölf Zeiche").status, 201) << "characters count, not bytes";
}

TEST_F(Registering, IsRefusedForALoginThatIsTaken) {
  ASSERT_EQ(add_with(R"("email":"jo@example.com","mobile":"+491701234567")").status, 201);
  for (const char* taken : {R"("email":"JO@example.com")", R"("mobile":"+491701234567")",
                            R"("email":"other@example.com","mobile":"+491701234567")"}) {
    const RawAnswer answer = add_with(taken);
    EXPECT_EQ(answer.status, 409) << taken;
    EXPECT_EQ(answer.code(), "ALREADY_REGISTERED");
  }
  EXPECT_EQ(hub_.column("SELECT id FROM users").size(), 1u);
}

TEST_F(Registering, OfOneAddressFromManySidesAtOnceMakesOneMember) {
  std::vector<RawAnswer> answers(12);
  std::vector<std::thread> threads;
  for (RawAnswer& answer : answers)
    threads.emplace_back([&] { answer = add_with(R"("email":"jo@example.com","loyaltyId":"CUST-1")"); });
  for (std::thread& thread : threads) thread.join();
  int made = 0;
  for (const RawAnswer& answer : answers) {
    made += answer.status == 201 ? 1 : 0;
    EXPECT_TRUE(answer.status == 201 || answer.code() == "ALREADY_REGISTERED") << answer.body;
  }
  EXPECT_EQ(made, 1);
  EXPECT_EQ(hub_.column("SELECT id FROM users").size(), 1u);
  EXPECT_EQ(hub_.column("SELECT id FROM event_outbox WHERE type = 'PLAYER_REGISTERED'").size(), 1u);
}

TEST_F(Registering, ByAReferralCodeIsNotedWithItsOwner) {
  const RawAnswer jo = add_with(R"("email":"jo@example.com")");
  std::string code = user_field(jo, "referralCode");
  for (char& c : code) c = static_cast<char>(std::tolower(c));
  const RawAnswer ann = add_with(R"("email":"ann@example.com","referralCode":")" + code + '"');
  ASSERT_EQ(ann.status, 201) << ann.body;
  EXPECT_EQ(hub_.column("SELECT referred_by FROM users WHERE email_key = 'ann@example.com'"),
            std::vector<std::string>{user_field(jo, "id")});
  const auto told = hub_.column("SELECT data FROM event_outbox WHERE type = 'REFERRAL_SIGNUP'");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(member_of(told[0], "userId"), user_field(ann, "id"));
  EXPECT_EQ(member_of(told[0], "referrerId"), user_field(jo, "id"));
}

TEST_F(Registering, ByAReferralCodeOfNobodyIsRefused) {
  const RawAnswer jo = add_with(R"("email":"jo@example.com")");
  hub_.execute("UPDATE users SET active = 0");
  for (const std::string& code : {std::string("NOBODYS234"), user_field(jo, "referralCode")}) {
    const RawAnswer answer = add_with(R"("email":"ann@example.com","referralCode":")" + code + '"');
    EXPECT_EQ(answer.status, 400) << code;
    EXPECT_EQ(faults_of(answer), std::set<std::string>{"referralCode"});
  }
}

TEST_F(Registering, LinksACardThatNobodyHasSeenWithoutProof) {
  const RawAnswer answer = add_with(R"("email":"jo@example.com","loyaltyId":"CUST-1")");
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(user_field(answer, "loyaltyId"), "CUST-1");
  EXPECT_FALSE(is_verified(answer));
  const RawAnswer other = add_with(R"("email":"ann@example.com","loyaltyId":"CUST-1")");
  EXPECT_EQ(other.code(), "ALREADY_REGISTERED") << "one id, one user";
}

TEST_F(Registering, TakesACardOverByAReceiptOfItsLastThirtyDays) {
  sell("CUST-1", "R-NEW", 29);
  sell("CUST-1", "R-OLD", 31);
  sell("CUST-2", "R-OTHERS", 1);
  const std::string jo = R"("email":"jo@example.com","loyaltyId":"CUST-1")";
  for (const char* receipt :
       {"", R"(,"receiptId":"R-NONE")", R"(,"receiptId":"R-OLD")", R"(,"receiptId":"R-OTHERS")"}) {
    const RawAnswer answer = add_with(jo + receipt);
    EXPECT_EQ(answer.status, 403) << receipt;
    EXPECT_EQ(answer.code(), "RECEIPT_REQUIRED") << receipt;
  }
  EXPECT_TRUE(hub_.column("SELECT id FROM users").empty());
  const RawAnswer answer = add_with(jo + R"(,"receiptId":"R-NEW")");
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_TRUE(is_verified(answer));
  EXPECT_EQ(add_with(R"("email":"ann@example.com","loyaltyId":"CUST-1","receiptId":"R-NEW")").code(),
            "ALREADY_REGISTERED")
      << "the receipt has been used by its owner";
}

TEST_F(Registering, TakesACardFromWhoHadItOnTheirWordAlone) {
  ASSERT_EQ(add_with(R"("email":"thief@example.com","loyaltyId":"CUST-1")").status, 201);
  sell("CUST-1", "R-1", 0);
  const RawAnswer owner = add_with(R"("email":"jo@example.com","loyaltyId":"CUST-1","receiptId":"R-1")");
  ASSERT_EQ(owner.status, 201) << owner.body;
  EXPECT_TRUE(is_verified(owner));
  EXPECT_EQ(hub_.column("SELECT email FROM users WHERE loyalty_id IS NULL"),
            std::vector<std::string>{"thief@example.com"});
  EXPECT_EQ(hub_.column("SELECT action FROM audit WHERE action = 'user.card_lost'").size(), 1u);
}

TEST_F(Registering, LeavesWhoHasLinkedAnotherCardMeanwhileThatCard) {
  const RawAnswer other = add_with(R"("email":"jo@example.com","loyaltyId":"CUST-2")");
  const UserId jo(user_field(other, "id"));
  const auto displace = [&](const char* card) {
    hub_.write([&](hub::db::Transaction& transaction) {
      return hub::identity::displace(
          transaction,
          {.user = jo, .card = CustomerId(card), .by = "user:x", .audit_id = hub_.ids().next(), .at = {}});
    });
    return hub_.column("SELECT action FROM audit WHERE action = 'user.card_lost'").size();
  };
  EXPECT_EQ(displace("CUST-1"), 0u);
  EXPECT_EQ(hub_.column("SELECT loyalty_id FROM users"), std::vector<std::string>{"CUST-2"});
  EXPECT_EQ(displace("CUST-2"), 1u);
}

TEST_F(Registering, LimitsHowManyReceiptsAreTriedOnACard) {
  ServedHub limited({.login_per_minute = 3, .auth_per_address_minute = 0});
  for (int i = 0; i < 4; ++i) {
    const RawAnswer answer =
        limited.send("POST", "/api/v1/auth/register", "",
                     R"({"email":"jo@example.com","loyaltyId":"CUST-1","receiptId":"R-)" + std::to_string(i) +
                         R"(","password":"short"})");
    EXPECT_EQ(answer.status, 400);
  }
  limited.execute("INSERT INTO member (customer_id, tier, first_seen) VALUES ('CUST-1', 'Gold', 0)");
  const auto guess = [&](int i) {
    return limited.send("POST", "/api/v1/auth/register", "",
                        R"({"email":"jo@example.com","loyaltyId":"CUST-1","receiptId":"R-)" +
                            std::to_string(i) + "\"," + good_password + "}");
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(guess(i).code(), "RECEIPT_REQUIRED");
  const RawAnswer refused = guess(3);
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.field("Retry-After").has_value());
  EXPECT_EQ(refused.field("RateLimit-Limit"), "3");
}

TEST_F(Registering, IsLimitedForEachAddress) {
  ServedHub limited({.login_per_minute = 0, .auth_per_address_minute = 2});
  const auto attempt = [&] { return limited.send("POST", "/api/v1/auth/register", "", "{}"); };
  EXPECT_EQ(attempt().status, 400);
  EXPECT_EQ(attempt().status, 400);
  EXPECT_EQ(attempt().status, 429);
}

/// As a module does that takes part: a row of its own with the user's.
class Hooks : public ::testing::Test {
 protected:
  Hooks() {
    hub_.reactor().run([&] {
      hooks_.registered.emplace_back([this](const hub::identity::Registered& registered) {
        heard_ = registered;
        return [id = registered.user.id, this](hub::db::Transaction& transaction) -> Result<void> {
          if (refuses_) return fail(Errc::insufficient_points, "not today");
          auto done = transaction.execute("INSERT INTO hub_meta (name, value) VALUES ($1, 'wallet')",
                                          {"wallet:" + id.str()});
          if (!done) return failure(done);
          return {};
        };
      });
      hasher_.emplace(*hub_.reactor(), hub::identity::PasswordHasher::Options{
                                           .threads = 1, .cost = {.passes = 1, .memory_bytes = 8192}});
      sessions_.emplace(hub_.database(), *hasher_, hub_.tokens(), clock_, hub_.ids(),
                        hub::identity::Sessions::Options{.refresh_key = std::string(32, 'k')});
      registration_.emplace(hub::identity::Registration::Parts{hub_.database(), *hasher_, *sessions_, hooks_,
                                                               clock_, hub_.rng(), hub_.ids()});
    });
  }
  ~Hooks() override {
    hub_.reactor().run([&] {
      registration_.reset();
      sessions_.reset();
      hasher_.reset();
    });
  }
  Result<hub::identity::SignedIn> add() {
    return hub_.reactor().await(registration_->register_member(
        {.email = "jo@example.com", .password = "a password of twelve"}, "trace"));
  }
  std::int64_t count(const std::string& from) {
    std::int64_t counted = -1;
    hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      auto rows = transaction.query("SELECT COUNT(*) FROM " + from);
      if (!rows) return failure(rows);
      counted = rows->front().integer(0);
      return {};
    });
    return counted;
  }

  ServedHub hub_;
  SystemClock clock_;
  bool refuses_ = false;
  std::optional<hub::identity::Registered> heard_;
  hub::identity::UserHooks hooks_;
  std::optional<hub::identity::PasswordHasher> hasher_;
  std::optional<hub::identity::Sessions> sessions_;
  std::optional<hub::identity::Registration> registration_;
};

TEST_F(Hooks, TakePartInTheRegistrationsOwnTransaction) {
  const auto done = add();
  ASSERT_TRUE(done) << done.error().detail;
  EXPECT_EQ(heard_->user.id, done->user.id);
  EXPECT_EQ(heard_->traceparent, "trace");
  EXPECT_EQ(count("hub_meta WHERE value = 'wallet'"), 1);
}

TEST_F(Hooks, ThatFailLeaveNobody) {
  refuses_ = true;
  const auto done = add();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::insufficient_points);
  for (const char* table : {"users", "refresh_family", "event_outbox", "audit"})
    EXPECT_EQ(count(table), 0) << table;
}

TEST_F(Registering, OfStaffIsForAdmins) {
  const std::string admin = hub_.token_for(Role::admin);
  const auto add_staff = [&](const std::string& body) {
    return hub_.send("POST", "/api/v1/auth/register-staff", admin, body);
  };
  const RawAnswer staff = add_staff("{" + good_password + R"(,"email":"clerk@example.com","name":"Clerk"})");
  ASSERT_EQ(staff.status, 201) << staff.body;
  EXPECT_EQ(user_field(staff, "role"), "staff");
  EXPECT_EQ(member_of(staff.body, "accessToken"), "") << "they sign in themselves";
  EXPECT_FALSE(staff.field("Set-Cookie").has_value());
  EXPECT_EQ(hub_.log_in("clerk@example.com", "a password of twelve").status, 200);
  EXPECT_EQ(
      user_field(add_staff("{" + good_password + R"(,"email":"boss@example.com","role":"admin"})"), "role"),
      "admin");
  EXPECT_EQ(faults_of(add_staff(R"({"password":"short","role":"member"})")),
            (std::set<std::string>{"email", "password", "role"}));
  EXPECT_EQ(add_staff("{" + good_password + R"(,"email":"CLERK@example.com"})").code(), "ALREADY_REGISTERED");
}

}  // namespace
}  // namespace perkline::test
