#include "edge/session/session_store.hpp"

#include <gtest/gtest.h>

#include "edge/journal/journal_memory.hpp"
#include "edge/session/session_record.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::edge::session {
namespace {

using journal::Family;

const SessionId first_id("sess_0190163d-8694-739b-aea5-966c26f8ad91");
const SessionId second_id("sess_0190163d-8694-739b-aea5-966c26f8ad92");

Session opened(const SessionId& id, const std::string& transaction) {
  Session session{.currency = *find_currency("USD")};
  session.id = id;
  session.transaction = TransactionId(transaction);
  return session;
}

class Store : public ::testing::Test {
 protected:
  std::vector<SessionId> waiting() { return store.waiting("", 100)->ids; }
  std::vector<SessionId> lapsing(WallTime until) {
    return store.lapsing({.until = until + Millis{1}}, "", 10)->ids;
  }
  Result<SharedSession> commit(Session session) {
    return test::run_task(world, store.commit(std::move(session)));
  }
  Task<bool> add(ForeignReturn foreign) {
    co_await store.add(std::move(foreign),
                       {.id = {}, .time = {}, .traceparent = {}, .payload = sync::UnknownEvent{.type = 99}});
    co_return true;
  }
  Task<bool> put(Family family, std::string key, std::string value) {
    journal::Batch batch;
    batch.put(family, std::move(key), std::move(value));
    co_await journal.commit(std::move(batch));
    co_return true;
  }

