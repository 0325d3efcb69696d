#include <set>

#include <gtest/gtest.h>

#include "hub/identity/audit_chain.hpp"
#include "hub/identity/refresh_families.hpp"
#include "tests/unit/hub/event_table.hpp"
#include "tests/unit/hub/served_hub.hpp"

namespace perkline::test {
namespace {

using hub::identity::Role;
using hub::identity::User;

class UserList : public ::testing::Test {
 protected:
  /// Whatever the test made happen is told as hub/events/README.md says.
  void TearDown() override { expect_all_documented(hub_); }
  static std::vector<std::string> texts_of(const RawAnswer& answer, const std::string& member) {
    std::vector<std::string> found;
    const auto document = json::parse(answer.body);
    const json::Value* items = document ? document->root().find("items") : nullptr;
    EXPECT_NE(items, nullptr) << answer.body;
    if (items == nullptr) return found;
    for (const auto& item : items->items()) found.emplace_back(item.find(member)->text());
    return found;
  }
  std::vector<std::string> search(const std::string& query) const {
    const RawAnswer answer = hub_.get("/api/v1/users?" + query, admin_token_);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return texts_of(answer, "name");
  }
  RawAnswer set(const User& user, const std::string& body) const {
    return hub_.send("PATCH", "/api/v1/users/" + user.id.str(), admin_token_, body);
  }

