#include "tests/unit/hub/mail_worker_fixture.hpp"

namespace perkline::test {
namespace {

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
