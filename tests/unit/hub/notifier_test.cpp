#include "hub/notifications/notifier.hpp"

#include <future>

#include "tests/support/eventually.hpp"
#include "tests/unit/hub/live_hub.hpp"

namespace perkline::test {
namespace {

using hub::db::Transaction;
using hub::notifications::Notifier;

/// What is written of events, beside others that write.
class Notifying : public ::testing::Test {
 protected:
  void execute(const std::string& sql, std::vector<hub::db::Value> parameters = {}) {
    EXPECT_TRUE(live_.write([&](Transaction& t) { return run(t, sql, parameters); })) << sql;
  }
  static Result<void> run(Transaction& transaction, const std::string& sql,
                          std::vector<hub::db::Value> parameters) {
    auto done = transaction.execute(sql, std::move(parameters));
    if (!done) return failure(done);
    return {};
  }
  void member(const std::string& id) {
    execute(
        "INSERT INTO users (id, email, email_key, name, role, active, password_hash, created_at)"
        " VALUES ($1, $2, $2, 'Jo', 'member', 1, 'x', 1)",
        {id, id + "@example.com"});
  }
  hub::events::DomainEvent event(const std::string& user) {
    return {.id = live_.ids().next(),
            .type = "TIER_CHANGED",
            .occurred_at = live_.clock().wall_now(),
            .traceparent = {},
            .data = R"({"userId":")" + user + R"(","tier":"Gold"})"};
  }
  Notifier::Work work_of(const std::vector<hub::events::DomainEvent>& events) {
    Notifier::Work work;
    live_.reactor().run([&] { work = notifier_.take(events); });
    return work;
  }
  std::int64_t count(const std::string& table) { return live_.number("SELECT COUNT(*) FROM " + table); }

  LiveHub live_;
  Notifier notifier_{live_.clock(), live_.ids(), {.mail = true}};
};

TEST_F(Notifying, LeavesNothingOfWhoIsErasedMeanwhile) {
  member("jo");
  member("al");
  const Notifier::Work work = work_of({event("al"), event("jo")});
  std::promise<void> begun;
  std::promise<void> may_end;
  auto erasing = std::async(std::launch::async, [&] {
    return live_.write([&, end = may_end.get_future().share()](Transaction& transaction) {
      auto erased = run(transaction, "DELETE FROM users WHERE id = $1", {"jo"});
      for (const char* table : {"notification", "notification_mail"}) {
        if (erased)
          erased = run(transaction, "DELETE FROM " + std::string(table) + " WHERE user_id = $1", {"jo"});
      }
      begun.set_value();
      if (on_postgres()) end.wait();
      return erased;
    });
  });
  begun.get_future().wait();
  auto telling = std::async(std::launch::async, [&] { return live_.write(work); });
  if (on_postgres()) {
    EXPECT_TRUE(eventually([&] {
      return telling.wait_for(Millis{0}) == std::future_status::ready ||
             live_.number(
                 "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                 " AND datname = current_database()") > 0;
    }));
  }
  may_end.set_value();
  EXPECT_TRUE(erasing.get());
  EXPECT_TRUE(telling.get());
  EXPECT_EQ(live_.number("SELECT COUNT(*) FROM notification WHERE user_id = 'jo'"), 0);
  EXPECT_EQ(live_.number("SELECT COUNT(*) FROM notification_mail WHERE user_id = 'jo'"), 0);
  EXPECT_EQ(count("notification"), 1) << "al's";
  EXPECT_EQ(count("notification_mail"), 1);
}

TEST_F(Notifying, MakesAMemberSoManyMailsAnHourAndTheRestInTheAppAlone) {
  member("jo");
  member("al");
  const auto tell = [&](std::int64_t times) {
    std::vector<hub::events::DomainEvent> events;
    for (std::int64_t i = 0; i < times; ++i) events.push_back(event("jo"));
    events.push_back(event("al"));
    EXPECT_TRUE(live_.write(work_of(events)));
  };
  const auto mails = [&](const std::string& user) {
    return live_.number("SELECT COUNT(*) FROM notification_mail WHERE user_id = $1", {user});
  };
  constexpr std::int64_t most = hub::notifications::mails_an_hour_max;
  tell(most - 1);
  EXPECT_EQ(mails("jo"), most - 1);
  tell(10);
  EXPECT_EQ(mails("jo"), most);
  tell(10);
  EXPECT_EQ(mails("jo"), most);
  EXPECT_EQ(mails("al"), 3) << "others get theirs";
  EXPECT_EQ(live_.number("SELECT COUNT(*) FROM notification WHERE user_id = 'jo'"), most + 19);
  execute("UPDATE notification_mail SET created_at = created_at - $1", {Millis{hours{1}}.count()});
  tell(1);
  EXPECT_EQ(mails("jo"), most + 1) << "an hour later";
  execute("UPDATE notification_mail SET created_at = created_at + $1", {Millis{days{400}}.count()});
  tell(1);
  EXPECT_EQ(mails("jo"), most + 2) << "whatever a wrong clock has made";
}

TEST_F(Notifying, MailsOfOneKindKeepNoOtherFromAMember) {
  member("jo");
  std::vector<hub::events::DomainEvent> events;
  for (std::int64_t i = 0; i < 2 * hub::notifications::mails_an_hour_max; ++i) events.push_back(event("jo"));
  EXPECT_TRUE(live_.write(work_of(events)));
  hub::events::DomainEvent other = event("jo");
  other.type = "POINTS_EXPIRING";
  other.data = R"({"userId":"jo","points":5,"expiresAt":"2026-06-01"})";
  EXPECT_TRUE(live_.write(work_of({other})));
  EXPECT_EQ(live_.number("SELECT COUNT(*) FROM notification_mail WHERE template = 'points_expiring'"), 1);
}

TEST_F(Notifying, MakesNoMailForAnAddressThatWasRefusedOfLate) {
  member("jo");
  const auto refused_ago = [this](Millis ago) {
    execute("UPDATE users SET refused_email = email, refused_at = $1",
            {(live_.clock().wall_now() - ago).time_since_epoch().count()});
  };
  refused_ago(days{6});
  EXPECT_TRUE(live_.write(work_of({event("jo")})));
  EXPECT_EQ(count("notification"), 1);
  EXPECT_EQ(count("notification_mail"), 0);
  execute("UPDATE users SET email = 'other@example.com', email_key = 'other@example.com'");
  EXPECT_TRUE(live_.write(work_of({event("jo")})));
  EXPECT_EQ(count("notification_mail"), 1);
  refused_ago(days{8});
  EXPECT_TRUE(live_.write(work_of({event("jo")})));
  EXPECT_EQ(count("notification_mail"), 2) << "it may be heard again";
}

}  // namespace
}  // namespace perkline::test