  ServedHub hub_;
  const User admin_ = hub_.add_user("admin", Role::admin);
  const std::string admin_token_ = hub_.token_of(admin_);
};

TEST_F(UserList, AreListedNewestFirstPageByPage) {
  for (const char* name : {"ann", "ben", "cid"}) hub_.add_user(name, Role::member);
  const RawAnswer first = hub_.get("/api/v1/users?limit=3", admin_token_);
  EXPECT_EQ(texts_of(first, "name"), (std::vector<std::string>{"cid", "ben", "ann"}));
  const std::string cursor = member_of(first.body, "nextCursor");
  const RawAnswer second = hub_.get("/api/v1/users?limit=3&cursor=" + cursor, admin_token_);
  EXPECT_EQ(texts_of(second, "name"), std::vector<std::string>{"admin"});
  EXPECT_NE(second.body.find(R"("nextCursor":null)"), std::string::npos);
  EXPECT_EQ(first.body.find("argon2"), std::string::npos);
}

TEST_F(UserList, AreNotChangedToNull) {
  const User ann = hub_.add_user("ann", Role::member);
  EXPECT_EQ(faults_of(set(ann, R"({"role":null,"active":null})")), (std::set<std::string>{"role", "active"}));
  EXPECT_EQ(faults_of(set(ann, R"({"role":"staff","active":null})")), std::set<std::string>{"active"});
  EXPECT_EQ(hub_.column("SELECT role FROM users WHERE id = '" + ann.id.str() + "'"),
            std::vector<std::string>{"member"});
}

TEST_F(UserList, AreSearchedByWhatStaffKnowOfThem) {
  const User ann = hub_.add_user("ann_a", Role::member, CustomerId("CUST-7"));
  hub_.add_user("annxa", Role::staff);
  hub_.execute("UPDATE users SET mobile = '+491701234567', referral_code = 'ABC' WHERE id = $1",
               {ann.id.str()});
  EXPECT_EQ(search("search=ANN"), (std::vector<std::string>{"annxa", "ann_a"}));
  EXPECT_EQ(search("search=ann_"), std::vector<std::string>{"ann_a"}) << "an underscore is itself";
  EXPECT_EQ(search("search=ann%25"), std::vector<std::string>{}) << "a percent sign too";
  EXPECT_EQ(search("search=n_a%40example.COM"), std::vector<std::string>{"ann_a"});
  EXPECT_EQ(search("search=%2B49170"), std::vector<std::string>{"ann_a"});
  EXPECT_EQ(search("search=CUST-7"), std::vector<std::string>{"ann_a"});
  EXPECT_EQ(search("search=ABC"), std::vector<std::string>{"ann_a"});
  EXPECT_EQ(search("search=" + ann.id.str()), std::vector<std::string>{"ann_a"});
  EXPECT_EQ(search("role=staff"), std::vector<std::string>{"annxa"});
  hub_.execute("UPDATE users SET active = 0 WHERE name = 'annxa'");
  EXPECT_EQ(search("active=false"), std::vector<std::string>{"annxa"});
  EXPECT_EQ(search("search=ann&active=true"), std::vector<std::string>{"ann_a"});
}

TEST_F(UserList, SearchNamesEveryFault) {
  const RawAnswer answer =
      hub_.get("/api/v1/users?role=king&active=1&limit=0&cursor=zz&search=%ff", admin_token_);
  EXPECT_EQ(answer.status, 400);
  for (const char* field : {"role", "active", "limit", "cursor", "search"})
    EXPECT_NE(answer.body.find("\"field\":\"" + std::string(field) + '"'), std::string::npos) << answer.body;
}

TEST_F(UserList, AreDeactivatedAtOnceWithTheirSessions) {
  hub_.add_user("jo", Role::member);
  const RawAnswer in = hub_.log_in("jo@example.com");
  const std::string token = member_of(in.body, "accessToken");
  const auto me = [&] { return hub_.get("/api/v1/auth/me", token); };
  EXPECT_EQ(me().status, 200);
  const std::string cookie = in.field("Set-Cookie")->substr(0, in.field("Set-Cookie")->find(';'));
  const auto document = json::parse(in.body);
  User jo;
  jo.id = UserId(std::string(document->root().find("user")->find("id")->text()));
  const RawAnswer set_answer = set(jo, R"({"active":false})");
  EXPECT_EQ(set_answer.status, 200) << set_answer.body;
  EXPECT_NE(set_answer.body.find(R"("active":false)"), std::string::npos);
  EXPECT_EQ(me().code(), "ACCOUNT_INACTIVE");
  EXPECT_EQ(hub_.send("POST", "/api/v1/auth/refresh", "", "", "Cookie: " + cookie + "\r\n").status, 401);
  EXPECT_EQ(hub_.log_in("jo@example.com").code(), "ACCOUNT_INACTIVE");
  EXPECT_EQ(hub_.column("SELECT type FROM event_outbox"), std::vector<std::string>{"USER_DEACTIVATED"});
  EXPECT_EQ(set(jo, R"({"active":true})").status, 200);
  EXPECT_EQ(me().code(), "UNAUTHENTICATED") << "the old sessions stay ended";
  EXPECT_EQ(hub_.log_in("jo@example.com").status, 200);
}

TEST_F(UserList, GetAnotherRoleWithTheirNextRequest) {
  const User jo = hub_.add_user("jo", Role::member);
  const std::string token = hub_.token_of(jo);
  EXPECT_EQ(hub_.get("/api/v1/users", token).code(), "FORBIDDEN");
  EXPECT_EQ(set(jo, R"({"role":"staff"})").status, 200);
  EXPECT_EQ(hub_.get("/api/v1/users", token).status, 200);
  EXPECT_EQ(hub_.column("SELECT detail FROM audit WHERE action = 'user.set'"),
            std::vector<std::string>{R"({"role":{"from":"member","to":"staff"}})"});
}

TEST_F(UserList, SettingNamesItsFaultsAndFindsNobodyUnderOtherIds) {
  const User jo = hub_.add_user("jo", Role::member);
  EXPECT_EQ(set(jo, "{}").code(), "VALIDATION_FAILED");
  const RawAnswer both = set(jo, R"({"role":"king","active":"no"})");
  EXPECT_NE(both.body.find(R"("field":"role")"), std::string::npos);
  EXPECT_NE(both.body.find(R"("field":"active")"), std::string::npos);
  User nobody;
  for (const char* id : {"01a1fe8b-47ac-77ff-8ed5-e2f2b24722bb", "any", "%00", "1'--"}) {
    nobody.id = UserId(id);
    EXPECT_EQ(set(nobody, R"({"active":false})").code(), "NOT_FOUND") << id;
  }
}

TEST_F(UserList, AreNeverWithoutAnAdmin) {
  EXPECT_EQ(set(admin_, R"({"active":false})").code(), "FORBIDDEN");
  EXPECT_EQ(set(admin_, R"({"role":"staff"})").code(), "FORBIDDEN");
  EXPECT_EQ(hub_.send("DELETE", "/api/v1/users/" + admin_.id.str(), admin_token_, "").code(), "FORBIDDEN");
  const User other = hub_.add_user("other", Role::admin);
  EXPECT_EQ(set(other, R"({"role":"staff"})").status, 200);
  EXPECT_EQ(set(admin_, R"({"role":"member"})").code(), "FORBIDDEN");
}

class OwnAccount : public UserList {
 protected:
  OwnAccount() {
    hub_.add_user("jo", Role::member);
    token_ = log_in();
  }
  std::string log_in(const std::string& password = ServedHub::password) const {
    return member_of(hub_.log_in("jo@example.com", password).body, "accessToken");
  }
  RawAnswer change(const std::string& body) const {
    return hub_.send("PATCH", "/api/v1/auth/me", token_, body);
  }
  RawAnswer change_password(const std::string& current, const std::string& fresh) const {
    return hub_.send("POST", "/api/v1/auth/password", token_,
                     R"({"currentPassword":")" + current + R"(","newPassword":")" + fresh + "\"}");
  }
  RawAnswer link(const std::string& body) const {
    return hub_.send("POST", "/api/v1/auth/me/loyalty", token_, body);
  }

