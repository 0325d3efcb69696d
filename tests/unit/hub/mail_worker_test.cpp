#include "hub/notifications/mail_worker.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "hub/notifications/purge.hpp"
#include "shared/net/either.hpp"
#include "tests/support/eventually.hpp"
#include "tests/unit/hub/live_hub.hpp"

namespace perkline::test {
namespace {

using hub::notifications::MailFate;
using hub::notifications::MailOutcome;
using hub::notifications::MailWorker;

/// A mail server that does as it is told. Reactor's thread, but for `sent`.
class FakeMail final : public hub::notifications::MailPort {
 public:
  Task<MailOutcome> send(hub::notifications::Mail mail) override {
    ++tries[mail.to];
    if (hangs) co_await released_.wait();
    MailOutcome outcome{.fate = MailFate::sent};
    if (down) {
      outcome = {.fate = MailFate::unreachable, .reason = "nobody there"};
    } else if (nobodys.contains(mail.to)) {
      outcome = {.fate = MailFate::refused, .reason = "550 ***", .is_of_address = true, .status = "550"};
    } else if (const auto told = fates.find(mail.to); told != fates.end() && !told->second.empty()) {
      outcome = {.fate = told->second.front(), .reason = "because"};
      told->second.erase(told->second.begin());
    } else if (breaks.contains(mail.to)) {
      outcome = {.fate = MailFate::put_off, .reason = "a timeout", .broke_the_line = true};
    } else if (unreached.contains(mail.to)) {
      outcome = {.fate = MailFate::unreachable, .reason = "gone"};
    }
    if (outcome.fate == MailFate::sent) sent.push_back(std::move(mail));
    co_return outcome;
  }

  void release() {
    hangs = false;
    released_.notify();
  }

  bool down = false;
  bool hangs = false;  ///< Says nothing until release().
  std::map<std::string, std::vector<MailFate>> fates;
  std::set<std::string> nobodys;    ///< Addresses that are.
  std::set<std::string> breaks;     ///< At which the line breaks.
  std::set<std::string> unreached;  ///< Whose mails never get to a server.
  std::map<std::string, int> tries;
  std::vector<hub::notifications::Mail> sent;

 private:
  net::Signal released_;
};

class Mails : public ::testing::Test {
 protected:
  /// A worker of its own, as a replica's, ended before what it uses goes.
  class Running {
   public:
    Running(LiveHub& live, FakeMail& port, MailWorker::Options options) : live_(live) {
      live_.reactor().run([&] {
        worker_.emplace(MailWorker::Parts{live.port(), live.reactor()->clock(), live.ids(), port},
                        std::move(options));
        live.reactor()->spawn(until(worker_->run(), end_, ended_));
      });
    }
    ~Running() {
      live_.reactor().run([&] { end_.notify(); });
      ended_.get_future().wait();
    }

   private:
    static Task<void> until(Task<void> task, net::Signal& end, std::promise<void>& ended) {
      co_await net::either(std::move(task), end.wait());
      ended.set_value();
    }
    LiveHub& live_;
    std::optional<MailWorker> worker_;
    net::Signal end_;
    std::promise<void> ended_;
  };

  static MailWorker::Options quick() {
    return {.look_every = Millis{10},
            .unreachable_base = Millis{10},
            .unreachable_max = Millis{40},
            .put_off_base = Millis{20},
            .put_off_max = Millis{80}};
  }

  void execute(const std::string& sql, std::vector<hub::db::Value> parameters = {}) {
    EXPECT_TRUE(live_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      auto done = transaction.execute(sql, parameters);
      if (!done) return failure(done);
      return {};
    })) << sql;
  }
  /// One of those that thousands get, put off by the server once.
  void mail_to_many(const std::string& name, Millis ago) {
    mail(name, ago);
    execute(
        "UPDATE notification_mail SET template = 'promotion_assigned', in_masses = 1, attempts = 1 WHERE"
        " user_id = $1",
        {name});
  }
  /// A mail that waits for `name`@example.com.
  void mail(const std::string& name, Millis ago = Millis{0}) {
    const std::int64_t at = (live_.clock().wall_now() - ago).time_since_epoch().count();
    execute(
        "INSERT INTO users (id, email, email_key, name, role, active, password_hash, created_at)"
        " VALUES ($1, $2, $2, 'n', 'member', 1, 'x', 1) ON CONFLICT (id) DO NOTHING",
        {name, name + "@example.com"});
    execute(
        "INSERT INTO notification_mail (id, event_id, user_id, template, subject, body, state, next_at,"
        " created_at) VALUES ($1, $1, $2, 'welcome', 'Hello', 'You', 'waiting', $3, $3)",
        {live_.ids().next().str(), name, at});
  }
  std::int64_t in_state(const std::string& state) {
    return live_.number("SELECT COUNT(*) FROM notification_mail WHERE state = $1", {state});
  }
  bool becomes(const std::string& state, std::int64_t count) {
    return eventually([&] { return in_state(state) == count; });
  }

