#include "hub/api/idempotency.hpp"

#include <set>

#include <gtest/gtest.h>

#include "hub/db/migrate.hpp"
#include "hub/events/event_log.hpp"
#include "hub/identity/audit.hpp"
#include "tests/support/sim_world.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/hub/hub_database.hpp"

namespace perkline::hub::api {
namespace {

constexpr const char* trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A starred route over a real file, in virtual time: its effect is a domain event, so that effects can be
/// counted.
class Idempotency : public ::testing::Test {
 protected:
  Idempotency() {
    EXPECT_TRUE(test::run_task(world_, db::migrate(*database_, world_.clock(), ids_)));
    calls_.emplace(*database_, world_.clock());
  }

  static net::Request request(const std::string& key, const std::string& body,
                              const std::string& user = "user-1") {
    net::Request made;
    made.method = net::Method::post;
    made.path = "/api/v1/things";
    made.headers.add("Idempotency-Key", key);
    made.body = body;
    made.principal.id = user;
    return made;
  }
  static KeyedCall call(const std::string& key, const std::string& body, const std::string& user = "user-1") {
    return keyed_call_of(request(key, body, user), "/api/v1/things").value();
  }

  /// Leaves one event behind and answers 201, or fails after it.
  IdempotentCalls::Effect effect(std::optional<Errc> error = std::nullopt) {
    return [this, error, id = ids_.next()](db::Transaction& transaction) -> Result<net::Response> {
      auto appended = events::append(
          transaction,
          {.id = id, .type = "THING", .occurred_at = WallTime{}, .traceparent = "", .data = "{}"});
      if (!appended) return failure(appended);
      if (error) return fail(*error, "refused");
      return net::json_response(201, R"({"thing":)" + std::to_string(++answers_) + "}");
    };
  }
  net::Response answer(KeyedCall keyed, IdempotentCalls::Effect effect) {
    return test::run_task(world_, calls_->answer(std::move(keyed), trace, std::move(effect)));
  }
  std::int64_t rows_of(const std::string& table) {
    std::int64_t count = -1;
    EXPECT_TRUE(database_->read_now([&](db::Transaction& transaction) -> Result<void> {
      count = transaction.query("SELECT COUNT(*) FROM " + table).value().front().integer(0);
      return {};
    }));
    return count;
  }
  static std::string code_of(const net::Response& response) {
    const auto at = response.body.find(R"("code":")");
    return at == std::string::npos ? ""
                                   : response.body.substr(at + 8, response.body.find('"', at + 8) - at - 8);
  }

