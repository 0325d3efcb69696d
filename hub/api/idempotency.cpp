#include "hub/api/idempotency.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>

#include <sodium.h>

#include "hub/api/access.hpp"
#include "shared/core/stamp.hpp"
#include "shared/json/value.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/reactor.hpp"
#include "shared/net/signal.hpp"

namespace perkline::hub::api {
namespace {

constexpr days kept_for{30};
constexpr seconds wait_max{2};
/// How often, beyond that, a call that is not held up by another under its key is looked at.
constexpr Millis recheck{100};
constexpr std::size_t key_bytes_max = 128;
constexpr std::int64_t purged_at_once = 1'000;
constexpr std::string_view header_name = "Idempotency-Key";

/// A length stands before each part, so that no two calls run into the same bytes.
void append_part(std::string& text, std::string_view part) {
  append_u64(text, part.size());
  text += part;
}

/// The value alone, however it was written: without blanks and escapes, members by their names. Numbers stay
/// as they are: 1 and 1.0 are two texts. Depth: that of a request's JSON.
void append_value(std::string& text, const json::Value& value) {
  using Kind = json::Value::Kind;
  text += static_cast<char>(value.kind());
  switch (value.kind()) {
    case Kind::null:
      return;
    case Kind::boolean:
      text += value.boolean() ? 't' : 'f';
      return;
    case Kind::number:
    case Kind::string:
      return append_part(text, value.text());
    case Kind::array:
      append_u64(text, value.items().size());
      for (const json::Value& item : value.items()) append_value(text, item);
      return;
    case Kind::object:
      break;
  }
  std::map<std::string_view, const json::Value*> members;
  for (const json::Member& member : value.members()) members.emplace(member.name, &member.value);
  append_u64(text, members.size());
  for (const auto& [name, member] : members) {
    append_part(text, name);
    append_value(text, *member);
  }
}

/// What is no JSON counts by its bytes: no body at all, or one that will be refused.
Digest fingerprint_of(const net::Request& request) {
  std::string text;
  append_part(text, request.path);
  append_part(text, request.query);
  const auto body = json::parse(request.body, limits::json_request_values_max);
  text += body ? 'v' : 'b';
  body ? append_value(text, body->root()) : append_part(text, request.body);
  Digest digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  return digest;
}

bool is_kept(const Error& error) {
  if (error.code == Errc::request_in_progress || error.code == Errc::idempotency_key_reused) return false;
  const int status = http_status(error.code);
  return status == 409 || status == 422;
}

Error in_progress(std::string detail) {
  return {.code = Errc::request_in_progress, .detail = std::move(detail), .retry_after = seconds{1}};
}

net::Response busy(std::string_view traceparent) {
  return net::problem_response(in_progress("the same request is in progress"), traceparent);
}

/// One try of a call. Shared with the transaction that makes it, which may outlast whoever asked.
struct Attempt {
  /// Where the transaction is; written on the database's thread.
  enum class Stage : std::uint8_t { waiting, claiming, working };