  LiveHub live_;
  FakeMail port_;
};

TEST_F(Mails, ThatThousandsGetAndAllOthersDoNotWaitForOneAnother) {
  for (int i = 0; i < 100; ++i) mail_to_many("many-" + std::to_string(i), minutes{100 - i});
  FakeMail for_many;
  for_many.hangs = true;
  MailWorker::Options in_masses = quick();
  in_masses.in_masses = true;
  {
    const Running many(live_, for_many, in_masses);
    EXPECT_TRUE(eventually([&] {
      int tries = 0;
      live_.reactor().run([&] { tries = for_many.tries["many-0@example.com"]; });
      return tries == 1;
    }));
    const Running others(live_, port_, quick());
    for (const char* name : {"paid", "welcomed"}) mail(name);
    EXPECT_TRUE(becomes("sent", 2)) << "while the server keeps one of the many for as long as it likes";
    live_.reactor().run([&] { for_many.release(); });
    EXPECT_TRUE(becomes("sent", 102));
  }
  EXPECT_EQ(port_.sent.size(), 2U) << "none of the many";
  EXPECT_EQ(for_many.sent.size(), 100U);
  EXPECT_EQ(for_many.sent.at(0).to, "many-0@example.com") << "among themselves those due for longest";
}

TEST_F(Mails, AreSentOnceAndForgotten) {
  for (const char* name : {"a", "b", "c"}) mail(name);
  {
    const Running worker(live_, port_, quick());
    EXPECT_TRUE(becomes("sent", 3));
  }
  ASSERT_EQ(port_.sent.size(), 3U);
  EXPECT_EQ(port_.sent[0].subject, "Hello");
  EXPECT_EQ(port_.sent[0].to, "a@example.com");
  EXPECT_EQ(live_.number("SELECT COUNT(*) FROM notification_mail WHERE body = '' AND subject = ''"), 3);
  const Running again(live_, port_, quick());
  mail("d");
  EXPECT_TRUE(becomes("sent", 4));
  EXPECT_EQ(port_.sent.size(), 4U);
}

TEST_F(Mails, WaitWhileNoServerIsThereAndThenArriveOnce) {
  port_.down = true;
  for (int i = 0; i < 40; ++i) mail("m" + std::to_string(i));
  {
    const Running worker(live_, port_, quick());
    EXPECT_TRUE(eventually([&] {
      return live_.number("SELECT COUNT(*) FROM notification_mail WHERE attempts > 0") >= 3;
    })) << "one after another is tried";
    EXPECT_EQ(in_state("waiting"), 40);
    live_.reactor().run([&] { port_.down = false; });
    EXPECT_TRUE(becomes("sent", 40));
  }
  EXPECT_EQ(port_.sent.size(), 40U);
}

TEST_F(Mails, PutOffAreTriedAgainLaterAndRefusedAreDeadAtOnce) {
  port_.fates["grey@example.com"] = {MailFate::put_off, MailFate::put_off};
  port_.fates["wrong@example.com"] = {MailFate::refused};
  mail("grey");
  mail("wrong");
  mail("right");
  {
    const Running worker(live_, port_, quick());
    EXPECT_TRUE(becomes("sent", 2));
    EXPECT_TRUE(becomes("dead", 1));
  }
  EXPECT_EQ(port_.tries["grey@example.com"], 3);
  EXPECT_EQ(port_.tries["wrong@example.com"], 1);
  EXPECT_EQ(live_.number("SELECT COUNT(*) FROM notification_mail WHERE state = 'dead' AND reason = 'because'"
                         " AND body = 'You'"),
            1)
      << "what it said stays, to be tried again";
}

TEST_F(Mails, ToAnAddressThatWasRefusedForGoodHaveOneDeadLetterAndAreNotTriedAgainUntilItChanges) {
  port_.nobodys = {"bad@example.com"};
  mail("bad");
  mail("bad");
  const Running worker(live_, port_, quick());
  EXPECT_TRUE(becomes("dead", 1));
  EXPECT_TRUE(becomes("discarded", 1));
  int tries = 0;
  live_.reactor().run([&] { tries = port_.tries["bad@example.com"]; });
  EXPECT_LE(tries, 2) << "they may have been claimed together";
  mail("bad");
  EXPECT_TRUE(becomes("discarded", 2));
  live_.reactor().run([&] { EXPECT_EQ(port_.tries["bad@example.com"], tries); });
  EXPECT_EQ(in_state("dead"), 1);
  execute("UPDATE users SET email = 'good@example.com', email_key = 'good@example.com' WHERE id = 'bad'");
  mail("bad");
  EXPECT_TRUE(becomes("sent", 1));

  execute("UPDATE users SET email = 'bad@example.com', email_key = 'bad@example.com' WHERE id = 'bad'");
  live_.reactor().run([&] { port_.nobodys.clear(); });
  std::string letter;
  EXPECT_TRUE(live_.write([&](hub::db::Transaction& transaction) -> Result<void> {
    const auto dead = hub::notifications::dead_mails(transaction, std::nullopt, 10);
    if (!dead) return std::unexpected(dead.error());
    letter = dead->at(0).id;
    auto again = hub::notifications::retry_dead_mail(transaction, letter, live_.clock().wall_now());
    if (!again) return failure(again);
    return {};
  }));
  EXPECT_TRUE(becomes("sent", 2)) << "somebody says that it can be written to";
  mail("bad");
  EXPECT_TRUE(becomes("sent", 3));
}

