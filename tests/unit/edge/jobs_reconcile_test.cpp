#include "edge/jobs/differences.hpp"
#include "edge/jobs/reconcile.hpp"
#include "tests/unit/edge/jobs_subject.hpp"

namespace perkline::edge::jobs {
namespace {

constexpr days ten_years{3652};
constexpr std::array all_statuses{Status::active, Status::calculated, Status::finalizing, Status::in_doubt,
                                  Status::queued, Status::finalized,  Status::failed,     Status::expired,
                                  Status::voided, Status::review};
constexpr std::array all_words{"active", "calculated", "finalized", "unknown"};

class ReconcileJob : public JobsTest {
 protected:
  static Report counts(std::uint64_t compared, std::uint64_t found, std::uint64_t news,
                       std::uint64_t unanswered = 0) {
    return {{"compared", compared}, {"differences", found}, {"new", news}, {"unanswered", unanswered}};
  }
  Report reconcile() {
    auto done = run(Job::reconcile);
    EXPECT_TRUE(done);
    return done ? done->report : Report{};
  }

  /// A session of PDI's that it tells of with that word.
  ProviderSessionId at_pdi(std::string_view word) {
    const MonoTime deadline = outside.time.mono + seconds{10};
    auto identified = life->run(life->pdi.identify({.customer = CustomerId("CUST-12345"),
                                                    .channel = ChannelId("POS-001"),
                                                    .transaction = TransactionId("PDI")},
                                                   deadline));
    EXPECT_TRUE(identified);
    const ProviderSessionId id = identified->session;
    const Money amount{15000, session::usd()};
    if (word == "calculated") {
      EXPECT_TRUE(life->run(
          life->pdi.calculate({.session = id, .transaction_amount = amount, .items = {}}, deadline)));
    }
    if (word == "finalized") {
      EXPECT_TRUE(life->run(life->pdi.finalize({.session = id,
                                                .transaction = TransactionId("PDI"),
                                                .final_amount = amount,
                                                .redeem = std::nullopt},
                                               deadline)));
    }
    if (word == "unknown") outside.pdi.forget(id);
    return id;
  }
  /// A session as if it had come to that by itself.
  Session made(Status status, const ProviderSessionId& at_pdi) {
    Session session{.currency = session::usd()};
    session.id = life->uuids.next_session_id();
    session.store = StoreId("store-1");
    session.customer = CustomerId("CUST-12345");
    session.channel = ChannelId("POS-001");
    session.transaction = TransactionId("T-" + session.id.str().substr(20));
    session.provider_session = at_pdi;
    session.status = status;
    session.created_at = outside.time.wall;
    session.expires_at = outside.time.wall + hours{24};
    session.traceparent = Till().traceparent;
    EXPECT_TRUE(life->run(life->store.commit(session)));
    return session;
  }
  Session made(Status status, std::string_view word) { return made(status, at_pdi(word)); }