  test::TempDir folder_;
  test::VirtualTime time_;
  test::SimWorld world_{time_};
  SeededRng rng_{1};
  UuidMaker ids_{world_.clock(), rng_};
  test::DatabasePlace place_{folder_.file("hub.db")};
  std::unique_ptr<db::InlineDatabase> database_ = place_.open();
  std::optional<IdempotentCalls> calls_;
  int answers_ = 0;
};

TEST_F(Idempotency, AnswersTheSameCallWithTheSameBytesAndOneEffect) {
  const auto first = answer(call("k", "{}"), effect());
  EXPECT_EQ(first.status, 201);
  EXPECT_FALSE(first.headers.find("Idempotent-Replayed"));
  const auto again = answer(call("k", "{}"), effect());
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.content_type, first.content_type);
  EXPECT_EQ(again.headers.find("Idempotent-Replayed"), "true");
  EXPECT_EQ(rows_of("event_outbox"), 1);
}

TEST_F(Idempotency, RefusesTheKeyForAnotherBodyAndForgetsNothingOverIt) {
  const auto first = answer(call("k", R"({"amount":"1"})"), effect());
  const auto other = answer(call("k", R"({"amount":"2"})"), effect());
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(code_of(other), "IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(rows_of("event_outbox"), 1);
  EXPECT_EQ(answer(call("k", R"({"amount":"1"})"), effect()).body, first.body);
}

TEST_F(Idempotency, TakesABodyByWhatItSaysHoweverItIsWritten) {
  const auto first =
      answer(call("k", R"({"to":"A","amount":"1","more":{"a":[1,null,true],"b":""}})"), effect());
  for (const char* same : {R"( { "amount" : "1", "more" : {"b":"","a": [1, null, true]}, "to": "\u0041" } )",
                           R"({"more":{"b":"","a":[1,null,true]},"to":"A","amount":"1"})"}) {
    const auto again = answer(call("k", same), effect());
    EXPECT_EQ(again.body, first.body) << same;
    EXPECT_EQ(again.headers.find("Idempotent-Replayed"), "true") << same;
  }
  EXPECT_EQ(rows_of("event_outbox"), 1);
}

TEST_F(Idempotency, TakesNoTwoValuesForTheSame) {
  const std::vector<std::string> bodies{"",
                                        "{}",
                                        "[]",
                                        "null",
                                        R"({"a":1})",
                                        R"({"a":1.0})",
                                        R"({"a":"1"})",
                                        R"({"a":true})",
                                        R"({"a":false})",
                                        R"({"a":null})",
                                        R"({"a":[1,2]})",
                                        R"({"a":[2,1]})",
                                        R"({"a":[[1],2]})",
                                        R"({"a":{},"b":{}})",
                                        R"({"a":{"b":{}}})",
                                        R"({"ab":""})",
                                        R"({"a":"b"})",
                                        "{"};
  std::set<std::string> seen;
  for (const std::string& body : bodies) {
    const Digest found = call("k", body).fingerprint;
    EXPECT_TRUE(seen.insert(to_hex(found)).second) << body;
  }
}

TEST_F(Idempotency, LeavesEachUserItsOwnKeys) {
  answer(call("k", "{}", "user-1"), effect());
  const auto other = answer(call("k", "{}", "user-2"), effect());
  EXPECT_FALSE(other.headers.find("Idempotent-Replayed"));
  EXPECT_EQ(rows_of("event_outbox"), 2);
}

TEST_F(Idempotency, KeepsARefusalOf409And422ButNotItsEffect) {
  for (const Errc error : {Errc::insufficient_points, Errc::return_exceeds_sale}) {
    const std::string key(name_of(error));
    const auto first = answer(call(key, "{}"), effect(error));
    EXPECT_EQ(first.status, http_status(error));
    // The reason is gone by now, the answer stays.
    const auto again = answer(call(key, "{}"), effect());
    EXPECT_EQ(again.status, first.status);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.content_type, "application/problem+json");
  }
  EXPECT_EQ(rows_of("event_outbox"), 0);
}

TEST_F(Idempotency, KeepsNoOtherError) {
  int answered = 0;
  for (const Errc error : {Errc::validation_failed, Errc::unauthenticated, Errc::forbidden, Errc::not_found,
                           Errc::rate_limited, Errc::database_unavailable, Errc::internal,
                           Errc::request_in_progress, Errc::idempotency_key_reused}) {
    const std::string key(name_of(error));
    EXPECT_EQ(answer(call(key, "{}"), effect(error)).status, http_status(error));
    EXPECT_EQ(rows_of("idempotency"), ++answered - 1) << key;
    const auto again = answer(call(key, "{}"), effect());
    EXPECT_EQ(again.status, 201) << key;
    EXPECT_FALSE(again.headers.find("Idempotent-Replayed"));
  }
}

TEST_F(Idempotency, ForgetsAfterThirtyDaysOnceItIsPurged) {
  answer(call("k", "{}"), effect());
  time_.wall += days{30} - Millis{1};
  EXPECT_TRUE(answer(call("k", "{}"), effect()).headers.find("Idempotent-Replayed"));
  time_.wall += Millis{2};
  EXPECT_TRUE(answer(call("k", "{}"), effect()).headers.find("Idempotent-Replayed"))
      << "a clock that is ahead has nothing done twice by itself";
  EXPECT_EQ(test::run_task(world_, purge_answers(*database_, time_.wall)).value(), 1);
  EXPECT_FALSE(answer(call("k", "other"), effect()).headers.find("Idempotent-Replayed"));
  EXPECT_EQ(rows_of("event_outbox"), 2);
  EXPECT_EQ(rows_of("idempotency"), 1);
}

/// A database on which every write waits for a while first.
class SlowDatabase final : public db::Database {
 public:
  SlowDatabase(db::Database& inner, net::AsyncClock& clock, Millis delay)
      : inner_(inner), clock_(clock), delay_(delay) {}
  db::Engine engine() const override { return inner_.engine(); }
  Task<Result<void>> write(std::function<Result<void>(db::Transaction&)> work) override {
    co_await clock_.sleep(delay_);
    co_return co_await inner_.write(std::move(work));
  }
  Task<Result<void>> read(std::function<Result<void>(db::Transaction&)> work) override {
    return inner_.read(std::move(work));
  }