  test::VirtualTime time;
  test::SimWorld world{time};
  journal::MemoryDisk disk;
  journal::JournalMemory journal{disk, world.clock()};
  std::unique_ptr<journal::Outbox> outbox = std::move(*journal::Outbox::open(journal, StoreId("store-1")));
  SessionStore store{journal, *outbox};
};

TEST_F(Store, FindsASessionByItsIdAndByItsTransaction) {
  const Session session = opened(first_id, "TXN-1");
  ASSERT_TRUE(commit(session));
  EXPECT_EQ(*store.find(first_id), session);
  EXPECT_EQ(*store.find(TransactionId("TXN-1")), SessionStore::Named(session));
  EXPECT_EQ(*store.find(second_id), std::nullopt);
  EXPECT_EQ(*store.find(TransactionId("TXN-2")), std::nullopt);
}

TEST_F(Store, FindsASaleByTheTransactionsOfItsReturns) {
  Session session = opened(first_id, "TXN-1");
  ASSERT_TRUE(commit(session));
  for (const char* transaction : {"RET-1", "RET-2"}) {
    ++session.version;
    session.returns.push_back({.transaction = TransactionId(transaction), .amount = {100, session.currency}});
    ASSERT_TRUE(commit(session));
  }
  EXPECT_EQ(*store.find(TransactionId("RET-1")), SessionStore::Named(session));
  EXPECT_EQ(*store.find(TransactionId("RET-2")), SessionStore::Named(session));
}

TEST_F(Store, FindsAReturnOfAnotherStoresSaleAndTakesItForNoSession) {
  const ForeignReturn foreign{.original_store = StoreId("store-2"),
                              .original_transaction = TransactionId("TXN-1"),
                              .goods = {.id = ReturnId("ret_0190163d-8694-739b-aea5-966c26f8ad91"),
                                        .transaction = TransactionId("RET-1"),
                                        .amount = {100, *find_currency("USD")}}};
  test::run_task(world, add(foreign));
  EXPECT_EQ(*store.find(TransactionId("RET-1")), SessionStore::Named(foreign));
  EXPECT_TRUE(store.opened_since(WallTime{}, "", 10)->ids.empty());
  EXPECT_EQ(outbox->tail(), 1u);
}

TEST_F(Store, RefusesEveryVersionButTheNext) {
  Session session = opened(first_id, "TXN-1");
  session.version = 2;
  EXPECT_EQ(commit(session).error().code, Errc::version_conflict) << "nothing is stored yet";
  session.version = 1;
  ASSERT_TRUE(commit(session));
  EXPECT_EQ(commit(session).error().code, Errc::version_conflict);
  session.version = 3;
  EXPECT_EQ(commit(session).error().code, Errc::version_conflict);
  session.version = 2;
  EXPECT_TRUE(commit(session));
}

TEST_F(Store, ReadsASessionThatATillIsAtWorkOnFromMemoryUntilItIsCommittedAgainOrEnds) {
  Session session = opened(first_id, "TXN-1");
  ASSERT_TRUE(commit(session));
  test::run_task(world, put(Family::sessions, first_id.str(), "what nobody reads"));
  EXPECT_EQ(*store.find(first_id), session);
  ASSERT_TRUE(test::run_task(world, store.replace({Kept{.session = session}})));
  EXPECT_EQ(*store.find(first_id), session) << "read again, as it was rewritten";

  session.version = 2;
  session.status = Status::calculated;
  ASSERT_TRUE(commit(session));
  EXPECT_EQ((*store.find(first_id))->status, Status::calculated);
  session.version = 3;
  session.status = Status::finalized;
  ASSERT_TRUE(commit(session));
  EXPECT_EQ((*store.find(first_id))->status, Status::finalized);
  test::run_task(world, put(Family::sessions, first_id.str(), "what is read"));
  EXPECT_FALSE(store.find(first_id)) << "nobody goes back to it soon";
}

TEST_F(Store, OneThatIsTakenAndNotCommittedIsStillTheOneThatIsStored) {
  Session session = opened(first_id, "TXN-1");
  ASSERT_TRUE(commit(session));
  EXPECT_EQ(*store.take(first_id), session);
  EXPECT_EQ(*store.find(first_id), session) << "read again";
  EXPECT_EQ(commit(session).error().code, Errc::version_conflict);
  session.version = 2;
  EXPECT_TRUE(commit(session));
}

TEST_F(Store, OfTwoCommitsAtOnceOneIsRefused) {
  ASSERT_TRUE(commit(opened(first_id, "TXN-1")));
  Session session = opened(first_id, "TXN-1");
  session.version = 2;
  std::vector<Result<SharedSession>> results;
  for (int i = 0; i < 2; ++i) {
    world.spawn([](Task<Result<SharedSession>> task, std::vector<Result<SharedSession>>& out) -> Task<void> {
      out.push_back(co_await std::move(task));
    }(store.commit(session), results));
  }
  ASSERT_TRUE(world.run_until([&] { return results.size() == 2; }));
  EXPECT_NE(results[0].has_value(), results[1].has_value());
  EXPECT_EQ((*store.find(first_id))->version, 2u);
}

TEST_F(Store, ASessionWaitsExactlyWhileItHasANextAttempt) {
  Session late = opened(first_id, "TXN-1");
  late.next_attempt_at = time.wall + hours{2};
  Session early = opened(second_id, "TXN-2");
  early.next_attempt_at = time.wall + hours{1};
  ASSERT_TRUE(commit(late));
  ASSERT_TRUE(commit(early));
  EXPECT_EQ(waiting(), (std::vector{second_id, first_id}));
  EXPECT_EQ(*store.waiting_since(), time.wall + hours{1});

  late.version = 2;
  late.next_attempt_at = time.wall;
  ASSERT_TRUE(commit(late));
  EXPECT_EQ(waiting(), (std::vector{first_id, second_id})) << "moved, not doubled";
  EXPECT_EQ(store.waiting_count(), 2u);

  late.version = 3;
  late.next_attempt_at.reset();
  ASSERT_TRUE(commit(late));
  EXPECT_EQ(waiting(), std::vector{second_id});
  EXPECT_EQ(store.waiting_count(), 1u);
  ASSERT_TRUE(store.count());
  EXPECT_EQ(store.waiting_count(), 1u) << "what the journal holds";
}

TEST_F(Store, ThoseThatWaitAreReadPageByPage) {
  for (int i = 0; i < 5; ++i) {
    Session session = opened(SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad0" + std::to_string(i)),
                             "TXN-" + std::to_string(i));
    session.next_attempt_at = time.wall;
    ASSERT_TRUE(commit(session));
  }
  std::vector<SessionId> seen;
  std::string from;
  do {
    const auto page = store.waiting(from, 2);
    ASSERT_TRUE(page);
    EXPECT_LE(page->ids.size(), 2u);
    seen.insert(seen.end(), page->ids.begin(), page->ids.end());
    from = page->next;
  } while (!from.empty());
  EXPECT_EQ(seen, waiting());
  EXPECT_EQ(seen.size(), 5u);
}

TEST_F(Store, AReviewIsListedUntilItIsDecided) {
  Session session = opened(first_id, "TXN-1");
  session.status = Status::review;
  ASSERT_TRUE(commit(session));
  EXPECT_EQ(store.reviews("", 10)->ids, std::vector{first_id});
  EXPECT_EQ(store.review_count(), 1u);
  session.version = 2;
  session.status = Status::failed;
  ASSERT_TRUE(commit(session));
  EXPECT_TRUE(store.reviews("", 10)->ids.empty());
  EXPECT_EQ(store.review_count(), 0u);
}

TEST_F(Store, ASessionLapsesFromItsTimeOnExactlyWhileItMay) {
  Session session = opened(first_id, "TXN-1");
  session.expires_at = time.wall + hours{24};
  ASSERT_TRUE(commit(session));
  EXPECT_TRUE(lapsing(time.wall + hours{24} - Millis{1}).empty());
  EXPECT_EQ(lapsing(time.wall + hours{24}), std::vector{first_id});
  for (const Status status :
       {Status::finalizing, Status::calculated, Status::finalizing, Status::finalized}) {
    ++session.version;
    session.status = status;
    ASSERT_TRUE(commit(session));
    EXPECT_EQ(lapsing(time.wall + hours{24}).size(), status == Status::calculated ? 1u : 0u);
  }
}

TEST_F(Store, OneFromBeforeThereWasAPlaceForItGetsItOnce) {
  Session session = opened(first_id, "TXN-1");
  session.expires_at = time.wall;
  ASSERT_TRUE(test::run_task(world, put(Family::sessions, first_id.str(), encode(session))));
  EXPECT_TRUE(lapsing(time.wall).empty());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(test::run_task(world, store.index_expiry(first_id)));
    EXPECT_EQ(lapsing(time.wall), std::vector{first_id});
  }
  ASSERT_TRUE(test::run_task(world, store.index_expiry(second_id))) << "there is no such session";
  EXPECT_EQ(lapsing(time.wall), std::vector{first_id});
}

