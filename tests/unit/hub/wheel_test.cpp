#include <set>

#include "hub/identity/user_hooks.hpp"
#include "hub/wheel/hooks.hpp"
#include "hub/wheel/one_time.hpp"
#include "hub/wheel/spin.hpp"
#include "tests/unit/hub/wheel_fixture.hpp"

namespace perkline::test {
namespace {

using Faults = std::set<std::string>;

TEST_F(Wheel, TakesTheCostAndGivesThePrizeWithItsPoints) {
  clear_wheel();
  const std::string mug = added(R"({"name":"Mug","type":"cash","weight":1,"stock":2})");
  const Member ann = member("ann", 10);
  const RawAnswer answer = spin(ann, R"({"clientSeed":"lucky"})");
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(prize_won(answer), mug);
  EXPECT_EQ(member_of(answer.body, "pointsAwarded"), "3");
  EXPECT_EQ(member_of(answer.body, "balance"), "12");
  EXPECT_EQ(points_of(ann), 12);
  EXPECT_EQ(of_prize(mug, "stock"), "2");
  EXPECT_EQ(of_prize(mug, "free"), "1");
  EXPECT_EQ(in_proof(answer, "clientSeed"), "lucky");
  EXPECT_EQ(in_proof(answer, "memberId"), ann.user.id.str());
  EXPECT_EQ(in_proof(answer, "nonce"), "1");
  EXPECT_EQ(in_proof(answer, "serverSeed"), "") << "not before its day is over";
  EXPECT_EQ(drawn_from(answer), std::vector<std::string>{mug});
  expect_books_balance();
}

TEST_F(Wheel, TellsWhatHappened) {
  clear_wheel();
  const std::string mug = added(R"({"name":"Mug","type":"coupon","weight":1})");
  const Member ann = member("ann");
  const std::string id = member_of(spin(ann).body, "spinId");
  const std::string common = R"({"spinId":")" + id + R"(","userId":")" + ann.user.id.str() +
                             R"(","prizeId":")" + mug + R"(","prizeName":"Mug","prizeType":"coupon",)";
  EXPECT_EQ(hub_.column("SELECT data FROM event_outbox WHERE type = 'SPIN_EXECUTED'"),
            std::vector<std::string>{common + R"("cost":1,"pointsAwarded":1,"channel":"web"})"});
  EXPECT_EQ(hub_.column("SELECT data FROM event_outbox WHERE type = 'PRIZE_AWARDED'"),
            std::vector<std::string>{common + R"("points":1,"channel":"web"})"});
  EXPECT_EQ(counted_, (std::map<std::string, int>{{"coupon", 1}}));
}

TEST_F(Wheel, AwardsNoPrizeWhereThereIsNone) {
  clear_wheel();
  added(R"({"name":"Nothing","type":"none","weight":1})");
  const Member ann = member("ann", 5);
  const RawAnswer answer = spin(ann);
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(member_of(answer.body, "pointsAwarded"), "0");
  EXPECT_EQ(points_of(ann), 4);
  EXPECT_EQ(events("SPIN_EXECUTED"), 1);
  EXPECT_EQ(events("PRIZE_AWARDED"), 0);
}

TEST_F(Wheel, GivesWhatTheProgrammeSaysUnlessAPrizeHasItsOwn) {
  const std::map<std::string, std::string> by_type{{R"("type":"cash")", "3"},
                                                   {R"("type":"coupon")", "1"},
                                                   {R"("type":"lottery_ticket")", "0"},
                                                   {R"("type":"none")", "0"},
                                                   {R"("type":"points","points":7)", "7"},
                                                   {R"("type":"cash","points":0)", "0"},
                                                   {R"("type":"none","points":2)", "2"}};
  const Member ann = member("ann");
  for (const auto& [settings, points] : by_type) {
    clear_wheel();
    added(R"({"name":"P","weight":1,)" + settings + "}");
    EXPECT_EQ(member_of(spin(ann).body, "pointsAwarded"), points) << settings;
  }
  EXPECT_EQ(points_of(ann), 100 - 7 + 3 + 1 + 7 + 2);
  expect_books_balance();
}