  std::vector<sync::ReconcileDifference> told() {
    std::vector<sync::ReconcileDifference> all;
    for (const sync::Event& event : life->events()) {
      if (const auto* difference = std::get_if<sync::ReconcileDifference>(&event.payload))
        all.push_back(*difference);
    }
    return all;
  }
  std::size_t asked() const { return outside.pdi.sent(PdiCall::status); }
  std::size_t notes() {
    std::size_t count = 0;
    (void)life->journal.scan(journal::Family::meta, "reconcile.told.",
                             [&](std::string_view key, std::string_view) {
                               count += key.starts_with("reconcile.told.") ? 1 : 0;
                               return true;
                             });
    return count;
  }
};

// ---- each pair of states

class EachPair : public ReconcileJob,
                 public ::testing::WithParamInterface<std::tuple<Status, const char*>> {};

TEST_P(EachPair, IsADifferenceExactlyWhereOneBooksAreClosedAndTheOthersAreNot) {
  const auto [ours, word] = GetParam();
  const bool at_pdi_booked = std::string_view(word) == "finalized";
  const bool ended_unbooked =
      ours == Status::failed || ours == Status::expired || ours == Status::voided || ours == Status::review;
  const bool expected = ours == Status::finalized ? !at_pdi_booked : ended_unbooked && at_pdi_booked;
  const Session session = made(ours, word);
  const std::size_t asked_before = asked();
  const bool compared = ours == Status::finalized || ended_unbooked;

  EXPECT_EQ(reconcile(), counts(compared ? 1 : 0, expected ? 1 : 0, expected ? 1 : 0));
  EXPECT_EQ(asked() - asked_before, compared ? 1u : 0u);
  const auto events = told();
  ASSERT_EQ(events.size(), expected ? 1u : 0u);
  if (!expected) {
    EXPECT_TRUE(differences.empty());
    return;
  }
  EXPECT_EQ(events[0].session, session.id);
  EXPECT_EQ(events[0].transaction, session.transaction);
  EXPECT_EQ(events[0].customer, session.customer);
  EXPECT_EQ(events[0].ours, name_of(ours));
  EXPECT_EQ(events[0].pdi, word);
  EXPECT_EQ(life->events().back().traceparent, session.traceparent) << "part of the sale's trace";
  EXPECT_EQ(differences, (std::map<std::string, int>{{std::string(name_of(ours)) + '/' + word, 1}}));
  EXPECT_EQ(life->stored(session.id), session) << "it is told, not mended";
}

INSTANTIATE_TEST_SUITE_P(Reconcile, EachPair,
                         ::testing::Combine(::testing::ValuesIn(all_statuses),
                                            ::testing::ValuesIn(all_words)),
                         [](const auto& pair) {
                           return std::string(name_of(std::get<0>(pair.param))) + "_at_pdi_" +
                                  std::get<1>(pair.param);
                         });

// ---- once

TEST_F(ReconcileJob, RealSalesAgree) {
  for (int i = 0; i < 3; ++i) sold("S-" + std::to_string(i));
  EXPECT_EQ(reconcile(), counts(3, 0, 0));
  EXPECT_TRUE(told().empty());
}

TEST_F(ReconcileJob, ADifferenceIsToldOnceAlsoAcrossDaysAndRestarts) {
  made(Status::finalized, "active");
  EXPECT_EQ(reconcile(), counts(1, 1, 1));
  EXPECT_EQ(reconcile(), counts(1, 1, 0));
  away(days{1});
  EXPECT_EQ(reconcile(), counts(1, 1, 0)) << "the next day's look overlaps";
  EXPECT_EQ(told().size(), 1u);
  EXPECT_EQ(differences.size(), 1u);
}

TEST_F(ReconcileJob, ADifferenceThatHasChangedIsToldAgain) {
  const ProviderSessionId id = at_pdi("active");
  made(Status::finalized, id);
  EXPECT_EQ(reconcile(), counts(1, 1, 1));
  outside.pdi.forget(id);
  EXPECT_EQ(reconcile(), counts(1, 1, 1));
  const auto events = told();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].pdi, "active");
  EXPECT_EQ(events[1].pdi, "unknown");
}

TEST_F(ReconcileJob, ADifferenceThatWentAndCameBackIsToldAgain) {
  Session session = made(Status::review, "finalized");
  EXPECT_EQ(reconcile(), counts(1, 1, 1));
  session.version = 2;
  session.status = Status::finalized;
  ASSERT_TRUE(life->run(life->store.commit(session)));
  EXPECT_EQ(reconcile(), counts(1, 0, 0));
  EXPECT_EQ(notes(), 0u) << "nothing is left to remember";
  outside.pdi.forget(session.provider_session);
  EXPECT_EQ(reconcile(), counts(1, 1, 1));
  EXPECT_EQ(told().size(), 2u);
}

TEST_F(ReconcileJob, WhatWasToldOfIsForgottenWithTheSessionsOwnDays) {
  made(Status::finalized, "active");
  reconcile();
  EXPECT_EQ(notes(), 1u);
  away(days{3});
  EXPECT_EQ(reconcile(), counts(0, 0, 0));
  EXPECT_EQ(notes(), 0u);
}

