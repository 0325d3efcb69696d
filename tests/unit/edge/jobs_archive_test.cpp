#include "edge/jobs/archive.hpp"
#include "edge/jobs/retention.hpp"
#include "tests/unit/edge/jobs_subject.hpp"

namespace perkline::edge::jobs {
namespace {

using session::Answer;
using session::Kept;

constexpr days ten_years{3652};
constexpr std::array all_statuses{Status::active, Status::calculated, Status::finalizing, Status::in_doubt,
                                  Status::queued, Status::finalized,  Status::failed,     Status::expired,
                                  Status::voided, Status::review};

class ArchiveJob : public JobsTest {
 protected:
  Report archive() {
    auto done = run(Job::archive);
    EXPECT_TRUE(done);
    return done ? done->report : Report{};
  }
  static Report counts(std::uint64_t archived, std::uint64_t removed, std::uint64_t returns = 0) {
    return {{"archived", archived}, {"removed", removed}, {"returnsRemoved", returns}, {"claimsRemoved", 0}};
  }
  bool is_archived(const Till& till) {
    const auto kept = life->store.look_up(till.session);
    EXPECT_TRUE(kept && *kept);
    return (*kept)->archived_at.has_value();
  }
  bool is_gone(const SessionId& id) {
    const auto kept = life->store.look_up(id);
    EXPECT_TRUE(kept);
    return !*kept;
  }
  /// A session as if it had come to that by itself.
  Session made(Status status, const std::string& transaction) {
    Session session{.currency = session::usd()};
    session.id = life->uuids.next_session_id();
    session.store = StoreId("store-1");
    session.customer = CustomerId("CUST-12345");
    session.channel = ChannelId("POS-001");
    session.transaction = TransactionId(transaction);
    session.status = status;
    session.created_at = outside.time.wall;
    session.expires_at = outside.time.wall + hours{24};
    EXPECT_TRUE(life->run(life->store.commit(session)));
    return session;
  }
  /// The store's days, one after another, with the job in each night.
  void nights(int count) {
    for (int i = 0; i < count; ++i) {
      away(days{1});
      ASSERT_TRUE(run_when_due(Job::archive));
    }
  }
  void set_clock(Millis by) {
    end();
    outside.time.wall += by;
    start();
  }
};

// ---- the rules

TEST(Retention, OnlyWhatHasEndedAndIsOldEnoughIsArchived) {
  const WallTime now = *parse_time("2026-03-01T02:00:00Z");
  for (const Status status : all_statuses) {
    Session session{.currency = session::usd()};
    session.status = status;
    session.created_at = now - days{3000};
    EXPECT_EQ(may_archive(session, now), session::is_end(status)) << name_of(status);
    session.created_at = now - archive_age + Millis{1};
    EXPECT_FALSE(may_archive(session, now)) << name_of(status);
  }
  Session late{.currency = session::usd()};
  late.status = Status::finalized;
  late.created_at = now - days{60};
  late.finalized_at = now - days{29};
  EXPECT_FALSE(may_archive(late, now)) << "it was a review for a month";
  late.finalized_at = now - days{30};
  EXPECT_TRUE(may_archive(late, now));
  late.returns.push_back({.amount = {100, session::usd()}, .returned_at = now - days{1}});
  EXPECT_FALSE(may_archive(late, now)) << "goods have come back";
}

TEST(Retention, WhatIsNotArchivedOrHasNotEndedIsNeverForgotten) {
  const WallTime now = *parse_time("2026-03-01T02:00:00Z");
  for (const Status status : all_statuses) {
    Kept kept{.session = {.currency = session::usd()}};
    kept.session.status = status;
    kept.session.created_at = now - days{3000};
    for (const ClockTrust trust : {ClockTrust::none, ClockTrust::usual, ClockTrust::vouched}) {
      kept.archived_at.reset();
      EXPECT_FALSE(may_forget(kept, now, days{400}, trust)) << name_of(status);
      kept.archived_at = now - days{2970};
      EXPECT_EQ(may_forget(kept, now, days{400}, trust), trust != ClockTrust::none && session::is_end(status))
          << name_of(status);
    }
  }
}

TEST(Retention, ForgettingCountsFromTheLaterOfTwoClockReadingsUnlessAPersonVouches) {
  const WallTime now = *parse_time("2026-03-01T02:00:00Z");
  Kept kept{.session = {.currency = session::usd()}, .archived_at = now - days{10}};
  kept.session.status = Status::finalized;
  kept.session.created_at = now - ten_years;
  EXPECT_FALSE(may_forget(kept, now, days{400}, ClockTrust::usual)) << "made while the clock was behind";
  EXPECT_TRUE(may_forget(kept, now + days{360}, days{400}, ClockTrust::usual));
  EXPECT_TRUE(may_forget(kept, now, days{400}, ClockTrust::vouched));
  kept.session.created_at = now - days{400};
  kept.archived_at = now + ten_years;
  EXPECT_TRUE(may_forget(kept, now, days{400}, ClockTrust::usual)) << "archived while the clock was ahead";
  kept.session.created_at = now + ten_years;
  EXPECT_FALSE(may_forget(kept, now, days{400}, ClockTrust::usual));
  EXPECT_FALSE(may_forget(kept, now, days{400}, ClockTrust::vouched));
}

TEST(Retention, AClockIsTrustedThatAgreesWithTheLastRuns) {
  const WallTime now = *parse_time("2026-03-01T02:00:00Z");
  EXPECT_EQ(trust_in(now, std::nullopt), ClockTrust::none);
  EXPECT_EQ(trust_in(now, now - days{8}), ClockTrust::usual);
  EXPECT_EQ(trust_in(now, now - days{8} - Millis{1}), ClockTrust::none);
  EXPECT_EQ(trust_in(now, now + ten_years), ClockTrust::none);
}

TEST(Retention, WhatTheHubHasAcknowledgedGrowsOldFromLookToLook) {
  WallTime now = *parse_time("2026-03-01T02:00:00Z");
  AckedAges ages;
  // A look an hour, a hundred events between two.
  std::uint64_t acked = 0;
  for (int hour = 0; hour < 24 * 30; ++hour, now += hours{1}) {
    ages.look(now, acked += 100, days{7});
    const std::uint64_t old = ages.old_through(days{7});
    const std::uint64_t really_old = hour < 7 * 24 ? 0 : acked - 7 * 24 * 100;
    ASSERT_LE(old, really_old) << hour;
    ASSERT_GE(old + 22 * 100, really_old) << hour << ": an eighth of the week, and an hour, late at most";
    ages = AckedAges::decode(ages.encode()).value();
  }
  EXPECT_LE(ages.encode().size(), 12u * 16);
  EXPECT_FALSE(AckedAges::decode(""));
  EXPECT_FALSE(AckedAges::decode(ages.encode() + "8 bytes!"));
}

TEST(Retention, AStoreThatIsSwitchedOffAtNightPrunesAllTheSame) {
  WallTime now = *parse_time("2026-03-01T08:00:00Z");
  AckedAges ages;
  std::uint64_t acked = 0;
  for (int day = 0; day < 20; ++day, now += hours{12}) {
    for (int hour = 0; hour < 12; ++hour, now += hours{1}) ages.look(now, ++acked, days{7});
  }
  EXPECT_GE(ages.old_through(days{7}), 11u * 12);
}

TEST(Retention, AJumpOfTheClockAddsADayAtMost) {
  const WallTime now = *parse_time("2026-03-01T02:00:00Z");
  AckedAges ages;
  ages.look(now, 5, days{7});
  for (const Millis wrong : {Millis{ten_years}, Millis{days{7}}, -Millis{ten_years}}) {
    ages.look(now + wrong, 5, days{7});
    ages.look(now, 5, days{7});
  }
  EXPECT_EQ(ages.old_through(days{4}), 0u);
  EXPECT_EQ(ages.old_through(days{2}), 5u);
}

TEST(Retention, WithNothingToKeepWhatIsAcknowledgedIsOldAtOnce) {
  AckedAges ages;
  for (std::uint64_t acked = 1; acked < 100; ++acked) {
    ages.look(WallTime{}, acked, days{0});
    ASSERT_EQ(ages.old_through(days{0}), acked);
  }
  EXPECT_EQ(ages.encode().size(), 2u * 16);
}

// ---- the job

TEST_F(ArchiveJob, ASaleOfAMonthAgoIsArchivedAndItsCallsAreReplayedByteForByte) {
  const Till till = calculated("T-1");
  const auto identified = life->run(life->flows.identify(till.identify_request()));
  const auto priced = life->calculate(till);
  const auto told = life->finalize(till);
  const auto status = life->run(life->flows.status(till.session));
  ASSERT_TRUE(identified && priced && told && status);
  away(days{31});
  EXPECT_EQ(archive(), counts(1, 0));
  EXPECT_TRUE(is_archived(till));
  EXPECT_TRUE(life->store.opened_since({}, "", 10)->ids.empty());

  const auto again = life->finalize(till);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->body, told->body);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(life->calculate(till)->body, priced->body);
  EXPECT_EQ(life->run(life->flows.identify(till.identify_request()))->body, identified->body);
  EXPECT_EQ(life->run(life->flows.status(till.session))->body, status->body);
  Till other = till;
  other.final_amount.minor += 1;
  EXPECT_EQ(life->finalize(other).error().code, Errc::transaction_reused);
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
}

TEST_F(ArchiveJob, GoodsOfAnArchivedSaleComeBackOnceAndAreToldOnce) {
  const Till till = sold("T-1");
  away(days{31});
  ASSERT_EQ(archive(), counts(1, 0));
  const session::ReturnRequest request{.original_transaction = till.transaction,
                                       .transaction = TransactionId("R-1"),
                                       .amount = {5000, session::usd()},
                                       .original_store = std::nullopt};
  const auto returned = life->run(life->flows.return_goods(request, till.traceparent));
  ASSERT_TRUE(returned);
  EXPECT_EQ(returned->status, 200);
  EXPECT_TRUE(is_archived(till)) << "changed where it lies";
  EXPECT_TRUE(life->store.opened_since({}, "", 10)->ids.empty());
  const auto again = life->run(life->flows.return_goods(request, till.traceparent));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->body, returned->body);
  EXPECT_EQ(life->stored(till.session).returns.size(), 1u);
}