TEST_F(Store, AnArchivedSessionIsFoundAsBeforeAndListedNoMore) {
  Session session = opened(first_id, "TXN-1");
  session.status = Status::finalized;
  ASSERT_TRUE(commit(session));
  ASSERT_EQ(store.opened_since({}, "", 10)->ids, std::vector{first_id});
  ASSERT_TRUE(test::run_task(world, store.archive({session}, time.wall)));
  EXPECT_EQ(*store.find(first_id), session);
  EXPECT_EQ(*store.find(TransactionId("TXN-1")), SessionStore::Named(session));
  EXPECT_EQ((*store.look_up(first_id))->archived_at, time.wall);
  EXPECT_TRUE(store.opened_since({}, "", 10)->ids.empty());
  EXPECT_EQ(store.archived_of({.until = time.wall}, "", 10)->ids, std::vector{first_id});
}

TEST_F(Store, AChangeOfAnArchivedSessionLeavesItWhereItLies) {
  Session session = opened(first_id, "TXN-1");
  session.status = Status::finalized;
  ASSERT_TRUE(commit(session));
  ASSERT_TRUE(test::run_task(world, store.archive({session}, time.wall)));
  EXPECT_EQ(commit(session).error().code, Errc::version_conflict);
  session.version = 2;
  session.reason = "goods came back";
  ASSERT_TRUE(commit(session));
  EXPECT_EQ(*store.find(TransactionId("TXN-1")), SessionStore::Named(session));
  EXPECT_EQ((*store.look_up(first_id))->archived_at, time.wall) << "its age is its own";
  EXPECT_TRUE(store.opened_since({}, "", 10)->ids.empty()) << "one record, not two";
}