 private:
  db::Database& inner_;
  net::AsyncClock& clock_;
  Millis delay_;
};

Task<void> keep(Task<net::Response> task, std::optional<net::Response>& kept) {
  kept = co_await std::move(task);
}

TEST_F(Idempotency, WaitsForTheSameCallInProgressAndAnswersAlike) {
  SlowDatabase slow(*database_, world_.clock(), Millis{1500});
  IdempotentCalls calls(slow, world_.clock());
  std::optional<net::Response> first;
  std::optional<net::Response> second;
  world_.spawn(keep(calls.answer(call("k", "{}"), trace, effect()), first));
  world_.spawn(keep(calls.answer(call("k", "{}"), trace, effect()), second));
  ASSERT_TRUE(world_.run_until([&] { return first && second; }));
  EXPECT_EQ(second->body, first->body);
  EXPECT_TRUE(second->headers.find("Idempotent-Replayed"));
  EXPECT_EQ(rows_of("event_outbox"), 1);
}

TEST_F(Idempotency, GivesUpOnTheSameCallInProgressAfterTwoSeconds) {
  SlowDatabase slow(*database_, world_.clock(), Millis{5000});
  IdempotentCalls calls(slow, world_.clock());
  std::optional<net::Response> first;
  std::optional<net::Response> second;
  const MonoTime begin = time_.mono;
  world_.spawn(keep(calls.answer(call("k", "{}"), trace, effect()), first));
  world_.spawn(keep(calls.answer(call("k", "{}"), trace, effect()), second));
  ASSERT_TRUE(world_.run_until([&] { return second.has_value(); }));
  EXPECT_EQ(second->status, 409);
  EXPECT_EQ(code_of(*second), "REQUEST_IN_PROGRESS");
  EXPECT_TRUE(second->headers.find("Retry-After"));
  EXPECT_EQ(time_.mono - begin, seconds{2});
  ASSERT_TRUE(world_.run_until([&] { return first.has_value(); }));
  EXPECT_EQ(first->status, 201);
}

/// A database on which another replica holds the key for a while: the work gets as far as asking for it,
/// waits there, and is then run again.
class KeyHeldElsewhere final : public db::Database {
 public:
  KeyHeldElsewhere(db::Database& inner, net::AsyncClock& clock, Millis held)
      : inner_(inner), clock_(clock), held_(held) {}
  db::Engine engine() const override { return inner_.engine(); }
  Task<Result<void>> write(std::function<Result<void>(db::Transaction&)> work) override {
    Held held;
    EXPECT_FALSE(work(held));
    co_await clock_.sleep(held_);
    co_return co_await inner_.write(std::move(work));
  }
  Task<Result<void>> read(std::function<Result<void>(db::Transaction&)> work) override {
    return inner_.read(std::move(work));
  }

 private:
  class Held final : public db::Transaction {
   public:
    Result<db::Rows> query(std::string_view, std::vector<db::Value>) override { return refused(); }
    Result<std::int64_t> execute(std::string_view, std::vector<db::Value>) override { return refused(); }
    Result<void> attempt(const std::function<Result<void>()>&) override { return refused(); }
    std::string_view for_update() const override { return " FOR UPDATE"; }