TEST_F(Mails, OfARefusedAddressAreTriedAgainAfterDaysAndDiscardingItsLetterDecidesThatAlone) {
  port_.nobodys = {"bad@example.com"};
  mail("bad");
  const Running worker(live_, port_, quick());
  EXPECT_TRUE(becomes("dead", 1));
  EXPECT_TRUE(live_.write([&](hub::db::Transaction& transaction) -> Result<void> {
    const auto dead = hub::notifications::dead_mails(transaction, std::nullopt, 10);
    if (!dead) return std::unexpected(dead.error());
    auto done = hub::notifications::discard_dead_mail(transaction, dead->at(0).id, live_.clock().wall_now());
    if (!done) return failure(done);
    return {};
  }));
  const auto refused_ago = [this](Millis ago) {
    execute("UPDATE users SET refused_at = $1",
            {(live_.clock().wall_now() - ago).time_since_epoch().count()});
  };
  refused_ago(days{7} - hours{1});
  mail("bad");
  EXPECT_TRUE(becomes("discarded", 2)) << "the letter, and one that nobody tried";
  live_.reactor().run([&] { EXPECT_EQ(port_.tries["bad@example.com"], 1); });
  refused_ago(days{7} + hours{1});
  mail("bad");
  EXPECT_TRUE(becomes("dead", 1)) << "tried, and told of anew";
  mail("bad");
  EXPECT_TRUE(becomes("discarded", 3));
  live_.reactor().run([&] { port_.nobodys.clear(); });
  refused_ago(days{8});
  mail("bad");
  EXPECT_TRUE(becomes("sent", 1));
}

TEST_F(Mails, OneAtWhichTheLineBreaksKeepsOnlyWhatIsForItsAddressWaiting) {
  port_.breaks = {"bad@example.com"};
  for (int i = 0; i < 3; ++i) mail("bad", minutes{5});
  for (int i = 0; i < 40; ++i) mail("m" + std::to_string(i));
  MailWorker::Options options = quick();
  options.put_off_base = options.put_off_max = hours{1};
  const Running worker(live_, port_, options);
  EXPECT_TRUE(becomes("sent", 40));
  live_.reactor().run([&] { EXPECT_EQ(port_.tries["bad@example.com"], 1) << "one timeout"; });
  mail("bad", minutes{5});
  EXPECT_TRUE(eventually([&] {
    return live_.number("SELECT COUNT(*) FROM notification_mail WHERE state = 'waiting' AND next_at > $1",
                        {(live_.clock().wall_now() + minutes{30}).time_since_epoch().count()}) == 4;
  })) << "also one that came later";
  live_.reactor().run([&] { EXPECT_EQ(port_.tries["bad@example.com"], 1); });
}