TEST_F(Store, AForgottenSessionsTransactionIsFree) {
  Session session = opened(first_id, "TXN-1");
  session.status = Status::finalized;
  session.returns.push_back({.transaction = TransactionId("RET-1"), .amount = {100, session.currency}});
  ASSERT_TRUE(commit(session));
  ASSERT_TRUE(test::run_task(world, store.archive({session}, time.wall)));
  ASSERT_TRUE(test::run_task(world, store.remove({session})));
  EXPECT_EQ(*store.find(first_id), std::nullopt);
  EXPECT_EQ(*store.find(TransactionId("TXN-1")), std::nullopt);
  EXPECT_EQ(*store.find(TransactionId("RET-1")), std::nullopt);
  ASSERT_TRUE(commit(opened(second_id, "TXN-1")));
  EXPECT_EQ(std::get<Session>(**store.find(TransactionId("TXN-1"))).id, second_id);
}

TEST_F(Store, NothingIsArchivedInTheMidstOfItsCommit) {
  Session session = opened(first_id, "TXN-1");
  session.status = Status::finalized;
  ASSERT_TRUE(commit(session));
  Session next = session;
  next.version = 2;
  std::vector<Result<void>> results;
  const auto collect = []<class T>(Task<Result<T>> task, std::vector<Result<void>>& out) -> Task<void> {
    auto result = co_await std::move(task);
    out.push_back(result ? Result<void>{} : failure(result));
  };
  disk.sync_time = Millis{5};
  world.spawn(collect(store.commit(next), results));
  world.spawn(collect(store.archive({session}, time.wall), results));
  ASSERT_TRUE(world.run_until([&] { return results.size() == 2; }));
  EXPECT_EQ(results[0].error().code, Errc::version_conflict) << "the archiving";
  EXPECT_TRUE(results[1]);
  EXPECT_EQ(*store.find(first_id), next);
}

TEST_F(Store, TellsEachStepToWhoWatches) {
  std::vector<Status> steps;
  store.on_step([&](Status to) { steps.push_back(to); });
  Session session = opened(first_id, "TXN-1");
  ASSERT_TRUE(commit(session));
  session.version = 2;
  session.status = Status::calculated;
  ASSERT_TRUE(commit(session));
  EXPECT_EQ(steps, (std::vector{Status::active, Status::calculated}));
}

TEST_F(Store, DamageIsToldNeverSkipped) {
  ASSERT_TRUE(test::run_task(world, put(Family::sessions, first_id.str(), "\x01garbage")));
  EXPECT_EQ(store.find(first_id).error().code, Errc::corrupt);
  ASSERT_TRUE(test::run_task(world, put(Family::by_transaction, "TXN-9", second_id.str())));
  EXPECT_EQ(store.find(TransactionId("TXN-9")).error().code, Errc::corrupt) << "its session is missing";
  ASSERT_TRUE(test::run_task(world, put(Family::due, "short", "")));
  EXPECT_EQ(store.waiting("", 10).error().code, Errc::corrupt);
}

TEST_F(Store, FindsWhoWaitsLongestWhicheverWayTheClockGoes) {
  ASSERT_TRUE(store.count());
  const auto due = [&](const SessionId& id, std::uint64_t version, std::optional<WallTime> when) {
    Session session = opened(id, "TXN-" + id.str());
    session.version = version;
    session.status = when ? Status::queued : Status::finalized;
    session.next_attempt_at = when;
    ASSERT_TRUE(commit(session));
  };
  using Ids = std::vector<SessionId>;
  for (int round = 0; round < 2; ++round) {
    const auto version = static_cast<std::uint64_t>(2 * round);
    const WallTime now = time.wall - hours{round};
    due(first_id, version + 1, now);
    EXPECT_EQ(*store.waiting_since(), now);
    due(second_id, version + 1, now - minutes{1});
    EXPECT_EQ(*store.waiting_since(), now - minutes{1});
    EXPECT_EQ(waiting(), (Ids{second_id, first_id}));
    due(second_id, version + 2, std::nullopt);
    EXPECT_EQ(*store.waiting_since(), now);
    EXPECT_EQ(waiting(), Ids{first_id});
    due(first_id, version + 2, std::nullopt);
    EXPECT_EQ(*store.waiting_since(), std::nullopt);
    EXPECT_EQ(waiting(), Ids{});
  }
}