   private:
    static std::unexpected<Error> refused() { return fail(Errc::database_unavailable, "is locked"); }
  };

  db::Database& inner_;
  net::AsyncClock& clock_;
  Millis held_;
};

TEST_F(Idempotency, WaitsForAnotherReplicaUnderTheSameKeyAndAnswersAsItDid) {
  const auto first = answer(call("k", "{}"), effect());
  KeyHeldElsewhere held(*database_, world_.clock(), Millis{1900});
  IdempotentCalls calls(held, world_.clock());
  const auto second = test::run_task(world_, calls.answer(call("k", "{}"), trace, effect()));
  EXPECT_EQ(second.body, first.body);
  EXPECT_TRUE(second.headers.find("Idempotent-Replayed"));
  EXPECT_EQ(rows_of("event_outbox"), 1);
}

TEST_F(Idempotency, GivesUpOnAnotherReplicaAfterTwoSecondsAndGivesTheAnswerLater) {
  KeyHeldElsewhere held(*database_, world_.clock(), Millis{5000});
  IdempotentCalls calls(held, world_.clock());
  const MonoTime begin = time_.mono;
  const auto busy = test::run_task(world_, calls.answer(call("k", "{}"), trace, effect()));
  EXPECT_EQ(busy.status, 409);
  EXPECT_EQ(code_of(busy), "REQUEST_IN_PROGRESS");
  EXPECT_EQ(busy.headers.find("Retry-After"), "1");
  EXPECT_EQ(time_.mono - begin, seconds{2});
  EXPECT_EQ(rows_of("event_outbox"), 0);
  // What was begun goes on without whoever asked.
  EXPECT_TRUE(world_.run_until([&] { return rows_of("event_outbox") == 1; }));
  EXPECT_EQ(answer(call("k", "{}"), effect()).headers.find("Idempotent-Replayed"), "true");
  EXPECT_EQ(rows_of("event_outbox"), 1);
}

TEST_F(Idempotency, WhoIsAtWorkForLongIsNotToldThatItIsInProgress) {
  SlowDatabase slow(*database_, world_.clock(), Millis{5000});
  IdempotentCalls calls(slow, world_.clock());
  EXPECT_EQ(test::run_task(world_, calls.answer(call("k", "{}"), trace, effect())).status, 201);
}

TEST_F(Idempotency, PurgeForgetsOldAnswersAndNoOthers) {
  for (int i = 0; i < 3; ++i) answer(call("old-" + std::to_string(i), "{}"), effect());
  time_.wall += days{30};
  answer(call("new", "{}"), effect());
  EXPECT_EQ(test::run_task(world_, purge_answers(*database_, time_.wall)).value(), 0);
  time_.wall += Millis{1};
  EXPECT_EQ(test::run_task(world_, purge_answers(*database_, time_.wall)).value(), 3);
  EXPECT_EQ(rows_of("idempotency"), 1);
  EXPECT_TRUE(answer(call("new", "{}"), effect()).headers.find("Idempotent-Replayed"));
}

TEST_F(Idempotency, PurgeGoesOnUntilNoneIsLeft) {
  EXPECT_TRUE(database_->write_now([&](db::Transaction& transaction) -> Result<void> {
    for (int i = 0; i < 2500; ++i) {
      const auto made = transaction.execute(
          "INSERT INTO idempotency (scope, key, fingerprint, status, content_type, body, created_at)"
          " VALUES ('s', $1, '', 201, '', '', $2)",
          {std::to_string(i), std::int64_t{i}});
      EXPECT_TRUE(made);
    }
    return {};
  }));
  EXPECT_EQ(test::run_task(world_, purge_answers(*database_, time_.wall)).value(), 2500);
  EXPECT_EQ(rows_of("idempotency"), 0);
}

TEST_F(Idempotency, TellsTheFaultsOfKeyAndBodyAtOnce) {
  const auto read = [](const net::Request& request) {
    return read_keyed(request, "/p", [](json::Fields& fields, const json::Value&) {
      return fields.required_text("reason");
    });
  };
  net::Request keyless = request("k", "{}");
  keyless.headers = {};
  const auto both = read(keyless);
  ASSERT_FALSE(both);
  ASSERT_EQ(both.error().faults.size(), 2u);
  EXPECT_EQ(both.error().faults[0].field, "Idempotency-Key");
  EXPECT_EQ(both.error().faults[1].field, "reason");
  keyless.body = "{";
  const auto no_json = read(keyless);
  ASSERT_EQ(no_json.error().faults.size(), 2u);
  EXPECT_EQ(no_json.error().code, Errc::validation_failed);
  EXPECT_EQ(no_json.error().faults[1].field, "body");
  EXPECT_EQ(read(request("k", "{")).error().code, Errc::malformed_json);
  const auto right = read(request("k", R"({"reason":"r"})"));
  ASSERT_TRUE(right);
  EXPECT_EQ(right->first.key, "k");
  EXPECT_EQ(right->second, "r");
}

TEST_F(Idempotency, AsksForAKeyThatCanBeOne) {
  net::Request none = request("k", "{}");
  none.headers = {};
  for (const auto& refused : {keyed_call_of(none, "/p"), keyed_call_of(request("", "{}"), "/p"),
                              keyed_call_of(request(std::string(129, 'k'), "{}"), "/p"),
                              keyed_call_of(request("k\x01", "{}"), "/p")}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::validation_failed);
    ASSERT_EQ(refused.error().faults.size(), 1u);
    EXPECT_EQ(refused.error().faults[0].field, "Idempotency-Key");
  }
  EXPECT_TRUE(keyed_call_of(request(std::string(128, 'k'), "{}"), "/p"));
}

