#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "hub/api/access.hpp"
#include "hub/api/openapi.hpp"
#include "hub/api/overview.hpp"
#include "hub/ingest/dead_letters.hpp"
#include "hub/ledger/holds.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/stores/stores.hpp"
#include "tests/support/openapi_check.hpp"
#include "tests/unit/hub/served_hub.hpp"

namespace perkline::test {
namespace {

using hub::api::access_rules;
using hub::api::AccessRule;
using hub::identity::Role;

std::string name_of_route(net::Method method, std::string_view pattern) {
  return std::string(net::name_of(method)) + ' ' + std::string(pattern);
}

TEST(Access, HasARowForEveryRouteAndARouteForEveryRow) {
  const ServedHub hub;
  std::set<std::string> routes;
  for (const auto& route : hub.api().router().routes())
    routes.insert(name_of_route(route.method, route.pattern));
  std::set<std::string> rows;
  for (const auto& rule : access_rules) {
    EXPECT_TRUE(rows.insert(name_of_route(rule.method, rule.pattern)).second)
        << rule.pattern << " has two rows";
  }
  EXPECT_EQ(routes, rows);
}

/// A path of the pattern; what it names need not exist.
std::string path_of(std::string pattern) {
  const auto open = pattern.find('{');
  return open == std::string::npos ? pattern : pattern.replace(open, pattern.find('}') - open + 1, "any");
}

TEST(Access, IsGrantedToEachRoleAsTheTableSays) {
  ServedHub hub;
  struct Caller {
    std::optional<Role> role;
    std::string token;
  };
  std::vector<Caller> callers{{std::nullopt, ""}};
  for (const Role role : {Role::member, Role::staff, Role::admin})
    callers.push_back({role, hub.token_for(role)});
  for (const AccessRule& rule : access_rules) {
    for (const Caller& caller : callers) {
      const RawAnswer answer = hub.send(std::string(net::name_of(rule.method)),
                                        path_of(std::string(rule.pattern)), caller.token, "{}");
      const std::string who = caller.role ? std::string(name_of(*caller.role)) : "nobody";
      ASSERT_NE(answer.status, 0) << rule.pattern;
      if (rule.access == hub::api::Access::refresh_cookie || rule.pattern.ends_with("/ws")) {
        // Asks for its cookie, or for a token among the subprotocols (NotificationSocket), whoever comes.
        EXPECT_EQ(answer.status, 401) << rule.pattern << " for " << who;
      } else if (may(rule.access, caller.role)) {
        EXPECT_NE(answer.status, 401) << rule.pattern << " for " << who;
        EXPECT_NE(answer.status, 403) << rule.pattern << " for " << who;
      } else {
        EXPECT_EQ(answer.status, caller.role ? 403 : 401) << rule.pattern << " for " << who;
      }
    }
  }
}

TEST(Openapi, SaysWhatTheRoutesAre) {
  const ServedHub hub;
  EXPECT_EQ(openapi_differences(hub::api::openapi_yaml(), hub.api().router()), std::vector<std::string>{});
}

TEST(Openapi, NamesTheRolesOfTheTable) {
  const auto json = hub::api::yaml_to_json(hub::api::openapi_yaml());
  ASSERT_TRUE(json);
  const auto document = json::parse(*json);
  ASSERT_TRUE(document);
  for (const AccessRule& rule : access_rules) {
    if (rule.access == hub::api::Access::anyone) continue;
    std::string method(net::name_of(rule.method));
    std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c - 'A' + 'a'); });
    const json::Value* roles =
        document->root().find("paths")->find(rule.pattern)->find(method)->find("x-roles");
    ASSERT_NE(roles, nullptr) << rule.pattern;
    std::set<std::string> named;
    for (const auto& role : roles->items()) named.emplace(role.text());
    std::set<std::string> allowed;
    for (const Role role : {Role::member, Role::staff, Role::admin}) {
      if (may(rule.access, role)) allowed.emplace(name_of(role));
    }
    EXPECT_EQ(named, allowed) << rule.pattern;
  }
}

TEST(Openapi, IsServedAsJson) {
  const ServedHub hub;
  const RawAnswer answer = hub.get("/api/v1/openapi.json");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("Content-Type"), "application/json");
  const auto document = json::parse(answer.body);
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root().find("openapi")->text(), "3.1.0");
  // A number stays a number, and a quoted word a text.
  const json::Value* limit =
      document->root().find("components")->find("parameters")->find("limit")->find("schema");
  EXPECT_EQ(limit->find("maximum")->text(), "200");
  EXPECT_TRUE(limit->find("maximum")->is(json::Value::Kind::number));
  EXPECT_TRUE(document->root().find("paths")->find("/health")->find("get")->find("responses")->find("200") !=
              nullptr);
}