TEST_F(Wheel, GivesARepeatedCallTheSameSpin) {
  const Member ann = member("ann", 10);
  const RawAnswer first = spin_as(ann.token, "{}", "same");
  ASSERT_EQ(first.status, 201) << first.body;
  const RawAnswer again = spin_as(ann.token, "{}", "same");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.field("Idempotent-Replayed"), "true");
  EXPECT_EQ(spin_as(ann.token, R"({"clientSeed":"x"})", "same").code(), "IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(events("SPIN_EXECUTED"), 1);
  EXPECT_EQ(count("SELECT COUNT(*) FROM spin"), 1);
  int counted = 0;
  for (const auto& [type, spins] : counted_) counted += spins;
  EXPECT_EQ(counted, 1);
  // Another member's key of that name is another key.
  EXPECT_EQ(spin_as(member("bob").token, "{}", "same").status, 201);
}

TEST_F(Wheel, IsNotForThoseWhoCannotPay) {
  const Member ann = member("ann", 0);
  const RawAnswer refused = spin_as(ann.token, "{}", "k");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.code(), "INSUFFICIENT_POINTS");
  give(ann.user.id, 1);
  EXPECT_EQ(spin_as(ann.token, "{}", "k").body, refused.body) << "that call stays refused";
  const RawAnswer answer = spin(ann);
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(in_proof(answer, "nonce"), "1") << "a refused spin uses none up";
  EXPECT_EQ(events("SPIN_EXECUTED"), 1);
}

TEST_F(Wheel, ChargesNothingWhereNothingCanBeWon) {
  clear_wheel();
  const Member ann = member("ann", 5);
  const RawAnswer refused = spin(ann);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.code(), "NO_PRIZE_AVAILABLE");
  added(R"({"name":"No weight","type":"cash","weight":0})");
  added(R"({"name":"None left","type":"cash","weight":1,"stock":0})");
  EXPECT_EQ(spin(ann).code(), "NO_PRIZE_AVAILABLE");
  EXPECT_EQ(points_of(ann), 5);
  EXPECT_EQ(events("SPIN_EXECUTED"), 0);
  EXPECT_EQ(count("SELECT COUNT(*) FROM spin"), 0);
  expect_books_balance();
}

TEST_F(Wheel, GivesAOneTimePrizeToEachMemberOnce) {
  clear_wheel();
  const std::string once = added(R"({"name":"Once","type":"cash","weight":1,"oneTimePerUser":true})");
  const Member ann = member("ann");
  EXPECT_EQ(prize_won(spin(ann)), once);
  EXPECT_EQ(spin(ann).code(), "NO_PRIZE_AVAILABLE");
  EXPECT_EQ(prize_won(spin(member("bob"))), once) << "others have theirs to come";
  const std::string other = added(R"({"name":"Other","type":"none","weight":0.0001})");
  const RawAnswer answer = spin(ann);
  EXPECT_EQ(prize_won(answer), other);
  EXPECT_EQ(drawn_from(answer), std::vector<std::string>{other}) << "the proof says what was in the draw";
}