// ---- how many in which state

class Counted : public Store {
 protected:
  /// As `store` counts them, and as a start does.
  void expect(std::vector<std::pair<Status, std::size_t>> counts) {
    SessionStore started(journal, *outbox);
    ASSERT_TRUE(started.count());
    for (const SessionStore* each : {&store, &started}) {
      for (const Status status : {Status::active, Status::calculated, Status::finalizing, Status::in_doubt,
                                  Status::queued, Status::review}) {
        std::size_t wanted = 0;
        for (const auto& [of, count] : counts) wanted = of == status ? count : wanted;
        EXPECT_EQ(each->open_count(status), wanted)
            << name_of(status) << (each == &store ? " in one life" : " after a start");
      }
    }
  }
  Session next(Session session, Status status) {
    session.status = status;
    ++session.version;
    session.next_attempt_at.reset();
    if (awaits_pdi(session)) session.next_attempt_at = time.wall;
    EXPECT_TRUE(commit(session));
    return session;
  }
};

TEST_F(Counted, EachStateIsCountedInOneLifeAndByAStartAlike) {
  expect({});
  Session first = opened(first_id, "TXN-1");
  Session second = opened(second_id, "TXN-2");
  ASSERT_TRUE(commit(first));
  ASSERT_TRUE(commit(second));
  expect({{Status::active, 2}});
  first = next(first, Status::calculated);
  expect({{Status::active, 1}, {Status::calculated, 1}});
  first = next(first, Status::finalizing);
  expect({{Status::active, 1}, {Status::finalizing, 1}});
  first = next(first, Status::in_doubt);
  expect({{Status::active, 1}, {Status::in_doubt, 1}});
  first = next(first, Status::finalizing);
  first = next(first, Status::in_doubt);
  first = next(first, Status::review);
  expect({{Status::active, 1}, {Status::review, 1}});
  first = next(first, Status::failed);
  second = next(second, Status::voided);
  expect({});
}

TEST_F(Counted, PlacesHoldTheStatusAsItIsStored) {
  Session session = opened(first_id, "TXN-1");
  ASSERT_TRUE(commit(session));
  const auto only = [&](Family family) { return (*journal.last(family)).value_or(journal::Entry{}).value; };
  EXPECT_EQ(only(Family::expiry), "\x01");
  session = next(session, Status::calculated);
  EXPECT_EQ(only(Family::expiry), "\x02");
  session = next(session, Status::queued);
  EXPECT_EQ(only(Family::due), "\x05");
  EXPECT_FALSE(journal.last(Family::expiry)->has_value());
}

TEST_F(Counted, AnEarlierVersionsPlacesAreReadByTheirSessions) {
  Session session = opened(first_id, "TXN-1");
  ASSERT_TRUE(commit(session));
  session = next(session, Status::queued);
  const std::string key = (*journal.last(Family::due))->key;
  ASSERT_TRUE(test::run_task(world, put(Family::due, key, "")));
  expect({{Status::queued, 1}});
}

TEST_F(Counted, AStatusOfANewerVersionIsToldSo) {
  ASSERT_TRUE(test::run_task(world, put(Family::due, "12345678sess_x", "\x7f")));
  SessionStore started(journal, *outbox);
  EXPECT_EQ(started.count().error().code, Errc::newer_format);
}

}  // namespace
}  // namespace perkline::edge::session