TEST_F(ArchiveJob, WhatIsYoungerThanAMonthStays) {
  const Till till = sold("T-1");
  away(days{30} - minutes{1});
  EXPECT_EQ(archive(), counts(0, 0));
  EXPECT_FALSE(is_archived(till));
}

TEST_F(ArchiveJob, WhatHasNotEndedNeverGoes) {
  std::vector<Session> sessions;
  for (const Status status : all_statuses)
    sessions.push_back(made(status, "T-" + std::string(name_of(status))));
  away(days{31});
  EXPECT_EQ(archive(), counts(4, 0));
  away(days{370});
  EXPECT_EQ(archive(), counts(0, 4));
  for (const Session& session : sessions) {
    const auto kept = life->store.look_up(session.id);
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->has_value(), !session::is_end(session.status)) << name_of(session.status);
    if (*kept) EXPECT_EQ((*kept)->session, session);
    const auto named = life->store.find(session.transaction);
    ASSERT_TRUE(named);
    EXPECT_EQ(named->has_value(), !session::is_end(session.status)) << name_of(session.status);
  }
}

TEST_F(ArchiveJob, ASaleIsForgottenAfterItsDaysAndItsTransactionMayNameAnother) {
  options.session_keep = days{60};
  away(Millis{0});
  const Till till = sold("T-1");
  nights(59);
  EXPECT_TRUE(is_archived(till));
  EXPECT_TRUE(life->finalize(till)->replayed);
  nights(2);
  EXPECT_TRUE(is_gone(till.session));
  EXPECT_EQ(life->run(life->flows.status(till.session)).error().code, Errc::not_found);

  Till next = till;
  next.session = life->identify(next);
  EXPECT_NE(next.session, till.session) << "a new session";
  ASSERT_TRUE(life->calculate(next));
  EXPECT_FALSE(life->finalize(next)->replayed);
  EXPECT_EQ(outside.pdi.ledger().size(), 2u);
}