TEST_F(Wheel, GivesAOneTimePrizeOnceToACardAndWhoeverProvesThatItIsTheirs) {
  clear_wheel();
  const std::string once = added(R"({"name":"Once","type":"cash","weight":1,"oneTimePerUser":true})");
  const CustomerId card("CUST-00077");
  hub_.execute("INSERT INTO prize_one_time (winner, prize_id, spin_id, at) VALUES ($1, $2, 'till', 1)",
               {hub::wheel::winner_name(card), once});
  auto user = hub_.add_user("jo", Role::member, card);
  give(user.id, 5);
  EXPECT_EQ(spin({user, hub_.token_of(user)}).code(), "NO_PRIZE_AVAILABLE") << "won at a till before";
  // The other way round, a member who shows the receipt of a card later on.
  const Member ann = member("ann");
  EXPECT_EQ(prize_won(spin(ann)), once);
  const SystemClock clock;
  hub::identity::UserHooks hooks;
  UuidMaker ids(clock, hub_.rng());
  hub::wheel::add_hooks(hooks, ids, terms_);
  const CustomerId her_card("CUST-00078");
  hub_.write(hooks.card_verified.front()({.user = ann.user.id, .card = her_card, .at = WallTime{}}));
  EXPECT_EQ(count("SELECT COUNT(*) FROM prize_one_time WHERE winner = $1 AND prize_id = $2",
                  {hub::wheel::winner_name(her_card), once}),
            1);
}

TEST_F(Wheel, GivesNoMoreThanTheStock) {
  clear_wheel();
  const std::string rare = added(R"({"name":"Rare","type":"cash","weight":1000,"stock":2})");
  const std::string rest = added(R"({"name":"Rest","type":"none","weight":0.0001})");
  const Member ann = member("ann");
  int rares = 0;
  for (int i = 0; i < 5; ++i) rares += prize_won(spin(ann)) == rare ? 1 : 0;
  EXPECT_EQ(rares, 2);
  EXPECT_EQ(of_prize(rare, "free"), "0");
  EXPECT_EQ(std::stod(of_prize(rare, "odds")), 0);
  EXPECT_EQ(std::stod(of_prize(rest, "odds")), 1);
  EXPECT_EQ(drawn_from(spin(ann)), std::vector<std::string>{rest});
  ASSERT_EQ(set_prize(rare, R"({"stock":3})").status, 200);
  EXPECT_EQ(prize_won(spin(ann)), rare);
}

TEST_F(Wheel, TakesAClientSeedOfTheMembersOwn) {
  const Member ann = member("ann");
  EXPECT_EQ(in_proof(spin(ann), "clientSeed"), "");
  EXPECT_EQ(spin_as(ann.token, "", "without a body").status, 201);
  for (const std::string& seed :
       std::vector<std::string>{"", "a:b:1#2", "k\xc3\xa4se \xe2\x99\xa5", std::string(64, 'x')}) {
    const RawAnswer answer = spin(ann, R"({"clientSeed":")" + seed + R"("})");
    ASSERT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(in_proof(answer, "clientSeed"), seed);
  }
  EXPECT_EQ(in_proof(spin(ann, R"({"clientSeed":null})"), "nonce"), "7") << "each spin has the next one";
}

TEST_F(Wheel, IsToldAllThatIsWrongWithASpin) {
  const Member ann = member("ann");
  for (const std::string& wrong :
       {std::string("1"), std::string("true"), std::string("[]"), '"' + std::string(65, 'x') + '"',
        std::string(R"("a\u0000b")"), std::string(R"("a\nb")")}) {
    const RawAnswer answer = spin(ann, R"({"clientSeed":)" + wrong + "}");
    EXPECT_EQ(answer.code(), "VALIDATION_FAILED") << wrong;
    EXPECT_EQ(faults_of(answer), Faults{"clientSeed"}) << wrong;
  }
  EXPECT_EQ(faults_of(hub_.send("POST", "/api/v1/spin", ann.token, R"({"clientSeed":1})")),
            (Faults{"Idempotency-Key", "clientSeed"}));
  EXPECT_EQ(spin(ann, "{").code(), "MALFORMED_JSON");
  EXPECT_EQ(spin(ann, "[]").code(), "VALIDATION_FAILED");
  EXPECT_EQ(points_of(ann), 100);
}