  KeyedCall call;
  std::string traceparent;
  IdempotentCalls::Effect effect;
  WallTime now;
  bool is_refused = false;  ///< The effect was, and is likely to be again: its answer is kept without it.
  std::atomic<Stage> stage = Stage::waiting;
  std::optional<Result<net::Response>> outcome;
  net::Signal ended;
};

/// The effect's answer; the answer to its refusal, which has changed nothing.
Result<net::Response> answer_or_refusal(db::Transaction& transaction, Attempt& attempt) {
  net::Response answer;
  const auto done = transaction.attempt([&]() -> Result<void> {
    auto made = attempt.effect(transaction);
    if (!made) return failure(made);
    answer = std::move(*made);
    return {};
  });
  if (done) return answer;
  if (!is_kept(done.error())) return std::unexpected(done.error());
  return net::problem_response(done.error(), attempt.traceparent);
}

Result<net::Response> answer_within(db::Transaction& transaction, Attempt& attempt) {
  attempt.stage = Attempt::Stage::claiming;
  auto kept = begin(transaction, attempt.call, attempt.now);
  if (!kept) return failure(kept);
  if (*kept) return std::move(**kept);
  attempt.stage = Attempt::Stage::working;

  // Few are refused, and only they need the savepoint.
  auto answer = attempt.is_refused ? answer_or_refusal(transaction, attempt) : attempt.effect(transaction);
  if (!answer) return answer;
  if (auto finished = finish(transaction, attempt.call, *answer); !finished) return failure(finished);
  return answer;
}

/// Holds `turn` until the transaction has ended.
Task<void> carry_out(db::Database& database, std::shared_ptr<Attempt> attempt, net::KeyedLock::Guard turn) {
  const auto work = [attempt](db::Transaction& transaction) { return answer_within(transaction, *attempt); };
  auto outcome = co_await db::write_for<net::Response>(database, work);
  if (!outcome && is_kept(outcome.error())) {
    // All of it was taken back, the key too.
    attempt->is_refused = true;
    outcome = co_await db::write_for<net::Response>(database, work);
  }
  attempt->outcome = std::move(outcome);
  [[maybe_unused]] const auto ends_here = std::move(turn);
  attempt->ended.notify();
}

std::string scope_of(const std::string& caller, net::Method method, std::string_view pattern) {
  return caller + ' ' + std::string(name_of(method)) + ' ' + std::string(pattern);
}

}  // namespace

Result<std::string> key_in(const net::Request& request) {
  const auto key = request.headers.find(header_name);
  const bool usable = key && !key->empty() && key->size() <= key_bytes_max &&
                      std::ranges::all_of(*key, [](char c) { return c >= ' ' && c <= '~'; });
  if (usable) return std::string(*key);
  return fail(json::validation_error(
      {{std::string(header_name), key ? "must be 1 to 128 printable characters" : "is required"}}));
}

Result<KeyedCall> keyed_call_of(const net::Request& request, std::string_view pattern) {
  auto key = key_in(request);
  if (!key) return failure(key);
  return KeyedCall{.scope = scope_of(request.principal.id, request.method, pattern),
                   .key = std::move(*key),
                   .fingerprint = fingerprint_of(request)};
}

Error merged(Error first, Error second) {
  if (second.code == Errc::malformed_json) {
    first.faults.push_back({"body", "must be JSON"});
  } else {
    std::ranges::move(second.faults, std::back_inserter(first.faults));
  }
  return first;
}

Result<std::optional<net::Response>> begin(db::Transaction& transaction, const KeyedCall& call,
                                           WallTime now) {
  // First of all, so that two replicas meet here and not in the middle of their effects. A key is free again
  // once its answer is purged, and not by itself: a clock that is ahead would have everything done twice.
  auto taken = transaction.execute(
      "INSERT INTO idempotency (scope, key, fingerprint, status, content_type, body, created_at, about)"
      " VALUES ($1, $2, $3, 0, '', '', $4, $5) ON CONFLICT (scope, key) DO NOTHING",
      {call.scope, call.key, to_hex(call.fingerprint), stamp(now),
       call.about ? db::Value(call.about->str()) : db::Value(nullptr)});
  if (!taken) return failure(taken);
  if (*taken > 0) return std::nullopt;

  auto rows = transaction.query(
      "SELECT fingerprint, status, content_type, body FROM idempotency WHERE scope = $1 AND key = $2",
      {call.scope, call.key});
  if (!rows) return failure(rows);
  // Forgotten by another replica in between.
  if (rows->empty()) return fail(in_progress("the key is being forgotten"));
  const db::Row& row = rows->front();
  if (row.text(0) != to_hex(call.fingerprint)) {
    return fail(Errc::idempotency_key_reused, "this Idempotency-Key was used for another request");
  }
  net::Response kept{.status = static_cast<int>(row.integer(1)),
                     .content_type = row.text(2),
                     .body = row.text(3),
                     .headers = {}};
  kept.headers.set("Idempotent-Replayed", "true");
  return kept;
}

Result<void> finish(db::Transaction& transaction, const KeyedCall& call, const net::Response& answer) {
  return transaction.defer(
      {.sql =
           "UPDATE idempotency SET status = $3, content_type = $4, body = $5 WHERE scope = $1 AND key = $2",
       .parameters = {call.scope, call.key, std::int64_t{answer.status}, answer.content_type, answer.body}});
}

Result<void> forget_answers_of(db::Transaction& transaction, const UserId& user) {
  // Scope by scope, by the key: the table holds a month of everybody's.
  std::string scopes;
  std::vector<db::Value> parameters;
  for (const AccessRule& rule : access_rules) {
    if (rule.method != net::Method::post) continue;
    parameters.emplace_back(scope_of(user.str(), rule.method, rule.pattern));
    scopes += (scopes.empty() ? "$" : ", $") + std::to_string(parameters.size());
  }
  auto gone =
      transaction.execute("DELETE FROM idempotency WHERE scope IN (" + scopes + ")", std::move(parameters));
  if (!gone) return failure(gone);
  auto of_others = transaction.execute("DELETE FROM idempotency WHERE about = $1", {user.str()});
  if (!of_others) return failure(of_others);
  return {};
}

Result<std::int64_t> purge_answers(db::Transaction& transaction, WallTime now, std::int64_t count_max) {
  return transaction.execute(
      "DELETE FROM idempotency WHERE (scope, key) IN"
      " (SELECT scope, key FROM idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
      {stamp(now - kept_for), count_max});
}

Task<Result<std::int64_t>> purge_answers(db::Database& database, WallTime now) {
  std::int64_t all = 0;
  while (true) {
    const auto purged = co_await db::write_for<std::int64_t>(database, [now](db::Transaction& transaction) {
      return purge_answers(transaction, now, purged_at_once);
    });
    if (!purged) co_return std::unexpected(purged.error());
    all += *purged;
    if (*purged < purged_at_once) co_return all;
  }
}

IdempotentCalls::IdempotentCalls(db::Database& database, net::AsyncClock& clock)
    : database_(database), clock_(clock), in_progress_(clock) {}

Task<net::Response> IdempotentCalls::answer(KeyedCall call, std::string traceparent, Effect effect) {
  MonoTime deadline = clock_.mono_now() + wait_max;
  auto turn = co_await in_progress_.acquire(call.scope + ' ' + call.key, deadline);
  if (!turn) co_return busy(traceparent);

  const auto attempt = std::make_shared<Attempt>();
  attempt->call = std::move(call);
  attempt->traceparent = traceparent;
  attempt->effect = std::move(effect);
  attempt->now = clock_.wall_now();
  co_await net::spawn_child(carry_out(database_, attempt, std::move(*turn)));
  while (!attempt->outcome) {
    (void)co_await clock_.wait_for(attempt->ended, deadline);
    if (attempt->outcome) break;
    // Another replica holds the key. What waits on ends by itself, and its answer is there for the next try.
    if (attempt->stage == Attempt::Stage::claiming) co_return busy(traceparent);
    deadline = clock_.mono_now() + recheck;
  }
  if (!*attempt->outcome) co_return net::problem_response(attempt->outcome->error(), traceparent);
  co_return std::move(**attempt->outcome);
}

}  // namespace perkline::hub::api