TEST_F(ArchiveJob, ThirtyDaysIsTheLeastThatASaleIsKept) {
  options.session_keep = days{30};
  away(Millis{0});
  const Till till = sold("T-1");
  nights(29);
  EXPECT_FALSE(is_gone(till.session));
  nights(3);
  EXPECT_TRUE(is_gone(till.session));
}

TEST_F(ArchiveJob, ReturnsOfOtherStoresSalesAreForgottenWithTheirNames) {
  const session::ReturnRequest request{.original_transaction = TransactionId("ELSEWHERE-1"),
                                       .transaction = TransactionId("R-1"),
                                       .amount = {5000, session::usd()},
                                       .original_store = StoreId("store-2")};
  ASSERT_TRUE(life->run(life->flows.return_goods(request, "")));
  away(days{399});
  archive();
  ASSERT_TRUE(life->run(life->flows.return_goods(request, ""))->replayed);
  away(days{2});
  EXPECT_EQ(archive(), counts(0, 0, 1));
  EXPECT_FALSE(life->store.find(TransactionId("R-1"))->has_value());
}

// ---- clocks

TEST_F(ArchiveJob, AClockThatStartsTenYearsAheadForgetsNothing) {
  const Till till = sold("T-1");
  nights(1);
  set_clock(ten_years);
  ASSERT_TRUE(run_when_due(Job::archive));
  EXPECT_TRUE(is_archived(till)) << "found and replayed wherever it lies";
  EXPECT_TRUE(life->finalize(till)->replayed);
  set_clock(-ten_years);
  nights(2);
  EXPECT_TRUE(life->finalize(till)->replayed);
  nights(395);
  EXPECT_FALSE(is_gone(till.session));
  nights(3);
  EXPECT_TRUE(is_gone(till.session)) << "by the right clock";
}