TEST_F(ReconcileJob, WhereverItCrashesEachDifferenceIsToldOnce) {
  bool crashed = true;
  for (std::size_t steps = 1; crashed; ++steps) {
    ASSERT_LT(steps, 500u);
    for (const std::uint64_t seed : {1U, 3U}) {
      away(days{3});
      std::map<SessionId, int> expected;
      for (int i = 0; i < 2; ++i) ++expected[made(Status::finalized, "active").id];
      outside.disk.sync_time = Millis{1};
      const std::size_t before = told().size();
      crashed = run_steps(Job::reconcile, steps);
      crash(seed);
      start();
      ASSERT_EQ(reconcile()[1], (Count{"differences", 2})) << "after " << steps << " steps";
      std::map<SessionId, int> seen;
      const auto events = told();
      for (std::size_t i = before; i < events.size(); ++i) ++seen[events[i].session];
      ASSERT_EQ(seen, expected) << "after " << steps << " steps";
    }
  }
}

// ---- who is asked

TEST_F(ReconcileJob, LooksAtTwoDaysAndAtSessionsThatPdiKnows) {
  made(Status::finalized, "active");
  skip(hours{1});
  const Session second = made(Status::finalized, "active");
  made(Status::finalized, ProviderSessionId());
  skip(hours{47} + minutes{30});
  EXPECT_EQ(reconcile(), counts(1, 1, 1));
  EXPECT_EQ(told().at(0).session, second.id);
}

TEST_F(ReconcileJob, AClockThatWasYearsOffAsksForNothingOfYears) {
  for (int i = 0; i < 5; ++i) made(Status::finalized, "active");
  const std::size_t before = asked();
  away(-ten_years);
  reconcile();
  away(2 * ten_years);
  reconcile();
  EXPECT_EQ(asked(), before);
  away(-ten_years);
  EXPECT_EQ(reconcile(), counts(5, 5, 5));
}

TEST_F(ReconcileJob, AsksOneAtATime) {
  for (int i = 0; i < 100; ++i) made(Status::voided, "active");
  const MonoTime began = outside.time.mono;
  EXPECT_EQ(reconcile(), counts(100, 0, 0));
  EXPECT_GE(outside.time.mono - began, 100 * Millis{10}) << "there and back, one after another";
}

TEST_F(ReconcileJob, ASessionThatChangesMeanwhileIsComparedAsItIsThen) {
  Session session = made(Status::review, "finalized");
  outside.pdi.next(PdiCall::status, {.there = Millis{100}});
  ASSERT_TRUE(run_steps(Job::reconcile, 1));
  ASSERT_EQ(asked(), 1u);
  session.version = 2;
  session.status = Status::finalized;
  ASSERT_TRUE(life->run(life->store.commit(session)));
  pass(seconds{5});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_TRUE(told().empty()) << "a person had it retried, and now both have it";
}

// ---- PDI

TEST_F(ReconcileJob, AnAnswerThatIsNoneIsNeither) {
  made(Status::finalized, "active");
  made(Status::finalized, "active");
  for (int i = 0; i < 2; ++i) outside.pdi.next(PdiCall::status, {.lose_answer = true});
  EXPECT_EQ(reconcile(), counts(1, 1, 1, 1)) << "asked twice, and then the next";
  EXPECT_EQ(reconcile(), counts(2, 2, 1));
}

TEST_F(ReconcileJob, OneLostAnswerIsAskedForAgain) {
  made(Status::finalized, "active");
  outside.pdi.next(PdiCall::status, {.lose_request = true});
  EXPECT_EQ(reconcile(), counts(1, 1, 1));
}

TEST_F(ReconcileJob, AsksAgainOnlyAsFarAsSettlementsRetriesGo) {
  made(Status::finalized, "active");
  may_retry = false;
  outside.pdi.next(PdiCall::status, {.lose_request = true});
  const std::size_t before = asked();
  EXPECT_EQ(reconcile(), counts(0, 0, 0, 1));
  EXPECT_EQ(asked() - before, 1u);
}

TEST_F(ReconcileJob, ACallThatCouldNotBeMadeIsMadeLater) {
  made(Status::finalized, "active");
  for (int i = 0; i < 5; ++i)
    outside.pdi.next(PdiCall::status, {.refuse_to_send = test::pdi_not_sent(pdi::Outcome::not_tried)});
  outside.pdi.next(PdiCall::status,
                   {.refuse_to_send = test::pdi_not_sent(pdi::Outcome::rate_limited, seconds{10})});
  const MonoTime began = outside.time.mono;
  EXPECT_EQ(reconcile(), counts(1, 1, 1));
  EXPECT_GE(outside.time.mono - began, seconds{10}) << "as PDI had asked";
}

