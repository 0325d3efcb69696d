#include "hub/notifications/purge.hpp"
#include "tests/unit/hub/mail_worker_fixture.hpp"

namespace perkline::test {
namespace {

/// 1,200 of one member, numbered from 1: as old as `age` says up to number `last`, then as `age_behind`.
void add_notifications(LiveHub& live, std::int64_t last, Millis age, Millis age_behind) {
  EXPECT_TRUE(live.write([&](hub::db::Transaction& transaction) -> Result<void> {
    for (std::int64_t i = 1; i <= 1'200; ++i) {
      const WallTime made = live.clock().wall_now() - (i <= last ? age : age_behind);
      auto added = transaction.execute(
          "INSERT INTO notification (id, event_id, user_id, type, event_type, content, created_at)"
          " VALUES ($1, $2, 'u', 'tier', 'TIER_CHANGED', '{}', $3)",
          {i, std::to_string(i), made.time_since_epoch().count()});
      if (!added) return failure(added);
    }
    return {};
  }));
}

TEST_F(Mails, AreGivenUpAfterDays) {
  port_.fates["old@example.com"] = {MailFate::put_off};
  port_.fates["young@example.com"] = {MailFate::put_off};
  mail("old", days{6});
  mail("young", days{4});
  const Running worker(live_, port_, quick());
  EXPECT_TRUE(becomes("dead", 1));
  EXPECT_TRUE(becomes("sent", 1));
  EXPECT_EQ(live_.number("SELECT COUNT(*) FROM notification_mail WHERE state = 'dead' AND user_id = 'old'"),
            1);
}

TEST_F(Mails, AreNotGivenUpBecauseTheServerIsAwayHoweverLong) {
  port_.down = true;
  mail("old", days{30});
  const Running worker(live_, port_, quick());
  EXPECT_TRUE(eventually([&] { return live_.number("SELECT attempts FROM notification_mail") >= 3; }));
  EXPECT_EQ(in_state("waiting"), 1);
  live_.reactor().run([&] { port_.down = false; });
  EXPECT_TRUE(becomes("sent", 1));
}

TEST_F(Mails, PutOffOrLeasedByAClockThatWasAheadAreSentOnceItIsRightAgain) {
  mail("put-off");
  mail("leased");
  mail("later");
  const auto ahead = [this](Millis by) { return (live_.clock().wall_now() + by).time_since_epoch().count(); };
  execute("UPDATE notification_mail SET next_at = $1 WHERE user_id = 'put-off'", {ahead(days{400})});
  execute("UPDATE notification_mail SET leased_until = $1 WHERE user_id = 'leased'", {ahead(days{400})});
  execute("UPDATE notification_mail SET next_at = $1 WHERE user_id = 'later'",
          {ahead(hub::notifications::mail_pause_max)});
  const Running worker(live_, port_, quick());
  EXPECT_TRUE(becomes("sent", 2));
  EXPECT_EQ(in_state("waiting"), 1) << "which may well be put off so long";
}

TEST_F(Mails, AndNotificationsGoThoughAClockWasAYearAheadWhenOthersWereMade) {
  add_notifications(live_, 600, -days{365}, days{401});
  EXPECT_EQ(
      live_.reactor().await(hub::notifications::purge_all(live_.port(), live_.clock().wall_now())).value(),
      600);
  EXPECT_EQ(live_.number("SELECT MAX(id) FROM notification"), 600);
}

TEST_F(Mails, AndNotificationsGoWhenTheyAreOldEnough) {
  mail("sent");
  mail("waiting", days{100});
  execute("UPDATE notification_mail SET state = 'sent', decided_at = $1 WHERE user_id = 'sent'",
          {live_.clock().wall_now().time_since_epoch().count()});
  add_notifications(live_, 1'100, days{401}, days{399});
  const auto purge = [&](Millis later) {
    return live_.reactor().await(
        hub::notifications::purge_all(live_.port(), live_.clock().wall_now() + later));
  };
  EXPECT_EQ(purge(Millis{0}).value(), 1'100);
  EXPECT_EQ(purge(hours{1}).value(), 0);
  EXPECT_EQ(purge(days{61}).value(), 101) << "what waits stays";
  EXPECT_EQ(in_state("waiting"), 1);
}

}  // namespace
}  // namespace perkline::test