TEST_F(Mails, OneThatNeverReachesTheServerKeepsNoOtherWaiting) {
  port_.unreached = {"bad@example.com"};
  mail("bad", minutes{5});
  for (int i = 0; i < 40; ++i) mail("m" + std::to_string(i));
  MailWorker::Options options = quick();
  options.unreachable_base = options.unreachable_max = minutes{30};
  const Running worker(live_, port_, options);
  EXPECT_TRUE(becomes("sent", 40)) << "the round goes on: no other has failed";
  EXPECT_EQ(in_state("waiting"), 1);
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

TEST_F(Mails, GoToTheAddressOfTheMomentOrToNobody) {
  mail("moved");
  mail("left");
  mail("gone");
  execute("UPDATE users SET email = 'new@example.com', email_key = 'new@example.com' WHERE id = 'moved'");
  execute("UPDATE users SET active = 0 WHERE id = 'left'");
  execute("DELETE FROM users WHERE id = 'gone'");
  {
    const Running worker(live_, port_, quick());
    EXPECT_TRUE(becomes("discarded", 2));
    EXPECT_TRUE(becomes("sent", 1));
  }
  ASSERT_EQ(port_.sent.size(), 1U);
  EXPECT_EQ(port_.sent[0].to, "new@example.com");
}

TEST_F(Mails, OfOneThatDiedAreSentByAnotherWhenItsLeaseIsOver) {
  mail("a");
  const auto began = std::chrono::steady_clock::now();
  execute("UPDATE notification_mail SET lease = 'dead process', leased_until = $1",
          {(live_.clock().wall_now() + Millis{400}).time_since_epoch().count()});
  {
    const Running worker(live_, port_, quick());
    EXPECT_TRUE(becomes("sent", 1));
  }
  EXPECT_GE(std::chrono::steady_clock::now() - began, Millis{390});
  EXPECT_EQ(port_.sent.size(), 1U);
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

TEST_F(Mails, OfManyWorkersEachIsSentByOne) {
  for (int i = 0; i < 60; ++i) mail("m" + std::to_string(i));
  {
    const Running one(live_, port_, quick());
    const Running two(live_, port_, quick());
    const Running three(live_, port_, quick());
    EXPECT_TRUE(becomes("sent", 60));
  }
  EXPECT_EQ(port_.sent.size(), 60U);
  std::set<std::string> ids;
  for (const auto& each : port_.sent) ids.insert(each.id);
  EXPECT_EQ(ids.size(), 60U);
}

TEST_F(Mails, AndNotificationsGoThoughAClockWasAYearAheadWhenOthersWereMade) {
  EXPECT_TRUE(live_.write([&](hub::db::Transaction& transaction) -> Result<void> {
    for (std::int64_t i = 1; i <= 1'200; ++i) {
      const WallTime made = live_.clock().wall_now() + (i <= 600 ? days{365} : -days{401});
      auto added = transaction.execute(
          "INSERT INTO notification (id, event_id, user_id, type, event_type, content, created_at)"
          " VALUES ($1, $2, 'u', 'tier', 'TIER_CHANGED', '{}', $3)",
          {i, std::to_string(i), made.time_since_epoch().count()});
      if (!added) return failure(added);
    }
    return {};
  }));
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
  EXPECT_TRUE(live_.write([&](hub::db::Transaction& transaction) -> Result<void> {
    for (std::int64_t i = 1; i <= 1'200; ++i) {
      const WallTime made = live_.clock().wall_now() - (i <= 1'100 ? days{401} : days{399});
      auto added = transaction.execute(
          "INSERT INTO notification (id, event_id, user_id, type, event_type, content, created_at)"
          " VALUES ($1, $2, 'u', 'tier', 'TIER_CHANGED', '{}', $3)",
          {i, std::to_string(i), made.time_since_epoch().count()});
      if (!added) return failure(added);
    }
    return {};
  }));
  const auto purge = [&](Millis later) {
    return live_.reactor().await(
        hub::notifications::purge_all(live_.port(), live_.clock().wall_now() + later));
  };
  EXPECT_EQ(purge(Millis{0}).value(), 1'100);
  EXPECT_EQ(purge(hours{1}).value(), 0);
  EXPECT_EQ(purge(days{61}).value(), 101) << "what waits stays";
  EXPECT_EQ(in_state("waiting"), 1);
}

TEST_F(Mails, DeadOnesAreTriedAgainOrGivenUpAsSomebodyDecides) {
  port_.fates["a@example.com"] = {MailFate::refused};
  port_.fates["b@example.com"] = {MailFate::refused};
  mail("a");
  mail("b");
  const Running worker(live_, port_, quick());
  ASSERT_TRUE(becomes("dead", 2));
  std::vector<hub::notifications::DeadMail> dead;
  EXPECT_TRUE(live_.write([&](hub::db::Transaction& transaction) -> Result<void> {
    // The newest first.
    auto found = hub::notifications::dead_mails(transaction, std::nullopt, 10);
    if (!found) return failure(found);
    dead = std::move(*found);
    if (auto done = hub::notifications::retry_dead_mail(transaction, dead.at(0).id, live_.clock().wall_now());
        !done)
      return failure(done);
    auto done = hub::notifications::discard_dead_mail(transaction, dead.at(1).id, live_.clock().wall_now());
    if (!done) return failure(done);
    return {};
  }));
  EXPECT_EQ(dead.size(), 2U);
  EXPECT_GE(dead.at(0).died_at, dead.at(1).died_at);
  EXPECT_EQ(dead.at(0).reason, "because");
  EXPECT_TRUE(becomes("sent", 1));
  EXPECT_EQ(in_state("discarded"), 1);
  const auto again = live_.write([&](hub::db::Transaction& transaction) -> Result<void> {
    auto done = hub::notifications::retry_dead_mail(transaction, dead.at(1).id, live_.clock().wall_now());
    if (!done) return failure(done);
    return {};
  });
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::session_state);
}

}  // namespace
}  // namespace perkline::test
