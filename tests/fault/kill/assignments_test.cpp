#include <cstdio>
#include <set>
#include <thread>

#include "bench/fleet/postgres_server.hpp"
#include "bench/fleet/web.hpp"
#include "tests/fault/kill/chain_under_fault.hpp"
#include "tests/support/database_beside.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// The most that one call takes, which the design gives 5 s.
constexpr int at_once_max = 10'000;
constexpr seconds call_max{5};

/// A real hub is killed while many members are assigned promotions, in a call or in what comes of it.
class AssignmentsKilled : public ChainUnderFault {
 protected:
  /// As many as one call takes; on PostgreSQL that is the long round, by PERKLINE_ASSIGNED=10000.
  virtual int members_wanted() const { return asked_for("PERKLINE_ASSIGNED", at_once_max); }

  void start_hub(const std::string& database_url = {}) {
    ASSERT_NO_FATAL_FAILURE(start(0, database_url));
    const auto in = post("/auth/register", R"({"email":"jo@example.com","password":"a password of twelve"})");
    ASSERT_TRUE(in && in->status == 201);
    jo_ = bench::text_at(in->json().root(), "accessToken");
    beside_.emplace(fleet_->hub_database_url());
    const auto members = beside_->add_members(members_wanted() - 1);
    users_ = R"({"userIds":[")" + bench::text_at(*in->json().root().find("user"), "id") + '"';
    for (const std::string& member : members) users_ += ",\"" + member + '"';
    users_ += "]}";
    // No welcome among what is counted.
    ASSERT_TRUE(eventually([this] { return beside_->number("SELECT COUNT(*) FROM notification") == 2; }));
    admin_ = fleet_->log_in().value();
  }

  std::optional<bench::WebAnswer> post(const std::string& path, const std::string& body) const {
    return bench::call({.method = "POST",
                        .origin = fleet_->hub_url(),
                        .path = "/api/v1" + path,
                        .body = body,
                        .bearer = admin_});
  }
  std::string new_promotion() {
    const auto made =
        post("/promotions", R"({"title":"T","description":"D","type":"BONUS","amount":"1.00",)"
                            R"("currency":"USD","startDate":"2020-01-01","endDate":"2099-12-31"})");
    EXPECT_TRUE(made && made->status == 201) << (made ? made->body : "nobody answers");
    ++promotions_;
    return made ? bench::text_at(made->json().root(), "id") : "";
  }
  std::optional<bench::WebAnswer> assign(const std::string& promotion) const {
    return post("/promotions/" + promotion + "/assign", users_);
  }
  void kill_and_start() {
    fleet_->hub().kill();
    const auto started = fleet_->start_hub();
    ASSERT_TRUE(started) << started.error().detail;
  }
  std::int64_t told() {
    return beside_->number("SELECT COUNT(*) FROM notification WHERE event_type = 'PROMOTION'");
  }

  /// Answered, and the hub dies while it tells the members. How often it died before all were told.
  int kill_in_what_comes_of_a_call() {
    const std::string promotion = new_promotion();
    const std::int64_t all = std::int64_t{promotions_} * members_wanted();
    const auto began = steady_clock::now();
    const auto done = assign(promotion);
    call_took_ = steady_clock::now() - began;
    EXPECT_EQ(done ? done->body : "(nobody answers)",
              R"({"assigned":)" + std::to_string(members_wanted()) + R"(,"alreadyAssigned":0,"unknown":0})");
    std::printf("%d members assigned in %.2f s\n", members_wanted(), call_took_.count());
    if (members_wanted() >= at_once_max) EXPECT_LT(call_took_, call_max);
    constexpr int enough = 3;
    int kills = 0;
    for (std::int64_t before = told(); before < all && kills < enough; before = told()) {
      EXPECT_TRUE(eventually([&] { return told() > before; }));
      fleet_->hub().kill();
      kills += told() < all ? 1 : 0;
      EXPECT_TRUE(fleet_->start_hub());
    }
    EXPECT_TRUE(eventually([&] { return told() >= all; }, seconds(60)));
    std::printf("%d kills before all of them had been told\n", kills);
    return kills;
  }

  /// The hub dies in the call: whoever gets no answer asks again, and gets the whole.
  void kill_in_calls() {
    constexpr int calls = 4;
    constexpr int calls_max = 12;  // Where all of them have been too fast.
    int unanswered = 0;
    int made = 0;
    while (made < calls || (unanswered == 0 && made < calls_max)) {
      ++made;
      const std::string promotion = new_promotion();
      std::optional<bench::WebAnswer> first;
      std::jthread caller([&] { first = assign(promotion); });
      std::this_thread::sleep_for(call_took_ * (made % calls) / calls);
      ASSERT_NO_FATAL_FAILURE(kill_and_start());
      caller.join();
      unanswered += first ? 0 : 1;
      const auto again = assign(promotion);
      ASSERT_TRUE(again && again->status == 200) << (again ? again->body : "nobody answers");
      const auto document = again->json();
      EXPECT_EQ(bench::integer_at(document.root(), "assigned") +
                    bench::integer_at(document.root(), "alreadyAssigned"),
                members_wanted());
    }
    std::printf("%d of %d calls died with the hub\n", unanswered, made);
    EXPECT_GT(unanswered, 0) << "killed too late to show anything";
  }

  void expect_each_told_once() {
    const std::int64_t all = std::int64_t{promotions_} * members_wanted();
    EXPECT_TRUE(eventually([&] { return told() >= all; }, seconds(60)));
    EXPECT_EQ(told(), all);
    EXPECT_EQ(beside_->number("SELECT COUNT(*) FROM promotion_assignment"), all);
    EXPECT_EQ(
        beside_->number("SELECT COUNT(DISTINCT event_id) FROM notification WHERE event_type = 'PROMOTION'"),
        all);
    EXPECT_EQ(beside_->number("SELECT COUNT(*) FROM (SELECT user_id FROM notification WHERE event_type ="
                              " 'PROMOTION' GROUP BY user_id HAVING COUNT(*) = " +
                              std::to_string(promotions_) + ") told"),
              members_wanted());
    // As one of them sees it.
    const auto answer = bench::call({.origin = fleet_->hub_url(),
                                     .path = "/api/v1/notifications?type=promotion&unread=true",
                                     .bearer = jo_});
    ASSERT_TRUE(answer && answer->status == 200);
    const auto seen = answer->json();
    std::set<std::string> promotions;
    const auto items = seen.root().find("items")->items();
    for (const auto& item : items) promotions.insert(bench::text_at(*item.find("content"), "promotionId"));
    EXPECT_EQ(items.size(), static_cast<std::size_t>(promotions_));
    EXPECT_EQ(promotions.size(), items.size());
  }

  void play() {
    // On a busy machine the hub may be through with it before this process has its turn.
    int kills = 0;
    for (int i = 0; kills == 0 && i < 5; ++i) kills = kill_in_what_comes_of_a_call();
    EXPECT_GT(kills, 0) << "killed too late to show anything";
    ASSERT_NO_FATAL_FAILURE(kill_in_calls());
    expect_each_told_once();
  }

  std::optional<DatabaseBeside> beside_;
  std::string users_;  ///< The call's body.
  std::string admin_;
  std::string jo_;  ///< One of the members.
  int promotions_ = 0;
  std::chrono::duration<double> call_took_{};
};

TEST_F(AssignmentsKilled, AreThereAndToldOnceEach) {
  ASSERT_NO_FATAL_FAILURE(start_hub());
  play();
}

class AssignmentsOnPostgresKilled : public AssignmentsKilled {
 protected:
  int members_wanted() const override { return asked_for("PERKLINE_ASSIGNED", 3'000); }
};

TEST_F(AssignmentsOnPostgresKilled, AreThereAndToldOnceEach) {
  auto server = bench::PostgresServer::start();
  ASSERT_TRUE(server) << server.error().detail;
  ASSERT_NO_FATAL_FAILURE(start_hub(server->url("perkline")));
  play();
  beside_.reset();
  fleet_.reset();  // before its database
}

}  // namespace
}  // namespace perkline::test