TEST_F(Idempotency, TellsCallsApartByPathQueryAndBody) {
  const auto made = [](const std::string& path, const std::string& query, const std::string& body) {
    net::Request request = Idempotency::request("k", body);
    request.path = path;
    request.query = query;
    return keyed_call_of(request, "/p").value().fingerprint;
  };
  EXPECT_EQ(made("/a", "b", "c"), made("/a", "b", "c"));
  EXPECT_NE(made("/a", "b", "c"), made("/ab", "", "c"));
  EXPECT_NE(made("/a", "b", "c"), made("/a", "bc", ""));
}

using EventLog = Idempotency;
using Audit = Idempotency;

TEST_F(EventLog, TakesAnEventOnceAndWithItsCauseAlone) {
  const events::DomainEvent event{
      .id = ids_.next(), .type = "THING", .occurred_at = WallTime{}, .traceparent = trace, .data = "{}"};
  EXPECT_TRUE(database_->write_now([&](db::Transaction& t) { return events::append(t, event); }));
  const auto twice = database_->write_now([&](db::Transaction& t) { return events::append(t, event); });
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Errc::already_exists);
  const auto undone = database_->write_now([&](db::Transaction& t) -> Result<void> {
    auto other = event;
    other.id = ids_.next();
    EXPECT_TRUE(events::append(t, other));
    return fail(Errc::internal);
  });
  EXPECT_FALSE(undone);
  EXPECT_EQ(rows_of("event_outbox"), 1);
}

TEST_F(Audit, GoesWithWhatItTellsOf) {
  const identity::AuditEntry entry{.id = ids_.next(),
                                   .at = WallTime{},
                                   .actor = "cli:root",
                                   .action = "store.retired",
                                   .subject = "store:a"};
  const auto undone = database_->write_now([&](db::Transaction& t) -> Result<void> {
    EXPECT_TRUE(identity::append_audit(t, entry));
    return fail(Errc::not_found);
  });
  EXPECT_FALSE(undone);
  EXPECT_EQ(rows_of("audit"), 0);
  EXPECT_TRUE(database_->write_now([&](db::Transaction& t) { return identity::append_audit(t, entry); }));
  EXPECT_EQ(rows_of("audit"), 1);
}

}  // namespace
}  // namespace perkline::hub::api