  std::string token_;
};

TEST_F(OwnAccount, IsChangedFieldByField) {
  const RawAnswer named = change(R"({"name":"Jo Doe","mobile":"+491701234567"})");
  EXPECT_EQ(named.status, 200) << named.body;
  EXPECT_EQ(member_of(named.body, "name"), "Jo Doe");
  EXPECT_EQ(member_of(named.body, "email"), "jo@example.com") << "what is left out stays";
  const RawAnswer moved = change(R"({"email":null})");
  EXPECT_EQ(moved.status, 200) << moved.body;
  EXPECT_EQ(hub_.log_in("jo@example.com").status, 401);
  EXPECT_EQ(hub_.log_in("+491701234567").status, 200);
  EXPECT_EQ(change(R"({"mobile":null})").code(), "VALIDATION_FAILED") << "something to sign in with stays";
  EXPECT_EQ(faults_of(change(R"({"name":null,"email":"jo@example.com"})")), std::set<std::string>{"name"});
  EXPECT_EQ(member_of(hub_.get("/api/v1/auth/me", token_).body, "name"), "Jo Doe");
  EXPECT_EQ(change(R"({"email":"admin@EXAMPLE.com"})").code(), "ALREADY_REGISTERED");
  EXPECT_EQ(change(R"({"role":"admin","active":true})").code(), "VALIDATION_FAILED")
      << "nobody makes an admin of themselves";
  EXPECT_EQ(member_of(hub_.get("/api/v1/auth/me", token_).body, "role"), "member");
}

TEST_F(OwnAccount, GetsAnotherPasswordAndLosesEveryOtherSession) {
  const std::string other = log_in();
  EXPECT_EQ(change_password("not the password", "another one of twelve").code(), "INVALID_CREDENTIALS");
  EXPECT_EQ(change_password(ServedHub::password, "short").code(), "VALIDATION_FAILED");
  EXPECT_EQ(hub_.get("/api/v1/auth/me", other).status, 200);
  const RawAnswer changed = change_password(ServedHub::password, "another one of twelve");
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(hub_.get("/api/v1/auth/me", token_).status, 200) << "this session goes on";
  EXPECT_EQ(hub_.get("/api/v1/auth/me", other).code(), "UNAUTHENTICATED");
  EXPECT_EQ(hub_.log_in("jo@example.com").status, 401);
  EXPECT_EQ(hub_.log_in("jo@example.com", "another one of twelve").status, 200);
}

TEST_F(OwnAccount, DoesNotLetATokenTryPasswords) {
  ServedHub limited({.login_per_minute = 2, .auth_per_address_minute = 0});
  const std::string token = limited.token_for(Role::member);
  const auto attempt = [&] {
    return limited.send("POST", "/api/v1/auth/password", token,
                        R"({"currentPassword":"x","newPassword":"another one of twelve"})");
  };
  EXPECT_EQ(attempt().status, 401);
  EXPECT_EQ(attempt().status, 401);
  EXPECT_EQ(attempt().status, 429);
}

TEST_F(OwnAccount, LinksACardAndProvesItLater) {
  const RawAnswer linked = link(R"({"loyaltyId":"CUST-1"})");
  ASSERT_EQ(linked.status, 200) << linked.body;
  EXPECT_NE(linked.body.find(R"("loyaltyVerified":false)"), std::string::npos);
  hub_.execute(
      "INSERT INTO store (id, epoch, cursor_sequence, cursor_hash, created_at) VALUES ('s', 1, 0,"
      " $1, 0)",
      {std::string(64, '0')});
  hub_.execute("INSERT INTO member (customer_id, tier, first_seen) VALUES ('CUST-1', 'Gold', 0)");
  hub_.execute(
      "INSERT INTO sale (session_id, store_id, transaction_id, customer_id, channel_id, state, currency,"
      " amount, earned, redeemed, tier, rules_version, provisional_earned, provisional_redeemed,"
      " provisional_receipt, pending_at, received_at) VALUES ('x', 's', 't', 'CUST-1', 'c', 'pending', 'USD',"
      " 100, 1, 0, 'Gold', '', 1, 0, 'PND-1', $1, 0)",
      {SystemClock().wall_now().time_since_epoch().count()});
  EXPECT_EQ(link(R"({"loyaltyId":"CUST-1"})").code(), "RECEIPT_REQUIRED");
  EXPECT_EQ(link(R"({"loyaltyId":"CUST-1","receiptId":"PND-2"})").code(), "RECEIPT_REQUIRED");
  const RawAnswer proven = link(R"({"loyaltyId":"CUST-1","receiptId":"PND-1"})");
  EXPECT_EQ(proven.status, 200) << proven.body;
  EXPECT_NE(proven.body.find(R"("loyaltyVerified":true)"), std::string::npos);
  EXPECT_EQ(link(R"({"loyaltyId":"CUST-1"})").body, proven.body) << "what is proven stays so";
  EXPECT_EQ(link("{}").code(), "VALIDATION_FAILED");
}

TEST_F(OwnAccount, IsExportedWithEverythingButWhatOpensIt) {
  const std::string id = member_of(hub_.get("/api/v1/auth/me", token_).body, "id");
  const RawAnswer answer = hub_.get("/api/v1/users/" + id + "/export", token_);
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto document = json::parse(answer.body);
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root().find("user")->find("email")->text(), "jo@example.com");
  EXPECT_EQ(document->root().find("sessions")->items().size(), 1u);
  for (const char* part : {"referrals", "audit", "tills", "entries"})
    EXPECT_NE(document->root().find(part), nullptr) << part;
  EXPECT_EQ(answer.body.find("argon2"), std::string::npos);
  EXPECT_EQ(hub_.get("/api/v1/users/" + id + "/export", admin_token_).status, 200);
  EXPECT_EQ(hub_.get("/api/v1/users/" + id + "/export", hub_.token_for(Role::member)).code(), "NOT_FOUND");
  EXPECT_EQ(hub_.get("/api/v1/users/" + id + "/export", hub_.token_for(Role::staff)).code(), "NOT_FOUND");
  EXPECT_EQ(hub_.get("/api/v1/users/" + admin_.id.str() + "/export", token_).code(), "NOT_FOUND");
  EXPECT_EQ(hub_.column("SELECT subject FROM audit WHERE action = 'user.exported'"),
            std::vector<std::string>(2, "user:" + id));
}