TEST_F(ArchiveJob, AWallClockThatJumpsUnderARunningDaemonAgesNothing) {
  const Till till = sold("T-1");
  archive();
  outside.time.wall += ten_years;
  EXPECT_EQ(archive(), counts(0, 0));
  EXPECT_EQ(archive(), counts(0, 0));
  EXPECT_FALSE(is_archived(till));
}

TEST_F(ArchiveJob, ASaleMadeWhileTheClockWasTenYearsBehindIsKeptAsLongAsAny) {
  set_clock(-ten_years);
  const Till till = sold("T-1");
  set_clock(ten_years);
  ASSERT_TRUE(run_when_due(Job::archive));
  EXPECT_TRUE(is_archived(till)) << "it looks old";
  nights(369);
  EXPECT_TRUE(life->finalize(till)->replayed);
  nights(2);
  EXPECT_TRUE(is_gone(till.session));
}

TEST_F(ArchiveJob, AStoreThatWasClosedForTwoWeeksForgetsANightLaterOrByHand) {
  for (const bool by_hand : {false, true}) {
    const Till till = sold(by_hand ? "T-1" : "T-2");
    away(days{31});
    archive();
    away(days{359});
    archive();
    away(days{14});
    ASSERT_TRUE(run_when_due(Job::archive));
    EXPECT_FALSE(is_gone(till.session)) << "a clock that says so may be wrong";
    by_hand ? void(archive()) : nights(1);
    EXPECT_TRUE(is_gone(till.session));
  }
}

// ---- batches, tills, crashes

TEST_F(ArchiveJob, MovesManyInFewBatches) {
  for (int i = 0; i < 200; ++i) made(Status::finalized, "T-" + std::to_string(i));
  away(days{31});
  const std::uint64_t syncs = outside.disk.syncs;
  EXPECT_EQ(archive(), counts(200, 0));
  EXPECT_LE(outside.disk.syncs - syncs, 6u) << "64 at a time, and the note of the success";
  EXPECT_EQ(life->store.archived_of({.until = outside.time.wall}, "", 1000)->ids.size(), 200u);
}