TEST(OpenapiCheck, TellsWhatRoutesAndDocumentDoNotAgreeOn) {
  net::Router router;
  const net::Handler never = [](net::Request) -> Task<net::Response> { co_return net::Response{}; };
  router.add({.method = net::Method::get, .pattern = "/a/{id}", .access = "anyone", .handler = never});
  router.add({.method = net::Method::post, .pattern = "/b", .access = "staff", .handler = never});
  const auto differences = [&](const std::string& paths) {
    return openapi_differences("openapi: 3.1.0\npaths:\n" + paths, router);
  };
  const std::string a =
      "  /a/{id}:\n    get: { operationId: a, summary: s, parameters: [ { name: id, in: path } ],"
      " responses: { '200': {}, default: {} } }\n";
  const std::string b =
      "  /b:\n    post: { operationId: b, summary: s, security: [ { key: [] } ], responses: { '201': {}, "
      "default: {} } }\n";
  EXPECT_EQ(differences(a + b), std::vector<std::string>{});
  EXPECT_EQ(differences(a), std::vector<std::string>{"POST /b is a route the document does not have"});
  EXPECT_EQ(
      differences(a + b +
                  "  /c:\n    get: { operationId: c, summary: s, responses: { '200': {}, default: {} } }\n"),
      std::vector<std::string>{"GET /c is in the document but is no route"});
  const auto changed = [](std::string text, const std::string& what, const std::string& by) {
    return text.replace(text.find(what), what.size(), by);
  };
  for (const std::string& wrong :
       {changed(a, "name: id", "name: other") + b, changed(a, "summary: s, ", "") + b,
        changed(a, "default: {}", "default: { $ref: '#/components/none' }") + b,
        changed(a, "'200'", "'404'") + b, changed(a, ", default: {}", "") + b,
        changed(a, "operationId: a", "operationId: b") + b, a + changed(b, "security: [ { key: [] } ], ", ""),
        changed(a, "summary", "security: [ { key: [] } ], summary") + b,
        changed(a, "summary", "requestBody: {}, summary") + b}) {
    EXPECT_EQ(differences(wrong).size(), 1u) << wrong;
  }
}

class Stores : public ::testing::Test {
 protected:
  void add_store(const std::string& id) {
    hub_.write([&](hub::db::Transaction& transaction) {
      const std::string key(64, static_cast<char>('0' + keys_));
      return hub::stores::add(transaction, StoreId(id), key, clock_.wall_now());
    });
    ++keys_;
  }

  int keys_ = 0;
  const SystemClock clock_;
  ServedHub hub_;
  const std::string token_ = hub_.token_for(Role::staff);
};

TEST_F(Stores, AreListedPageByPage) {
  for (const char* id : {"store-3", "store-1", "store-5", "store-2", "store-4"}) add_store(id);
  std::vector<std::string> seen;
  std::string path = "/api/v1/stores?limit=2";
  int pages = 0;
  while (!path.empty() && pages < 10) {
    const RawAnswer answer = hub_.get(path, token_);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto document = json::parse(answer.body);
    for (const auto& item : document->root().find("items")->items())
      seen.emplace_back(item.find("id")->text());
    const json::Value* next = document->root().find("nextCursor");
    ASSERT_NE(next, nullptr);
    path =
        next->is(json::Value::Kind::null) ? "" : "/api/v1/stores?limit=2&cursor=" + std::string(next->text());
    ++pages;
  }
  std::ranges::sort(seen);
  EXPECT_EQ(seen, (std::vector<std::string>{"store-1", "store-2", "store-3", "store-4", "store-5"}));
  EXPECT_EQ(pages, 3);
}

TEST_F(Stores, EndWithoutACursorWhenTheLastPageIsFull) {
  for (const char* id : {"a", "b"}) add_store(id);
  EXPECT_NE(hub_.get("/api/v1/stores?limit=2", token_).body.find(R"("nextCursor":null)"), std::string::npos);
}

TEST_F(Stores, RefuseACursorOfTheCallersMaking) {
  const RawAnswer answer = hub_.get("/api/v1/stores?cursor=store-1", token_);
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.code(), "VALIDATION_FAILED");
  EXPECT_NE(answer.body.find(R"("field":"cursor")"), std::string::npos) << answer.body;
}

