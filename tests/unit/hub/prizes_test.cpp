#include <set>

#include "hub/stores/stores.hpp"
#include "tests/support/at_once.hpp"
#include "tests/unit/hub/wheel_fixture.hpp"

namespace perkline::test {
namespace {

class Prizes : public Wheel {
 protected:
  std::set<std::string> refused(const RawAnswer& answer) const {
    EXPECT_EQ(answer.status, 400) << answer.body;
    EXPECT_EQ(answer.code(), "VALIDATION_FAILED") << answer.body;
    return faults_of(answer);
  }
  std::vector<std::string> audited(const std::string& id) {
    return hub_.column("SELECT detail FROM audit WHERE subject = 'prize:" + id + "' ORDER BY id");
  }
};

using Faults = std::set<std::string>;

TEST_F(Prizes, AreThreeToBeginWithAndAnybodyMaySeeTheirOdds) {
  const auto list = document(hub_.get("/api/v1/prizes"));
  std::map<std::string, std::string> weights;
  double sum = 0;
  for (const json::Value& prize : list.root().find("items")->items()) {
    weights[std::string(prize.find("type")->text())] = prize.find("weight")->text();
    EXPECT_TRUE(prize.find("weight")->is(json::Value::Kind::number));
    EXPECT_TRUE(prize.find("stock")->is(json::Value::Kind::null));
    EXPECT_TRUE(prize.find("active")->boolean());
    EXPECT_EQ(prize.find("oneTimePerUser")->boolean(), prize.find("type")->text() == "cash");
    const double odds = std::stod(std::string(prize.find("odds")->text()));
    EXPECT_NEAR(odds, std::stod(std::string(prize.find("weight")->text())) / 3.7, 1e-9);
    sum += odds;
  }
  EXPECT_EQ(weights, (std::map<std::string, std::string>{
                         {"cash", "0.2"}, {"coupon", "1"}, {"lottery_ticket", "2.5"}}));
  EXPECT_NEAR(sum, 1, 1e-9);
}

TEST_F(Prizes, AreAddedByStaffAndAudited) {
  const RawAnswer answer = add_prize(
      R"({"name":"Mug","type":"points","weight":"12.0625","points":7,"stock":5,"oneTimePerUser":true})");
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(member_of(answer.body, "weight"), "12.0625");
  EXPECT_EQ(member_of(answer.body, "pointsAwarded"), "7");
  EXPECT_EQ(member_of(answer.body, "stock"), "5");
  EXPECT_EQ(member_of(answer.body, "free"), "5");
  const std::string id = member_of(answer.body, "id");
  EXPECT_EQ(of_prize(id, "name"), "Mug");
  EXPECT_EQ(of_prize(id, "oneTimePerUser"), "true");
  EXPECT_EQ(audited(id),
            (std::vector<std::string>{R"({"name":"Mug","type":"points","weight":12.0625,"points":7,)"
                                      R"("oneTimePerUser":true,"active":true,"stock":5})"}));
}

TEST_F(Prizes, KeepWhatAChangeDoesNotName) {
  const std::string id = added(R"({"name":"Mug","type":"coupon","weight":1,"stock":5,"points":2})");
  const RawAnswer answer = set_prize(id, R"({"weight":0.5})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(member_of(answer.body, "weight"), "0.5");
  EXPECT_EQ(member_of(answer.body, "name"), "Mug");
  EXPECT_EQ(member_of(answer.body, "stock"), "5");
  EXPECT_EQ(member_of(answer.body, "points"), "2");
  ASSERT_EQ(set_prize(id, R"({"stock":null,"points":null})").status, 200);
  EXPECT_EQ(of_prize(id, "stock"), "");
  EXPECT_EQ(of_prize(id, "pointsAwarded"), "1") << "the programme's for a coupon";
}

TEST_F(Prizes, LeaveOldAndNewWeightInTheAudit) {
  const std::string id = added(R"({"name":"Mug","type":"coupon","weight":1})");
  ASSERT_EQ(set_prize(id, R"({"weight":2.5,"active":false})").status, 200);
  ASSERT_EQ(set_prize(id, R"({"weight":"2.5000"})").status, 200);
  ASSERT_EQ(audited(id).size(), 2u) << "what changes nothing leaves no row";
  EXPECT_EQ(audited(id)[1], R"({"weight":{"old":1,"new":2.5},"active":{"old":true,"new":false}})");
  EXPECT_EQ(
      hub_.column("SELECT actor FROM audit WHERE action = 'prize.changed' AND actor LIKE 'user:%'").size(),
      1u);
}

TEST_F(Prizes, ThatCannotBeDrawnHaveNoOddsAndLeaveTheirShareToTheOthers) {
  clear_wheel();
  const std::string one = added(R"({"name":"One","type":"coupon","weight":1})");
  const std::string three = added(R"({"name":"Three","type":"coupon","weight":3})");
  const std::string none = added(R"({"name":"None left","type":"coupon","weight":5,"stock":0})");
  const std::string light = added(R"({"name":"No weight","type":"coupon","weight":0})");
  EXPECT_EQ(of_prize(one, "odds"), "0.25");
  EXPECT_EQ(of_prize(three, "odds"), "0.75");
  EXPECT_EQ(std::stod(of_prize(none, "odds")), 0);
  EXPECT_EQ(std::stod(of_prize(light, "odds")), 0);
  ASSERT_EQ(set_prize(three, R"({"active":false})").status, 200);
  EXPECT_EQ(std::stod(of_prize(one, "odds")), 1);
  EXPECT_EQ(std::stod(of_prize(three, "odds")), 0);
  ASSERT_EQ(set_prize(one, R"({"active":false})").status, 200);
  EXPECT_EQ(std::stod(of_prize(one, "odds")), 0);
}

TEST_F(Prizes, AreToldAllThatIsWrongWithThem) {
  EXPECT_EQ(refused(add_prize("{}")), (Faults{"name", "type", "weight"}));
  EXPECT_EQ(refused(add_prize(R"({"name":"","type":"car","weight":-1,"stock":-1,"active":1,)"
                              R"("oneTimePerUser":"yes","points":1.5})")),
            (Faults{"name", "type", "weight", "stock", "active", "oneTimePerUser", "points"}));
  EXPECT_EQ(refused(add_prize(R"({"name":"a\u0000b","type":"points","weight":1})")),
            (Faults{"name", "points"}));
  EXPECT_EQ(refused(add_prize(R"({"name":")" + std::string(101, 'x') + R"(","type":3,"weight":true})")),
            (Faults{"name", "type", "weight"}));
  EXPECT_EQ(refused(add_prize("[]")), (Faults{""}));
  EXPECT_EQ(add_prize("{").code(), "MALFORMED_JSON");
  EXPECT_EQ(hub_.column("SELECT id FROM prize").size(), 3u);
}

TEST_F(Prizes, TakeAWeightFromItsTextAlone) {
  const auto with = [](const std::string& weight) {
    return R"({"name":"Mug","type":"none","weight":)" + weight + "}";
  };
  for (const char* wrong : {"-1", "1000000.0001", "1000001", "0.00001", "1e3", "\"1e3\"", "\"01\"", "\"\"",
                            "\" 1\"", "\"1.\"", "\".5\"", "\"NaN\"", "1000000000000000", "null", "{}", "[]"})
    EXPECT_EQ(refused(add_prize(with(wrong))), Faults{"weight"}) << wrong;
  const std::map<std::string, std::string> right{{"0", "0"},
                                                 {"0.0001", "0.0001"},
                                                 {"\"0.1\"", "0.1"},
                                                 {"1000000", "1000000"},
                                                 {"1000000.0000", "1000000"},
                                                 {"0.3000", "0.3"},
                                                 {"999999.9999", "999999.9999"}};
  for (const auto& [given, shown] : right) {
    const RawAnswer answer = add_prize(with(given));
    ASSERT_EQ(answer.status, 201) << given << answer.body;
    EXPECT_EQ(member_of(answer.body, "weight"), shown);
  }
}

TEST_F(Prizes, OfTypePointsHavePointsOfTheirOwn) {
  for (const char* wrong :
       {R"({"name":"P","type":"points","weight":1})", R"({"name":"P","type":"points","weight":1,"points":0})",
        R"({"name":"P","type":"points","weight":1,"points":null})",
        R"({"name":"P","type":"points","weight":1,"points":1000000000001})"})
    EXPECT_EQ(refused(add_prize(wrong)), Faults{"points"}) << wrong;
  const std::string id = added(R"({"name":"P","type":"points","weight":1,"points":5})");
  EXPECT_EQ(refused(set_prize(id, R"({"points":null})")), Faults{"points"});
  EXPECT_EQ(refused(set_prize(id, R"({"points":0})")), Faults{"points"});
  const std::string coupon = added(R"({"name":"C","type":"coupon","weight":1})");
  EXPECT_EQ(refused(set_prize(coupon, R"({"type":"points"})")), Faults{"points"});
  EXPECT_EQ(set_prize(coupon, R"({"type":"points","points":3})").status, 200);
}

TEST_F(Prizes, KeepTheirStockAboveWhatIsGone) {
  const std::string id = added(R"({"name":"Mug","type":"coupon","weight":1,"stock":5})");
  hub_.execute("UPDATE prize SET awarded = 2, leased = 1 WHERE id = $1", {id});
  EXPECT_EQ(of_prize(id, "free"), "2");
  EXPECT_EQ(refused(set_prize(id, R"({"stock":2,"weight":9})")), Faults{"stock"});
  EXPECT_EQ(of_prize(id, "weight"), "1") << "all or nothing";
  EXPECT_EQ(set_prize(id, R"({"stock":3})").status, 200);
  EXPECT_EQ(of_prize(id, "free"), "0");
  EXPECT_EQ(refused(set_prize(id, R"({"stock":1000000001})")), Faults{"stock"});
}

TEST_F(Prizes, AreCountedByTheDatabaseItself) {
  const std::string id = added(R"({"name":"Mug","type":"coupon","weight":1,"stock":5})");
  hub_.write([](hub::db::Transaction& t) {
    return hub::stores::add(t, StoreId("store-1"), std::string(64, 'a'), SystemClock().wall_now());
  });
  hub_.execute("UPDATE prize SET awarded = 2, leased = 3 WHERE id = $1", {id});
  hub_.execute(
      "INSERT INTO prize_lease (id, prize_id, store_id, units, made_at, return_after) VALUES"
      " ('lease', $1, 'store-1', 3, 1, 2)",
      {id});
  const std::string unit =
      "INSERT INTO spin (id, store_id, session_id, customer_id, member, client_seed, seed_id, nonce, "
      "table_id, prize_id, prize_name,"
      " prize_type, cost, points, lease_id, ordinal, created_at) VALUES ($1, 'store-1', $1, 'card', 'm', '', "
      "0, ";
  const std::string rest = ", 0, 'p', 'p', 'none', 0, 0, 'lease', 1, 1)";
  hub_.execute(unit + "1" + rest, {std::string("first")});
  const auto fails = [&](const std::string& sql, const std::vector<hub::db::Value>& parameters) {
    return !hub_.reactor().await(hub_.database().write([&](hub::db::Transaction& t) -> Result<void> {
      auto done = t.execute(sql, parameters);
      if (!done) return failure(done);
      return {};
    }));
  };
  EXPECT_TRUE(fails("UPDATE prize SET awarded = awarded + 1 WHERE id = $1", {id}));
  EXPECT_TRUE(fails("UPDATE prize SET leased = leased + 1 WHERE id = $1", {id}));
  EXPECT_TRUE(
      fails("UPDATE prize_lease SET awarded = 2, returned = 2 WHERE id = $1", {std::string("lease")}));
  EXPECT_TRUE(fails(unit + "2" + rest, {std::string("second")})) << "a unit of a lease goes once";
}

TEST_F(Prizes, AreToldAllThatIsWrongWithAChange) {
  const std::string id = added(R"({"name":"Mug","type":"coupon","weight":1})");
  EXPECT_EQ(refused(set_prize(id, "{}")), Faults{"weight"});
  EXPECT_EQ(refused(set_prize(id, R"({"name":"","type":"car","weight":"x","stock":"5","active":"no"})")),
            (Faults{"name", "type", "weight", "stock", "active"}));
  EXPECT_EQ(set_prize(id, "nothing").code(), "MALFORMED_JSON");
  for (const char* nobody : {"0190163d-8694-739b-aea5-966c26f8ad91", "mug", "%00", "../spin"})
    EXPECT_EQ(set_prize(nobody, R"({"weight":1})").code(), "NOT_FOUND") << nobody;
  EXPECT_EQ(audited(id).size(), 1u);
}

TEST_F(Prizes, AreToldWhatDoesNotGoWithWhatTheyAreAlongWithTheRest) {
  const std::string id = added(R"({"name":"Mug","type":"coupon","weight":1,"stock":5})");
  hub_.execute("UPDATE prize SET awarded = 3 WHERE id = $1", {id});
  EXPECT_EQ(refused(set_prize(id, R"({"stock":2,"name":"","type":"points"})")),
            (Faults{"stock", "name", "points"}));
  EXPECT_EQ(refused(set_prize(id, R"({"stock":2})")), Faults{"stock"});
}

TEST_F(Prizes, AreNotChangedToNullButWhereItMeansSomething) {
  const std::string id = added(R"({"name":"Mug","type":"coupon","weight":1,"stock":5,"points":2})");
  EXPECT_EQ(
      refused(set_prize(id, R"({"name":null,"type":null,"active":null,"oneTimePerUser":null,"weight":2})")),
      (Faults{"name", "type", "active", "oneTimePerUser"}));
  EXPECT_EQ(refused(set_prize(id, R"({"weight":null,"stock":null})")), Faults{"weight"});
  EXPECT_EQ(audited(id).size(), 1u);
  const RawAnswer answer = set_prize(id, R"({"points":null,"stock":null})");
  EXPECT_EQ(member_of(answer.body, "stock"), "");
  EXPECT_EQ(member_of(answer.body, "pointsAwarded"), "1") << answer.body;
}

TEST_F(Prizes, AreForStaffToSet) {
  const std::string id = added(R"({"name":"Mug","type":"coupon","weight":1})");
  const std::string path = "/api/v1/prizes/" + id;
  const std::string body = R"({"name":"Cup","type":"coupon","weight":1})";
  const std::string member = hub_.token_for(Role::member);
  EXPECT_EQ(hub_.send("POST", "/api/v1/prizes", "", body).status, 401);
  EXPECT_EQ(hub_.send("POST", "/api/v1/prizes", member, body).code(), "FORBIDDEN");
  EXPECT_EQ(hub_.send("PATCH", path, "", body).status, 401);
  EXPECT_EQ(hub_.send("PATCH", path, member, body).code(), "FORBIDDEN");
  EXPECT_EQ(hub_.send("PATCH", path, hub_.token_for(Role::admin), body).status, 200);
  EXPECT_EQ(of_prize(id, "name"), "Cup");
}

TEST_F(Prizes, AreListedPageByPageNewestFirst) {
  for (int i = 0; i < 4; ++i) added(R"({"name":"n)" + std::to_string(i) + R"(","type":"none","weight":1})");
  std::vector<std::string> names;
  std::string path = "/api/v1/prizes?limit=3";
  for (int pages = 0; !path.empty() && pages < 10; ++pages) {
    const auto page = document(hub_.get(path));
    for (const json::Value& prize : page.root().find("items")->items())
      names.emplace_back(prize.find("name")->text());
    const json::Value* next = page.root().find("nextCursor");
    path =
        next->is(json::Value::Kind::null) ? "" : "/api/v1/prizes?limit=3&cursor=" + std::string(next->text());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"n3", "n2", "n1", "n0", "Lottery ticket", "Cash", "Coupon"}));
  EXPECT_EQ(refused(hub_.get("/api/v1/prizes?limit=0&cursor=x")), (Faults{"limit", "cursor"}));
}

TEST_F(Prizes, AreNoMoreThanAThousandAtATime) {
  const std::string last = added(R"({"name":"Last","type":"none","weight":1,"active":false})");
  hub_.write([](hub::db::Transaction& transaction) -> Result<void> {
    for (int i = 0; i < 997; ++i) {
      auto done = transaction.execute(
          "INSERT INTO prize (id, name, type, tickets, one_time, active) VALUES ($1, 'n', 'none', 1, 0, 1)",
          {"0190163d-8694-7000-9000-" + std::string(12 - std::to_string(i).size(), '0') + std::to_string(i)});
      if (!done) return failure(done);
    }
    return {};
  });
  EXPECT_EQ(refused(set_prize(last, R"({"active":true})")), Faults{"active"});
  EXPECT_EQ(refused(add_prize(R"({"name":"More","type":"none","weight":1})")), Faults{"active"});
  EXPECT_EQ(set_prize(last, R"({"weight":2})").status, 200);
  added(R"({"name":"Asleep","type":"none","weight":1,"active":false})");
  hub_.execute("UPDATE prize SET active = 0 WHERE id LIKE '0190163d-8694-7000-9000-00000000000%'");
  std::atomic<int> more = 0;
  at_once(16, 32, [&](int) {
    if (add_prize(R"({"name":"More","type":"none","weight":1})").status == 201) ++more;
  });
  EXPECT_EQ(more, 10) << "as many as there was room for, also at once";
}

}  // namespace
}  // namespace perkline::test
