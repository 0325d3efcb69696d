#include <gtest/gtest.h>

#include "hub/billing/closing.hpp"
#include "hub/jobs/jobs.hpp"
#include "hub/ledger/history.hpp"
#include "hub/points/balance.hpp"
#include "hub/points/purse.hpp"
#include "tests/unit/hub/hub_database.hpp"

namespace perkline::hub::jobs {
namespace {

class HubJobs : public testing::Test {
 protected:
  bool turn(const std::string& name) {
    bool taken = false;
    EXPECT_TRUE(hub_.write([&](db::Transaction& transaction) -> Result<void> {
      const auto taking = take_turn(transaction, *find_job(name), hub_.clock.wall);
      if (!taking) return std::unexpected(taking.error());
      taken = *taking;
      return {};
    }));
    return taken;
  }
  void succeeded(const std::string& name) {
    EXPECT_TRUE(
        hub_.write([&](db::Transaction& t) { return note_success(t, *find_job(name), hub_.clock.wall); }));
  }
  std::int64_t run(const std::string& name) {
    // Whatever a test has made of the clock is the time.
    EXPECT_TRUE(guard_.look(hub_.clock.wall));
    const auto done = try_to_run(name);
    EXPECT_TRUE(done) << done.error().detail;
    return done.value_or(-1);
  }
  Result<std::int64_t> try_to_run(const std::string& name) {
    return test::run_task(hub_.world(), find_job(name)->run(parts_, "test"));
  }
  void give(const std::string& user, std::int64_t amount, const std::string& name) {
    EXPECT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
      auto given = points::give(t, parts_.terms, {.id = hub_.uuids.next(), .at = hub_.clock.wall},
                                {.user = UserId(user),
                                 .amount = amount,
                                 .other = points::programme_account("test"),
                                 .external_id = name,
                                 .code = "test"});
      if (!given) return failure(given);
      return {};
    }));
  }
  points::Balance balance(const std::string& user) {
    points::Balance found;
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      auto read = points::balance_of(t, parts_.terms, {.user = UserId(user)}, hub_.clock.wall);
      if (!read) return failure(read);
      found = *read;
      return {};
    }));
    return found;
  }
  std::int64_t events(const std::string& type) {
    return hub_.number("SELECT COUNT(*) FROM event_outbox WHERE type = $1", {type});
  }
  void expect_sound() {
    EXPECT_TRUE(hub_.read([](db::Transaction& t) -> Result<void> {
      const auto found = ledger::verify(t);
      if (!found) return std::unexpected(found.error());
      EXPECT_TRUE(found->ok()) << found->mismatches.front();
      return {};
    }));
  }

  test::HubDatabase hub_;
  clock::ClockGuard guard_{hub_.clock};
  Parts parts_{.database = hub_.port(),
               .clock = hub_.clock,
               .uuids = hub_.uuids,
               .rng = hub_.rng,
               .guard = guard_,
               .access_ttl = seconds{600},
               .keys_in_file = false,
               .terms = {.tiers = {{"Silver", 100}}, .purchase_rule = {}},
               .rates = {.issue = "0.07"}};
};

TEST_F(HubJobs, AtNightHaveTheirTurnFromTheirHourOn) {
  // The clock of tests begins at midnight.
  EXPECT_FALSE(turn("expire-points")) << "nothing is old in a new database";
  hub_.clock.advance(hours{1} - Millis{1});
  EXPECT_FALSE(turn("expire-points"));
  hub_.clock.advance(Millis{1});
  EXPECT_TRUE(turn("expire-points"));
  succeeded("expire-points");
  EXPECT_FALSE(turn("expire-points"));
  hub_.clock.advance(hours{24} - Millis{1});
  EXPECT_FALSE(turn("expire-points"));
  hub_.clock.advance(Millis{1});
  EXPECT_TRUE(turn("expire-points"));
}

TEST_F(HubJobs, ThatWereMissedHaveOneTurn) {
  EXPECT_FALSE(turn("expire-points"));
  hub_.clock.advance(days{5} + hours{12});
  EXPECT_TRUE(turn("expire-points"));
  succeeded("expire-points");
  hub_.clock.advance(hours{1});
  EXPECT_FALSE(turn("expire-points"));
}

TEST_F(HubJobs, ThatDidNotSucceedHaveAnotherTurnSoon) {
  EXPECT_FALSE(turn("expire-points"));
  hub_.clock.advance(hours{1});
  EXPECT_TRUE(turn("expire-points"));
  hub_.clock.advance(retry_pause - Millis{1});
  EXPECT_FALSE(turn("expire-points"));
  hub_.clock.advance(Millis{1});
  EXPECT_TRUE(turn("expire-points"));
  succeeded("expire-points");
  hub_.clock.advance(hours{1});
  EXPECT_FALSE(turn("expire-points"));
}

TEST_F(HubJobs, RunByHandKeepTheirNight) {
  EXPECT_FALSE(turn("expire-points"));
  hub_.clock.advance(hours{12});
  succeeded("expire-points");
  EXPECT_FALSE(turn("expire-points"));
  hub_.clock.advance(hours{13});
  EXPECT_TRUE(turn("expire-points"));
}