TEST_F(Stores, ShowThatTheyNeverSaidHello) {
  add_store("store-1");
  const RawAnswer answer = hub_.get("/api/v1/stores/store-1", token_);
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(
      answer.body,
      R"({"id":"store-1","epoch":1,"cursor":0,"tail":null,"lag":null,"lastSeen":null,"connected":false,)"
      R"("breaker":null,"queueDepth":null,"version":null,"retired":false,"fork":null,"grant":null})");
}

TEST_F(Stores, ThatAreUnknownOrCannotBeAreNotFound) {
  for (const char* id : {"nobody", "%00", "a%20b", "..%2f..%2fetc"}) {
    EXPECT_EQ(hub_.get(std::string("/api/v1/stores/") + id, token_).code(), "NOT_FOUND") << id;
  }
}

TEST_F(Stores, AreAddedByAdminsWithTheirKeyOrWithoutAndSaidInTheAudit) {
  const std::string admin = hub_.token_for(Role::admin);
  const std::string key(64, 'a');
  const std::string body = R"({"id":"store-7","publicKey":")" + key + R"("})";
  EXPECT_EQ(hub_.send("POST", "/api/v1/stores", token_, body).code(), "FORBIDDEN") << "staff";
  const RawAnswer made = hub_.send("POST", "/api/v1/stores", admin, body);
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_TRUE(made.body.starts_with(R"({"id":"store-7","epoch":1,"cursor":0,"tail":null,"lag":null,)"))
      << made.body;
  EXPECT_NE(made.body.find(R"("keys":[{"publicKey":")" + key + R"(","addedAt":")"), std::string::npos);
  const RawAnswer again = hub_.send("POST", "/api/v1/stores", admin, body);
  EXPECT_EQ(again.status, 201) << again.body;
  EXPECT_EQ(hub_.send("POST", "/api/v1/stores", admin, R"({"id":"store-8"})").status, 201);
  EXPECT_EQ(hub_.column("SELECT public_key FROM store_key"), std::vector<std::string>{key});
  EXPECT_EQ(hub_.column("SELECT action || ' ' || subject || ' ' || detail FROM audit"
                        " WHERE action LIKE 'store.%' ORDER BY id"),
            (std::vector<std::string>{R"(store.added store:store-7 {"publicKey":")" + key + R"("})",
                                      "store.added store:store-8 {}"}));
  EXPECT_EQ(hub_.get("/api/v1/stores/store-8", token_).status, 200);
}

TEST_F(Stores, GetFurtherKeysEachOneStoresForEver) {
  const std::string admin = hub_.token_for(Role::admin);
  for (const char* id : {"store-1", "store-2"}) add_store(id);
  const auto add_key = [&](const std::string& id, char digit) {
    return hub_.send("POST", "/api/v1/stores/" + id + "/keys", admin,
                     R"({"publicKey":")" + std::string(64, digit) + R"("})");
  };
  const RawAnswer added = add_key("store-1", 'a');
  ASSERT_EQ(added.status, 201) << added.body;
  EXPECT_NE(added.body.find(std::string(64, 'a')), std::string::npos);
  EXPECT_NE(added.body.find(std::string(64, '0')), std::string::npos) << "beside the other";
  EXPECT_EQ(add_key("store-1", 'a').status, 201);
  EXPECT_EQ(add_key("store-2", 'a').code(), "ALREADY_REGISTERED");
  EXPECT_EQ(add_key("nobody", 'b').code(), "NOT_FOUND");
  EXPECT_EQ(add_key("no%20store", 'b').code(), "NOT_FOUND");
  EXPECT_EQ(hub_.send("POST", "/api/v1/stores/store-1/keys", token_, "{}").code(), "FORBIDDEN") << "staff";
  EXPECT_EQ(hub_.column("SELECT subject FROM audit WHERE action = 'store.key_added'"),
            std::vector<std::string>{"store:store-1"});
  EXPECT_EQ(hub_.send("POST", "/api/v1/stores", admin,
                      R"({"id":"store-1","publicKey":")" + std::string(64, 'c') + R"("})")
                .code(),
            "ALREADY_REGISTERED")
      << "a store that is there is no new one";
  hub_.write(
      [&](hub::db::Transaction& t) { return hub::stores::retire(t, StoreId("store-1"), clock_.wall_now()); });
  EXPECT_EQ(add_key("store-1", 'd').code(), "SESSION_STATE");
  EXPECT_EQ(
      hub_.column("SELECT public_key FROM store_key WHERE public_key LIKE 'c%' OR public_key LIKE 'd%'"),
      std::vector<std::string>{});
}

TEST_F(Stores, AreAddedOnlyByWhatIsOneAndEveryFaultIsTold) {
  const std::string admin = hub_.token_for(Role::admin);
  const auto faults = [&](const std::string& path, const std::string& body) {
    const RawAnswer answer = hub_.send("POST", path, admin, body);
    EXPECT_EQ(answer.status, 400) << body;
    return faults_of(answer);
  };
  using Fields = std::set<std::string>;
  const std::string key(64, 'a');
  EXPECT_EQ(faults("/api/v1/stores", "{}"), Fields{"id"});
  EXPECT_EQ(faults("/api/v1/stores", R"({"id":"a b","publicKey":"A"})"), (Fields{"id", "publicKey"}));
  EXPECT_EQ(faults("/api/v1/stores", R"({"id":7,"publicKey":7})"), (Fields{"id", "publicKey"}));
  EXPECT_EQ(faults("/api/v1/stores", R"({"id":")" + std::string(65, 's') + R"("})"), Fields{"id"});
  EXPECT_EQ(hub_.send("POST", "/api/v1/stores", admin, "[]").status, 400);
  EXPECT_EQ(hub_.send("POST", "/api/v1/stores", admin, "{").code(), "MALFORMED_JSON");
  add_store("store-1");
  EXPECT_EQ(faults("/api/v1/stores/store-1/keys", "{}"), Fields{"publicKey"});
  EXPECT_EQ(faults("/api/v1/stores/store-1/keys", R"({"publicKey":")" + std::string(64, 'A') + R"("})"),
            Fields{"publicKey"});
  EXPECT_EQ(hub_.column("SELECT id FROM store"), std::vector<std::string>{"store-1"});
}

TEST_F(Stores, OverviewIsOfEveryStore) {
  for (const char* id : {"b", "a"}) add_store(id);
  const RawAnswer answer = hub_.get("/api/v1/stats/overview", token_);
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto nothing_of = [](const std::string& id) {
    return R"({"id":")" + id +
           R"(","sales":0,"amount":"0.00","currency":"USD","earnedPoints":0,"redeemedPoints":0,)"
           R"("pending":{"sales":0,"amount":"0.00","earnedPoints":0,"redeemedPoints":0},)"
           R"("returns":{"amount":"0.00","clawedBackPoints":0,"restoredPoints":0},)"
           R"("rejectedSales":0,"standinLossPoints":0})";
  };
  EXPECT_TRUE(parse_time(member_of(answer.body, "asOf"))) << answer.body;
  EXPECT_TRUE(answer.body.ends_with(R"(,"stores":[)" + nothing_of("a") + ',' + nothing_of("b") + "]}"))
      << answer.body;
}