TEST_F(ArchiveJob, ASessionThatIsBeingChangedIsLeftForTheNextNight) {
  const Till till = sold("T-1");
  away(days{31});
  auto turn = life->run(life->locks.acquire("state:" + till.session.str(), outside.time.mono + seconds{1}));
  ASSERT_TRUE(turn);
  EXPECT_EQ(archive(), counts(0, 0));
  *turn = {};
  EXPECT_EQ(archive(), counts(1, 0));
}

TEST_F(ArchiveJob, ADrainStopsItBetweenTwoBatchesAndTheNextRunGoesOn) {
  for (int i = 0; i < 640; ++i) made(Status::finalized, "T-" + std::to_string(i));
  away(days{31});
  outside.disk.sync_time = Millis{1};
  ASSERT_TRUE(run_steps(Job::archive, 6));
  const auto drain = [](Jobs& all, MonoTime deadline) -> Task<bool> {
    co_await all.drain(deadline);
    co_return true;
  };
  const MonoTime began = outside.time.mono;
  life->run(drain(*jobs, outside.time.mono + seconds{10}));
  EXPECT_LT(outside.time.mono - began, Millis{100});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].second, "interrupted");
  EXPECT_EQ(run(Job::archive).error().code, Errc::cancelled) << "none begins any more";
  const std::size_t moved = life->store.archived_of({.until = outside.time.wall}, "", 1000)->ids.size();
  EXPECT_GT(moved, 0u);
  EXPECT_LT(moved, 640u);
  start();
  EXPECT_EQ(archive(), counts(640 - moved, 0));
}

TEST_F(ArchiveJob, WhereverItCrashesEachSaleLiesInOnePlaceAndIsReplayed) {
  bool crashed = true;
  for (std::size_t steps = 1; crashed; ++steps) {
    ASSERT_LT(steps, 500u);
    for (const std::uint64_t seed : {1U, 3U}) {
      std::vector<Session> sales;
      for (int i = 0; i < 3; ++i)
        sales.push_back(made(Status::finalized,
                             "T-" + std::to_string(steps) + '-' + std::to_string(seed) + std::to_string(i)));
      away(days{31});
      outside.disk.sync_time = Millis{1};
      crashed = run_steps(Job::archive, steps);
      crash(seed);
      start();
      const auto here = life->store.opened_since({}, "", 100)->ids.size();
      const auto there =
          life->store.archived_of({.since = sales.front().created_at, .until = outside.time.wall}, "", 100)
              ->ids.size();
      ASSERT_EQ(here + there, 3u) << "after " << steps << " steps";
      for (const Session& sale : sales) {
        ASSERT_EQ(*life->store.find(sale.id), sale);
        ASSERT_TRUE(life->store.find(sale.transaction)->has_value());
      }
      archive();
      ASSERT_TRUE(life->store.opened_since({}, "", 100)->ids.empty());
    }
  }
}

TEST_F(ArchiveJob, WhereverForgettingCrashesASaleIsWhollyThereOrWhollyGone) {
  bool crashed = true;
  for (std::size_t steps = 1; crashed; ++steps) {
    ASSERT_LT(steps, 500u);
    for (const std::uint64_t seed : {1U, 3U}) {
      const Session sale = made(Status::finalized, "T-" + std::to_string(steps) + '-' + std::to_string(seed));
      away(days{399});
      archive();
      away(days{2});
      outside.disk.sync_time = Millis{1};
      crashed = run_steps(Job::archive, steps);
      crash(seed);
      start();
      ASSERT_EQ(life->store.find(sale.id)->has_value(), life->store.find(sale.transaction)->has_value());
      archive();
      ASSERT_TRUE(is_gone(sale.id));
    }
  }
}

}  // namespace
}  // namespace perkline::edge::jobs