TEST_F(OwnAccount, IsErasedOnceAndForAll) {
  const std::string id = member_of(hub_.get("/api/v1/auth/me", token_).body, "id");
  const std::string path = "/api/v1/users/" + id;
  const std::string transfers = " POST /api/v1/wallet/transfers";
  hub_.execute(
      "INSERT INTO idempotency (scope, key, fingerprint, status, content_type, body, created_at)"
      " VALUES ($1, 'k', 'f', 200, 'application/json', '{}', 0), ($2, 'k', 'f', 200, '', '{}', 0)",
      {id + transfers, admin_.id.str() + transfers});
  for (const Role role : {Role::member, Role::staff})
    EXPECT_EQ(hub_.send("DELETE", path, hub_.token_for(role), "").code(), "NOT_FOUND");
  const RawAnswer answer = hub_.send("DELETE", path, token_, "");
  EXPECT_EQ(answer.status, 202) << answer.body;
  EXPECT_EQ(member_of(answer.body, "status"), "erased") << "no store can have heard of them";
  EXPECT_EQ(hub_.get("/api/v1/auth/me", token_).code(), "UNAUTHENTICATED");
  EXPECT_EQ(hub_.log_in("jo@example.com").code(), "INVALID_CREDENTIALS");
  EXPECT_EQ(hub_.get(path + "/export", admin_token_).code(), "NOT_FOUND");
  EXPECT_EQ(hub_.column("SELECT scope FROM idempotency"),
            std::vector<std::string>{admin_.id.str() + transfers});
  EXPECT_EQ(hub_.column("SELECT id FROM refresh_family").size(), 0u);
  EXPECT_EQ(hub_.send("DELETE", path, admin_token_, "").status, 200) << "asked again, it is done";
  EXPECT_EQ(hub_.send("DELETE", "/api/v1/users/any", admin_token_, "").code(), "NOT_FOUND");
  EXPECT_EQ(hub_.send("POST", "/api/v1/auth/register", "",
                      R"({"email":"jo@example.com","password":"a password of twelve"})")
                .status,
            201)
      << "the address is free again";
  for (const std::string& row : hub_.column("SELECT detail || subject || actor FROM audit"))
    EXPECT_EQ(row.find("example.com"), std::string::npos);
}