TEST_F(ReconcileJob, MakesNoCallWhileTheBreakerIsNotClosedAndGoesOnWhenItIs) {
  made(Status::finalized, "active");
  const std::size_t before = asked();
  closed = false;
  ASSERT_TRUE(run_steps(Job::reconcile, 5));
  pass(seconds{20});
  EXPECT_EQ(asked(), before);
  closed = true;
  open_at = outside.time.mono + seconds{5};
  pass(seconds{4});
  EXPECT_EQ(asked(), before) << "PDI has asked for patience";
  pass(seconds{3});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].second, "success");
  EXPECT_EQ(asked(), before + 1);
}

TEST_F(ReconcileJob, APdiThatStaysAwayInterruptsItAndTheNextRunGoesOnWhereItStood) {
  for (int i = 0; i < 6; ++i) made(Status::finalized, "active");
  const std::size_t before = asked();
  outside.pdi.otherwise([this, before](PdiCall) {
    if (asked() - before == 2) closed = false;
    return PdiFault{};
  });
  const MonoTime began = outside.time.mono;
  const auto interrupted = run(Job::reconcile);
  EXPECT_EQ(interrupted.error().code, Errc::pdi_unavailable);
  EXPECT_EQ(asked() - before, 3u);
  EXPECT_GE(outside.time.mono - began, seconds{30});
  EXPECT_LE(outside.time.mono - began, seconds{32}) << "the other jobs wait for their turn";
  EXPECT_EQ(results.back().second, "interrupted");
  EXPECT_EQ(gauge[Job::reconcile], std::nullopt) << "not all were asked";

  closed = true;
  outside.pdi.otherwise({});
  EXPECT_EQ(reconcile(), counts(6, 6, 6)) << "of the whole look";
  EXPECT_EQ(asked() - before, 6u) << "each was asked once";
  EXPECT_EQ(reconcile(), counts(6, 6, 0)) << "the next look begins anew";
}

TEST_F(ReconcileJob, KeepsOutOfTheRealBreakersProbes) {
  life_options.breaker = true;
  start();
  jobs.emplace(Parts{.ports = life->ports,
                     .writer = life->writer,
                     .journal = life->journal,
                     .outbox = *life->outbox,
                     .gate = {.open_at = [this] { return life->guard.open_at(); },
                              .is_closed = [this] { return life->guard.is_closed(); }}},
               options, Watch{});
  for (int i = 0; i < 12; ++i) made(Status::finalized, "active");
  const std::size_t before = asked();
  bool out = true;
  outside.pdi.otherwise([&](PdiCall) { return PdiFault{.lose_request = out}; });
  const auto interrupted = run(Job::reconcile);
  ASSERT_FALSE(interrupted);
  EXPECT_EQ(interrupted.error().code, Errc::pdi_unavailable);
  EXPECT_FALSE(life->guard.is_closed());
  EXPECT_LE(asked() - before, 5u + 10u) << "until the breaker opened; the rest are the queue's probes";
  out = false;
  ASSERT_TRUE(life->world->run_until([&] { return life->guard.is_closed(); }, minutes{10}));
  EXPECT_EQ(count_of(run(Job::reconcile), "compared"), 10) << "two had been asked and said nothing";
}

TEST_F(ReconcileJob, ADrainStopsItAfterTheCallThatIsOut) {
  for (int i = 0; i < 50; ++i) made(Status::finalized, "active");
  const std::size_t before = asked();
  ASSERT_TRUE(run_steps(Job::reconcile, 10));
  const auto drain = [](Jobs& all, MonoTime deadline) -> Task<bool> {
    co_await all.drain(deadline);
    co_return true;
  };
  life->run(drain(*jobs, outside.time.mono + seconds{10}));
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].second, "interrupted");
  EXPECT_LT(asked() - before, 10u);
  EXPECT_EQ(told().size(), asked() - before) << "what was asked is told";
}

}  // namespace
}  // namespace perkline::edge::jobs