TEST_F(Stores, OverviewIsCountedSeldomWhereThatTakesLong) {
  hub::api::Overview large(hub_.database(), hub_.reactor()->clock(),
                           {.long_from = Millis{0}, .shared_for = 1'000'000, .shared_max = minutes{5}});
  hub::api::Overview small(hub_.database(), hub_.reactor()->clock());
  const auto stores_in = [&](hub::api::Overview& overview) {
    return hub_.reactor().await(overview.figures()).value()->stores.size();
  };
  add_store("a");
  EXPECT_EQ(stores_in(large), 1u);
  EXPECT_EQ(stores_in(small), 1u);
  add_store("b");
  EXPECT_EQ(stores_in(large), 1u);
  EXPECT_EQ(stores_in(small), 2u);
}

class Balances : public ::testing::Test {
 protected:
  /// As a sale leaves it: the member's row, and what it earned.
  void give(const CustomerId& customer, std::int64_t earned) {
    hub_.execute(
        "INSERT INTO member (customer_id, tier, pdi_balance, pdi_as_of, first_seen) VALUES ($1, $2, $3, $4, "
        "$4)",
        {customer.str(), std::string("Gold"), std::int64_t{5000} + earned, std::int64_t{1'772'323'200'000}});
    hub_.write([&](hub::db::Transaction& transaction) {
      return hub::ledger::post(transaction, {.id = id_,
                                             .external_id = "sale:test",
                                             .debit = hub::ledger::issued_by(StoreId("store-1")),
                                             .credit = hub::ledger::rewards_of(customer),
                                             .amount = earned,
                                             .code = "sale.earned",
                                             .created_at = WallTime{}});
    });
  }
  std::string path(const std::string& query) const { return "/api/v1/points/balance?" + query; }

