#include "edge/session/sessions_at_work.hpp"

#include <gtest/gtest.h>

#include "edge/journal/journal_memory.hpp"
#include "edge/session/session_store.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::edge::session {
namespace {

const SessionId first_id("sess_0190163d-8694-739b-aea5-966c26f8ad91");
const SessionId second_id("sess_0190163d-8694-739b-aea5-966c26f8ad92");

Session opened(const SessionId& id, const std::string& transaction) {
  Session session{.currency = *find_currency("USD")};
  session.id = id;
  session.transaction = TransactionId(transaction);
  return session;
}

TEST(SessionsAtWork, KeepsTheLatestOfEachAndNoMoreThanItMay) {
  SessionsAtWork at_work(2);
  const SessionId third("sess_0190163d-8694-739b-aea5-966c26f8ad93");
  at_work.keep(opened(first_id, "TXN-1"));
  at_work.keep(opened(second_id, "TXN-2"));
  at_work.keep(opened(first_id, "TXN-1b"));
  at_work.keep(opened(third, "TXN-3"));
  EXPECT_EQ(at_work.find(second_id), nullptr) << "the one that was kept longest ago";
  ASSERT_NE(at_work.find(first_id), nullptr);
  EXPECT_EQ(at_work.find(first_id)->transaction, TransactionId("TXN-1b"));
  at_work.forget(first_id);
  EXPECT_EQ(at_work.find(first_id), nullptr);
  EXPECT_NE(at_work.find(third), nullptr);
}

TEST(SessionsAtWork, RemembersWhatIsStoredOfOneThatWasTaken) {
  SessionsAtWork at_work(2);
  at_work.keep(opened(first_id, "TXN-1"));
  const auto taken = at_work.take(first_id);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->transaction, TransactionId("TXN-1"));
  EXPECT_EQ(at_work.find(first_id), nullptr);
  EXPECT_FALSE(at_work.take(first_id));
  ASSERT_NE(at_work.predecessor(first_id), nullptr);
  EXPECT_EQ(at_work.predecessor(first_id)->version, taken->version);
  EXPECT_EQ(at_work.predecessor(second_id), nullptr);
}

class SharedSessions : public ::testing::Test {
 protected:
  Result<SharedSession> commit(Session session) {
    return test::run_task(world, store.commit(std::move(session)));
  }

  test::VirtualTime time;
  test::SimWorld world{time};
  journal::MemoryDisk disk;
  journal::JournalMemory journal{disk, world.clock()};
  std::unique_ptr<journal::Outbox> outbox = std::move(*journal::Outbox::open(journal, StoreId("store-1")));
  SessionStore store{journal, *outbox};
};

TEST_F(SharedSessions, AreOneForAllAndStayAsTheyWere) {
  Session session = opened(first_id, "TXN-1");
  ASSERT_TRUE(commit(session));
  const SharedSession shared = *store.share(first_id);
  EXPECT_EQ(*store.share(first_id), shared) << "not a copy of its own";
  EXPECT_EQ(*store.take(first_id), session);
  EXPECT_EQ(*shared, session) << "somebody still looks at it";
  EXPECT_EQ(*store.share(second_id), nullptr);
  session.version = 2;
  session.status = Status::queued;
  const auto committed = commit(session);
  ASSERT_TRUE(committed);
  EXPECT_EQ(**committed, session);
  EXPECT_EQ(shared->version, 1u);
  EXPECT_EQ(**store.share(first_id), session);
  EXPECT_EQ(*store.share(first_id), *store.share(first_id)) << "it was read, and stays in memory";
}

TEST_F(SharedSessions, AreNotKeptInTheMidstOfACommit) {
  Session session = opened(first_id, "TXN-1");
  session.status = Status::queued;
  ASSERT_TRUE(commit(session));
  Session next = session;
  next.version = 2;
  std::optional<Result<SharedSession>> result;
  disk.sync_time = Millis{5};
  world.spawn([](Task<Result<SharedSession>> task, std::optional<Result<SharedSession>>& out) -> Task<void> {
    out = co_await std::move(task);
  }(store.commit(next), result));
  world.spawn([](SessionStore& from, Session durable) -> Task<void> {
    EXPECT_EQ(**from.share(first_id), durable);
    co_return;
  }(store, session));
  ASSERT_TRUE(world.run_until([&] { return result.has_value(); }));
  ASSERT_TRUE(*result);
  EXPECT_EQ(**store.share(first_id), next);
}

TEST_F(SharedSessions, ThatAreNewAreFollowedAsAnyOther) {
  Session session = opened(first_id, "TXN-1");
  ASSERT_TRUE(test::run_task(world, store.open(session, {})));
  EXPECT_EQ(*store.find(first_id), session);
  EXPECT_EQ(*store.find(TransactionId("TXN-1")), SessionStore::Named(session));
  EXPECT_EQ(commit(session).error().code, Errc::version_conflict);
  session.version = 2;
  EXPECT_TRUE(commit(session));
}

}  // namespace
}  // namespace perkline::edge::session