TEST_F(HubJobs, ThatAReplicaHasTakenAreNotTakenByOneWhoseClockIsBehind) {
  EXPECT_FALSE(turn("rotate-keys"));
  hub_.clock.advance(days{90});
  EXPECT_TRUE(turn("rotate-keys"));
  succeeded("rotate-keys");
  hub_.clock.wall -= clocks_apart;
  EXPECT_FALSE(turn("rotate-keys"));
  hub_.clock.wall -= Millis{1};
  EXPECT_TRUE(turn("rotate-keys")) << "what lies further ahead was taken by a wrong clock";
}

TEST_F(HubJobs, ExpirePointsBooksAndTellsEachOnce) {
  for (int i = 0; i < 250; ++i) give("u" + std::to_string(i % 3), 1, "old:" + std::to_string(i));
  hub_.clock.advance(days{360});
  give("u0", 7, "new");
  EXPECT_EQ(run("expire-points"), 250) << "told that they will lapse";
  EXPECT_EQ(events("POINTS_EXPIRING"), 3) << "also one whose lots reach into the next page hears once";
  EXPECT_EQ(run("expire-points"), 0);
  hub_.clock.advance(days{5});
  EXPECT_EQ(run("expire-points"), 250);
  EXPECT_EQ(run("expire-points"), 0);
  EXPECT_EQ(balance("u0").balance, 7);
  EXPECT_EQ(balance("u1").balance, 0);
  expect_sound();
}

TEST_F(HubJobs, ThatCannotBeUndoneAreNotDoneByAClockInDoubt) {
  give("ann", 10, "a");
  hub_.execute(
      "INSERT INTO idempotency (scope, key, fingerprint, status, content_type, body, created_at)"
      " VALUES ('s', 'k', '', 200, '', '', $1)",
      {hub_.clock.wall.time_since_epoch().count()});
  EXPECT_TRUE(guard_.look(hub_.clock.wall));
  hub_.clock.wall += days{400};
  std::size_t refused = 0;
  for (const Job& job : all_jobs()) {
    if (!job.for_good) continue;
    const auto done = try_to_run(std::string(job.name));
    ASSERT_FALSE(done) << job.name;
    EXPECT_EQ(done.error().code, Errc::session_state) << job.name;
    ++refused;
  }
  EXPECT_EQ(refused, 8u);
  hub_.clock.wall -= days{400};
  EXPECT_EQ(try_to_run("expire-points").value(), 0) << "it is right again";
  EXPECT_EQ(balance("ann").balance, 10);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM idempotency"), 1);
  hub_.clock.wall += days{400};
  EXPECT_EQ(run("purge-answers"), 1) << "somebody says that it is the time";
}

TEST_F(HubJobs, ReviewTiersGoesThroughAllUsers) {
  for (int i = 0; i < 230; ++i) give("u" + std::to_string(i), 100, "gift:" + std::to_string(i));
  EXPECT_EQ(events("TIER_CHANGED"), 230);
  EXPECT_EQ(run("review-tiers"), 0);
  hub_.clock.advance(days{365});
  EXPECT_EQ(run("review-tiers"), 230);
  EXPECT_EQ(balance("u7").tier, "Base");
  EXPECT_EQ(run("review-tiers"), 0);
  EXPECT_EQ(events("TIER_CHANGED"), 460);
}

TEST_F(HubJobs, CheckpointGoesThroughAllAccounts) {
  constexpr int stores = 120;
  EXPECT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
    for (int i = 0; i < stores; ++i) {
      auto posted = ledger::post(t, {.id = hub_.uuids.next(),
                                     .external_id = "sale:" + std::to_string(i),
                                     .debit = ledger::issued_by(StoreId("s" + std::to_string(i))),
                                     .credit = ledger::rewards_of(CustomerId("c")),
                                     .amount = 1,
                                     .code = "sale.earned",
                                     .created_at = hub_.clock.wall});
      if (!posted) return posted;
    }
    return {};
  }));
  EXPECT_EQ(run("checkpoint"), stores);
  EXPECT_EQ(run("checkpoint"), 0);
  expect_sound();
}

TEST_F(HubJobs, CloseMonthsThatAreOverOneAfterTheOther) {
  EXPECT_EQ(run("close-month"), 0) << "there are no books";
  ASSERT_TRUE(hub_.write([&](db::Transaction& t) {
    return ledger::post(t, {.id = hub_.uuids.next(),
                            .external_id = "sale:1",
                            .debit = ledger::issued_by(StoreId("store-1")),
                            .credit = ledger::rewards_of(CustomerId("c")),
                            .amount = 1,
                            .code = "sale.earned",
                            .created_at = hub_.clock.wall});
  }));
  EXPECT_EQ(run("close-month"), 0) << "the month is not over";
  const auto first = billing::month_of(hub_.clock.wall);
  hub_.clock.wall = first.end() + billing::closing_pause + days{40};
  EXPECT_EQ(run("close-month"), 2);
  EXPECT_EQ(run("close-month"), 0);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM closed_month WHERE issue_rate = '0.07'"), 2);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM closed_month WHERE month = $1", {first.text()}), 1);
}

}  // namespace
}  // namespace perkline::hub::jobs