  ServedHub hub_;
  const Uuid id_ = hub_.ids().next();
  const CustomerId john_{"CUST-12345"};
  const std::string johns_balance_ =
      R"({"balance":0,"pending":0,"expiringSoon":0,"owed":0,"rewards":{"net":450,"pending":0,"owed":0,"pdiBalance":5450,)"
      R"("asOf":"2026-03-01T00:00:00.000Z"},"tier":"Gold"})";
  const std::string no_balance_ =
      R"({"balance":0,"pending":0,"expiringSoon":0,"owed":0,"rewards":{"net":0,"pending":0,"owed":0,"pdiBalance":null,)"
      R"("asOf":null},"tier":"Base"})";
};

TEST_F(Balances, AreShownToStaffByCard) {
  give(john_, 450);
  const RawAnswer answer = hub_.get(path("customerId=CUST-12345"), hub_.token_for(Role::staff));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, johns_balance_);
}

TEST_F(Balances, TellWhatIsPendingAndWhatIsOwed) {
  give(john_, 450);
  hub_.write([&](hub::db::Transaction& transaction) {
    const hub::ledger::Transfer hold{.id = hub_.ids().next(),
                                     .external_id = "pending:test",
                                     .debit = hub::ledger::issued_by(StoreId("store-1")),
                                     .credit = hub::ledger::rewards_of(john_),
                                     .amount = 30,
                                     .code = "sale.pending",
                                     .created_at = WallTime{}};
    return hub::ledger::hold_all(transaction, {&hold, 1});
  });
  hub_.execute("UPDATE member SET owed = 117 WHERE customer_id = $1", {john_.str()});
  const RawAnswer answer = hub_.get(path("customerId=CUST-12345"), hub_.token_for(Role::staff));
  EXPECT_NE(answer.body.find(R"("rewards":{"net":450,"pending":30,"owed":117,"pdiBalance":5450,)"),
            std::string::npos)
      << answer.body;
}

TEST_F(Balances, AreShownToStaffByUser) {
  give(john_, 450);
  const auto user = hub_.add_user("john", Role::member, john_);
  EXPECT_EQ(hub_.get(path("userId=" + user.id.str()), hub_.token_for(Role::admin)).body, johns_balance_);
}

TEST_F(Balances, OfACardNeverSeenAreNotFound) {
  const std::string token = hub_.token_for(Role::staff);
  for (const std::string query : {"customerId=CUST-0", "customerId=", "customerId=%00", "userId=nobody"}) {
    EXPECT_EQ(hub_.get(path(query), token).code(), "NOT_FOUND") << query;
  }
}

TEST_F(Balances, TakeExactlyOneNameFromStaff) {
  const std::string token = hub_.token_for(Role::staff);
  for (const std::string query : {"", "customerId=a&userId=b"}) {
    const RawAnswer answer = hub_.get(path(query), token);
    EXPECT_EQ(answer.status, 400) << query;
    EXPECT_EQ(answer.code(), "VALIDATION_FAILED");
  }
}

TEST_F(Balances, AreShownToMembersAsTheirOwnAlone) {
  give(john_, 450);
  const auto john = hub_.add_user("john", Role::member, john_);
  const auto jane = hub_.add_user("jane", Role::member);
  EXPECT_EQ(hub_.get(path(""), hub_.token_of(john)).body, johns_balance_);
  EXPECT_EQ(hub_.get(path("userId=" + john.id.str()), hub_.token_of(john)).body, johns_balance_);
  EXPECT_EQ(hub_.get(path(""), hub_.token_of(jane)).body, no_balance_);
  // Whether it exists or not.
  for (const std::string& query : {"userId=" + john.id.str(), std::string("customerId=CUST-12345"),
                                   std::string("customerId=CUST-0"), std::string("userId=nobody")}) {
    EXPECT_EQ(hub_.get(path(query), hub_.token_of(jane)).code(), "NOT_FOUND") << query;
  }
}

TEST(Service, HealthAnswersAnybody) {
  const ServedHub hub;
  const RawAnswer answer = hub.get("/health");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(member_of(answer.body, "status"), "healthy");
}

TEST(Service, UnknownRoutesAndMethodsAreTold) {
  const ServedHub hub;
  EXPECT_EQ(hub.get("/api/v1/nothing").code(), "NOT_FOUND");
  const RawAnswer answer = hub.get("/api/v1/auth/login");
  EXPECT_EQ(answer.code(), "METHOD_NOT_ALLOWED");
  EXPECT_EQ(answer.field("Allow"), "POST");
}

}  // namespace
}  // namespace perkline::test