TEST_F(Wheel, IsForMembersAlone) {
  EXPECT_EQ(spin_as("", "{}", "k").status, 401);
  for (const Role role : {Role::staff, Role::admin}) {
    const std::string token = hub_.token_for(role);
    EXPECT_EQ(spin_as(token, "{}", "k").code(), "FORBIDDEN");
    EXPECT_EQ(hub_.get("/api/v1/spins", token).code(), "FORBIDDEN");
  }
  EXPECT_EQ(hub_.get("/api/v1/spins").status, 401);
}

TEST_F(Wheel, ShowsEachMemberTheirOwnSpinsNewestFirst) {
  const Member ann = member("ann");
  const Member bob = member("bob");
  std::vector<std::string> expected;
  for (int i = 0; i < 5; ++i) {
    expected.insert(expected.begin(), member_of(spin(ann, R"({"clientSeed":"mine"})").body, "spinId"));
    spin(bob);
  }
  std::vector<std::string> seen;
  std::string path = "/api/v1/spins?limit=2";
  for (int pages = 0; !path.empty() && pages < 10; ++pages) {
    const auto page = document(hub_.get(path, ann.token));
    for (const json::Value& item : page.root().find("items")->items()) {
      seen.emplace_back(item.find("spinId")->text());
      EXPECT_EQ(item.find("clientSeed")->text(), "mine");
      EXPECT_EQ(item.find("cost")->text(), "1");
      EXPECT_EQ(item.find("channel")->text(), "web");
    }
    const json::Value* next = page.root().find("nextCursor");
    path =
        next->is(json::Value::Kind::null) ? "" : "/api/v1/spins?limit=2&cursor=" + std::string(next->text());
  }
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(faults_of(hub_.get("/api/v1/spins?limit=201&cursor=zz", ann.token)), (Faults{"limit", "cursor"}));
}

TEST_F(Wheel, ShowsAnybodyTheProofOfASpin) {
  const Member ann = member("ann");
  const RawAnswer answer = spin(ann, R"({"clientSeed":"s"})");
  const std::string path = "/api/v1/spins/" + member_of(answer.body, "spinId") + "/proof";
  const RawAnswer before = hub_.get(path);
  ASSERT_EQ(before.status, 200) << before.body;
  EXPECT_TRUE(answer.body.contains(R"("proof":)" + before.body)) << "as the spin was answered";
  reveal_all();
  const std::string after = hub_.get(path).body;
  EXPECT_EQ(member_of(after, "serverSeed").size(), 64u);
  EXPECT_EQ(member_of(after, "serverSeedHash"), in_proof(answer, "serverSeedHash"));
  for (const char* unknown : {"0190163d-8694-739b-aea5-966c26f8ad91", "1", "%00", "null"})
    EXPECT_EQ(hub_.get("/api/v1/spins/" + std::string(unknown) + "/proof").code(), "NOT_FOUND") << unknown;
}

TEST_F(Wheel, ShowsCommitmentsAheadAndSeedsBehind) {
  const std::string path = "/api/v1/wheel/seeds?limit=200";
  const auto ahead = document(hub_.get(path));
  const auto items = ahead.root().find("items")->items();
  ASSERT_EQ(items.size(), 31u);
  const auto today = hub::wheel::day_of(SystemClock().wall_now());
  EXPECT_EQ(items.back().find("day")->text(), hub::wheel::day_text(today));
  EXPECT_EQ(items.front().find("day")->text(), hub::wheel::day_text(today + days{30}));
  std::set<std::string> commitments;
  for (const json::Value& item : items) {
    commitments.emplace(item.find("serverSeedHash")->text());
    EXPECT_TRUE(item.find("serverSeed")->is(json::Value::Kind::null));
    EXPECT_TRUE(item.find("revealedAt")->is(json::Value::Kind::null));
  }
  EXPECT_EQ(commitments.size(), 31u);
  EXPECT_EQ(in_proof(spin(member("ann")), "serverSeedHash"), items.back().find("serverSeedHash")->text());
  reveal_all();
  const auto behind = document(hub_.get(path));
  for (const json::Value& item : behind.root().find("items")->items()) {
    EXPECT_EQ(item.find("serverSeed")->text().size(), 64u);
    EXPECT_TRUE(commitments.contains(std::string(item.find("serverSeedHash")->text())));
  }
}