class AuditChain : public UserList {
 protected:
  void act(int times) {
    for (int i = 0; i < times; ++i)
      EXPECT_EQ(hub_.get("/api/v1/users/" + admin_.id.str() + "/export", admin_token_).status, 200);
  }
  std::vector<std::string> mismatches() {
    std::vector<std::string> found;
    hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      auto verified = hub::identity::verify_audit(transaction);
      if (!verified) return failure(verified);
      found = std::move(*verified);
      return {};
    });
    return found;
  }
  void chain() { EXPECT_EQ(hub_.get("/api/v1/audit", admin_token_).status, 200); }
};

TEST_F(AuditChain, ShowsWhatWasDoneAMomentAgoNewestFirstPageByPage) {
  act(5);
  const RawAnswer first = hub_.get("/api/v1/audit?limit=3", admin_token_);
  EXPECT_EQ(texts_of(first, "sequence"), (std::vector<std::string>{"5", "4", "3"}));
  act(1);
  const RawAnswer second =
      hub_.get("/api/v1/audit?limit=3&cursor=" + member_of(first.body, "nextCursor"), admin_token_);
  EXPECT_EQ(texts_of(second, "sequence"), (std::vector<std::string>{"2", "1"}));
  EXPECT_EQ(texts_of(second, "action"), std::vector<std::string>(2, "user.exported"));
  EXPECT_EQ(texts_of(second, "actor"), std::vector<std::string>(2, "user:" + admin_.id.str()));
  EXPECT_EQ(texts_of(second, "hash")[0].size(), 64u);
  EXPECT_EQ(mismatches(), std::vector<std::string>{});
}

TEST_F(AuditChain, ShowsEveryChangeOfARow) {
  act(5);
  chain();
  for (const char* change : {"at = at + 1", "actor = 'user:x'", "action = 'x'", "subject = 'x'",
                             "detail = '{\"a\":1}'", "hash = NULL"}) {
    const std::string column(change, std::string_view(change).find(' '));
    hub_.execute("CREATE TABLE kept AS SELECT * FROM audit WHERE sequence = 3");
    hub_.execute("UPDATE audit SET " + std::string(change) + " WHERE sequence = 3");
    const auto found = mismatches();
    ASSERT_FALSE(found.empty()) << change;
    EXPECT_NE(found[0].find("row 3"), std::string::npos) << found[0];
    hub_.execute("UPDATE audit SET " + column + " = (SELECT " + column + " FROM kept) WHERE sequence = 3");
    hub_.execute("DROP TABLE kept");
    EXPECT_TRUE(mismatches().empty()) << change;
  }
}

