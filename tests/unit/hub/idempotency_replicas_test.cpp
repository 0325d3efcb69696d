#include <future>
#include <thread>

#include <gtest/gtest.h>

#include "hub/api/idempotency.hpp"
#include "hub/db/migrate.hpp"
#include "hub/db/open.hpp"
#include "hub/events/event_log.hpp"
#include "tests/support/running_reactor.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/hub/hub_database.hpp"

namespace perkline::hub::api {
namespace {

constexpr const char* trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A hub of several on one database: a reactor, a database and its keyed calls.
class Replica {
 public:
  explicit Replica(const std::string& url) {
    reactor_.run([&] {
      database_ = db::open_database(*reactor_, url).value();
      calls_.emplace(*database_, reactor_->clock());
    });
  }
  ~Replica() {
    reactor_.run([&] {
      calls_.reset();
      database_.reset();
    });
  }
  db::Database& database() { return *database_; }
  test::RunningReactor& reactor() { return reactor_; }
  net::Response answer(IdempotentCalls::Effect effect) {
    net::Request request;
    request.method = net::Method::post;
    request.headers.add("Idempotency-Key", "k");
    request.principal.id = "user";
    auto call = keyed_call_of(request, "/things").value();
    return reactor_.await(calls_->answer(std::move(call), trace, std::move(effect)));
  }

 private:
  test::RunningReactor reactor_;
  std::unique_ptr<db::Database> database_;
  std::optional<IdempotentCalls> calls_;
};

class IdempotencyReplicas : public ::testing::Test {
 protected:
  IdempotencyReplicas() { EXPECT_TRUE(first_.reactor().await(db::migrate(first_.database(), clock_, ids_))); }

  /// Leaves an event behind and answers 201 with its id.
  IdempotentCalls::Effect effect(std::function<void()> before = {}) {
    return [before = std::move(before),
            id = ids_.next()](db::Transaction& transaction) -> Result<net::Response> {
      if (before) before();
      auto appended = events::append(
          transaction,
          {.id = id, .type = "THING", .occurred_at = WallTime{}, .traceparent = "", .data = "{}"});
      if (!appended) return failure(appended);
      return net::json_response(201, R"({"id":")" + id.str() + "\"}");
    };
  }
  std::int64_t effects() {
    return first_.reactor()
        .await(db::read_for<std::int64_t>(first_.database(),
                                          [](db::Transaction& transaction) -> Result<std::int64_t> {
                                            auto rows =
                                                transaction.query("SELECT COUNT(*) FROM event_outbox");
                                            if (!rows) return failure(rows);
                                            return rows->front().integer(0);
                                          }))
        .value();
  }

  test::TempDir folder_;
  test::DatabasePlace place_{folder_.file("hub.db")};
  SystemClock clock_;
  SystemRng rng_;
  UuidMaker ids_{clock_, rng_};
  Replica first_{place_.url()};
  Replica second_{place_.url()};
};

TEST_F(IdempotencyReplicas, MeetAtTheKeyAndTakeOneEffect) {
  std::vector<net::Response> answers(40);
  std::vector<IdempotentCalls::Effect> effects_of_all;
  for (std::size_t i = 0; i < answers.size(); ++i) effects_of_all.push_back(effect());
  {
    std::vector<std::jthread> callers;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      callers.emplace_back(
          [&, i] { answers[i] = (i % 2 == 0 ? first_ : second_).answer(effects_of_all[i]); });
    }
  }
  EXPECT_EQ(effects(), 1);
  std::size_t fresh = 0;
  for (const net::Response& answer : answers) {
    EXPECT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(answer.body, answers.front().body);
    if (!answer.headers.find("Idempotent-Replayed")) ++fresh;
  }
  EXPECT_EQ(fresh, 1u);
}

TEST_F(IdempotencyReplicas, TheOneThatIsSecondIsToldAfterTwoSecondsOrGivesTheAnswerOfTheFirst) {
  std::promise<void> at_work;
  std::promise<void> finish;
  auto finished = finish.get_future().share();
  auto first = std::async(std::launch::async, [&, work = effect([&, finished] {
                                                    at_work.set_value();
                                                    finished.wait();
                                                  })] { return first_.answer(work); });
  at_work.get_future().wait();
  const auto begun = std::chrono::steady_clock::now();
  auto second = std::async(std::launch::async, [&, work = effect()] { return second_.answer(work); });
  // SQLite has one writer: there the second waits for its turn and then finds the answer.
  const bool told =
      second.wait_for(test::on_postgres() ? Millis{4000} : Millis{100}) == std::future_status::ready;
  const auto waited = std::chrono::steady_clock::now() - begun;
  finish.set_value();
  const auto of_first = first.get();
  const auto of_second = second.get();
  EXPECT_EQ(of_first.status, 201);
  EXPECT_EQ(told, test::on_postgres());
  if (told) {
    EXPECT_EQ(of_second.status, 409);
    EXPECT_TRUE(of_second.body.contains("REQUEST_IN_PROGRESS")) << of_second.body;
    EXPECT_GE(waited, Millis{1900});
    EXPECT_LT(waited, Millis{3500});
  } else {
    EXPECT_EQ(of_second.body, of_first.body);
  }
  const auto later = second_.answer(effect());
  EXPECT_EQ(later.body, of_first.body);
  EXPECT_EQ(later.headers.find("Idempotent-Replayed"), "true");
  EXPECT_EQ(effects(), 1);
}

}  // namespace
}  // namespace perkline::hub::api