TEST_F(Wheel, ShowsSeedsPageByPageAndAStoresOwn) {
  int seen = 0;
  std::string path = "/api/v1/wheel/seeds?limit=10";
  for (int pages = 0; !path.empty() && pages < 10; ++pages) {
    const auto page = document(hub_.get(path));
    seen += static_cast<int>(page.root().find("items")->items().size());
    const json::Value* next = page.root().find("nextCursor");
    path = next->is(json::Value::Kind::null)
               ? ""
               : "/api/v1/wheel/seeds?limit=10&cursor=" + std::string(next->text());
  }
  EXPECT_EQ(seen, 31);
  EXPECT_TRUE(hub_.reactor().await(
      hub::wheel::commit_seeds(hub_.database(), {StoreId("store-1")}, SystemClock().wall_now(), hub_.rng())));
  const auto of_store = document(hub_.get("/api/v1/wheel/seeds?storeId=store-1"));
  ASSERT_EQ(of_store.root().find("items")->items().size(), 31u);
  EXPECT_EQ(of_store.root().find("items")->items().front().find("storeId")->text(), "store-1");
  EXPECT_TRUE(hub_.get("/api/v1/wheel/seeds?storeId=nobody").body.contains(R"("items":[])"));
  EXPECT_EQ(faults_of(hub_.get("/api/v1/wheel/seeds?storeId=&limit=0&cursor=1")),
            (Faults{"limit", "cursor"}));
  for (const char* malformed : {"", "a%20b"})
    EXPECT_EQ(hub_.get(std::string("/api/v1/wheel/seeds?storeId=") + malformed).code(), "NOT_FOUND");
}

TEST_F(Wheel, KeepsTheProofsOfWhomeverIsForgotten) {
  clear_wheel();
  added(R"({"name":"Once","type":"cash","weight":1,"oneTimePerUser":true})");
  const Member ann = member("ann");
  const std::string id = member_of(spin(ann).body, "spinId");
  const std::string exported = hub_.get("/api/v1/users/" + ann.user.id.str() + "/export", ann.token).body;
  EXPECT_TRUE(exported.contains(R"("spins":[{"spinId":")" + id)) << exported;
  const std::string proof = hub_.get("/api/v1/spins/" + id + "/proof").body;
  ASSERT_EQ(hub_.send("DELETE", "/api/v1/users/" + ann.user.id.str(), ann.token, "").status, 202);
  EXPECT_EQ(hub_.get("/api/v1/spins/" + id + "/proof").body, proof);
  EXPECT_EQ(count("SELECT COUNT(*) FROM prize_one_time"), 0);
  EXPECT_EQ(spin(ann).status, 401);
}

class FreeWheel : public Wheel {
 protected:
  static hub::wheel::Terms free_of_charge() {
    hub::wheel::Terms terms;
    terms.cost = 0;
    terms.prize_points.none = 4;
    return terms;
  }
  FreeWheel() : Wheel(free_of_charge()) {}
};

TEST_F(FreeWheel, CanBeSpunWithoutPoints) {
  clear_wheel();
  const std::string nothing = added(R"({"name":"Nothing","type":"none","weight":1})");
  const Member ann = member("ann", 0);
  EXPECT_EQ(member_of(spin(ann).body, "balance"), "4") << "what the programme gives for none";
  ASSERT_EQ(set_prize(nothing, R"({"points":0})").status, 200);
  EXPECT_EQ(member_of(spin(ann).body, "balance"), "4");
  EXPECT_EQ(member_of(spin(member("bob", 0)).body, "balance"), "0");
  expect_books_balance();
}

}  // namespace
}  // namespace perkline::test