TEST_F(AuditChain, ShowsARowThatIsGoneAndAnEndThatWasCutOff) {
  act(5);
  chain();
  hub_.execute("DELETE FROM audit WHERE sequence = 5");
  EXPECT_EQ(mismatches(), std::vector<std::string>{"audit: it ends with row 4, not with 5"});
  hub_.execute("DELETE FROM audit WHERE sequence = 2");
  EXPECT_EQ(mismatches().at(0), "audit: rows 2 to 2 are missing");
}

TEST_F(AuditChain, ShowsARowThatWasChangedAndChainedAnew) {
  act(3);
  chain();
  hub_.execute("UPDATE audit SET detail = '{\"a\":1}', sequence = NULL, hash = NULL WHERE sequence = 2");
  chain();
  EXPECT_EQ(mismatches().at(0), "audit: rows 2 to 2 are missing");
}

TEST_F(AuditChain, ChainsRowsThatAreCommittedLateBehindThoseThatCameFirst) {
  const Uuid early = hub_.ids().next();
  act(1);
  chain();
  hub_.write([&](hub::db::Transaction& transaction) {
    return hub::identity::append_audit(
        transaction, {.id = early, .at = WallTime{}, .actor = "a", .action = "b", .subject = "c"});
  });
  EXPECT_EQ(texts_of(hub_.get("/api/v1/audit", admin_token_), "action"),
            (std::vector<std::string>{"b", "user.exported"}));
  EXPECT_TRUE(mismatches().empty());
}

/// A hub on which for every transaction two more rows come to be chained.
class BusyDatabase : public hub::db::Database {
 public:
  BusyDatabase(hub::db::Database& database, UuidMaker& ids) : database_(database), ids_(ids) {}
  hub::db::Engine engine() const override { return database_.engine(); }
  Task<Result<void>> read(std::function<Result<void>(hub::db::Transaction&)> work) override {
    return database_.read(std::move(work));
  }
  Task<Result<void>> write(std::function<Result<void>(hub::db::Transaction&)> work) override {
    constexpr int patience = 20;
    if (++writes_ > patience) co_return fail(Errc::overloaded, "it never ends");
    std::vector<Uuid> ids{ids_.next(), ids_.next()};
    co_return co_await database_.write(
        [work = std::move(work), ids = std::move(ids)](hub::db::Transaction& transaction) -> Result<void> {
          for (const Uuid& id : ids) {
            auto told = hub::identity::append_audit(
                transaction, {.id = id, .at = WallTime{}, .actor = "a", .action = "b", .subject = "c"});
            if (!told) return told;
          }
          return work(transaction);
        });
  }

 private:
  hub::db::Database& database_;
  UuidMaker& ids_;
  int writes_ = 0;
};

TEST_F(AuditChain, TakesAllThatWaitAndEndsThoughOthersGoOnWriting) {
  act(5);
  Result<hub::identity::Chained> chained;
  std::optional<BusyDatabase> busy;
  hub_.reactor().run([&] { busy.emplace(hub_.database(), hub_.ids()); });
  chained = hub_.reactor().await(hub::identity::chain_waiting_audit(*busy, 2));
  ASSERT_TRUE(chained) << chained.error().detail;
  EXPECT_GE(chained->added, 5);
  EXPECT_EQ(chained->head.sequence, chained->added);
  EXPECT_EQ(hub_.column("SELECT id FROM audit WHERE action = 'user.exported' AND sequence IS NULL").size(),
            0u);
  EXPECT_TRUE(mismatches().empty());
}

TEST_F(AuditChain, HasNothingToDoWhereNothingWaits) {
  const auto chained = hub_.reactor().await(hub::identity::chain_waiting_audit(hub_.database()));
  ASSERT_TRUE(chained);
  EXPECT_EQ(chained->added, 0);
  EXPECT_EQ(hub_.column("SELECT value FROM hub_meta WHERE name = 'audit_head'").size(), 0u) << "no write";
}

}  // namespace
}  // namespace perkline::test
