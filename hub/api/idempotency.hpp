#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "hub/db/database.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/ids.hpp"
#include "shared/json/fields.hpp"
#include "shared/net/http.hpp"
#include "shared/net/keyed_lock.hpp"

/// `Idempotency-Key` (contract.md §6): a call repeated under its key takes effect once and is answered with
/// the same bytes each time.
namespace perkline::hub::api {

/// One call under a key.
struct KeyedCall {
  std::string scope;  ///< Whose key it is: user and route.
  std::string key;
  Digest fingerprint{};  ///< Of everything that makes the call this call and not another.
  /// The member whom the call is about and its answer tells of, where that is not whose key it is.
  std::optional<UserId> about = std::nullopt;
};

/// The request's key. Errors: validation_failed naming the header, when it is absent or not 1 to 128
/// printable ASCII characters.
Result<std::string> key_in(const net::Request& request);

/// The call that `request` is, for the route `method pattern`. Takes as long as the body is large. Errors:
/// key_in()'s.
Result<KeyedCall> keyed_call_of(const net::Request& request, std::string_view pattern);

/// `first` and `second` as one validation_failed with the faults of both; what is no JSON is told as the
/// fault of `body`.
Error merged(Error first, Error second);

/// What a starred route reads: its key, and what `read(Fields&, const Value& root)` makes of its body.
/// Errors: malformed_json, validation_failed with every fault of both.
template <class Read>
auto read_keyed(const net::Request& request, std::string_view pattern, Read read)
    -> Result<std::pair<KeyedCall, std::invoke_result_t<Read, json::Fields&, const json::Value&>>> {
  auto body = json::read_body(request.body, read);
  if (!body) {
    auto key = key_in(request);
    return fail(key ? std::move(body.error()) : merged(std::move(key.error()), std::move(body.error())));
  }
  auto call = keyed_call_of(request, pattern);
  if (!call) return failure(call);
  return std::pair(std::move(*call), std::move(*body));
}

/// Takes the key for `call` inside its effect's transaction, waiting for whoever holds it in another one:
/// nullopt, and finish() is due in this transaction; or the answer kept for it. Kept for 30 days, until it is
/// purged. Errors:
/// idempotency_key_reused, the database's.
Result<std::optional<net::Response>> begin(db::Transaction& transaction, const KeyedCall& call, WallTime now);

/// Keeps the answer under the key that begin() took. Errors: the database's.
Result<void> finish(db::Transaction& transaction, const KeyedCall& call, const net::Response& answer);

/// Forgets the answers kept for a user's calls, which tell what was bought, and from whom, and for others'
/// calls about the user, which tell what was written of them. Errors: the database's.
Result<void> forget_answers_of(db::Transaction& transaction, const UserId& user);

/// Forgets up to `count_max` of the answers whose time is over; how many those were. Errors: the database's.
Result<std::int64_t> purge_answers(db::Transaction& transaction, WallTime now, std::int64_t count_max);

/// Forgets all of them, a small transaction after the other; how many. Errors: the database's.
Task<Result<std::int64_t>> purge_answers(db::Database& database, WallTime now);

/// What a starred route does: at most one effect a key. Reactor's thread.
class IdempotentCalls {
 public:
  /// Both must outlive this.
  IdempotentCalls(db::Database& database, net::AsyncClock& clock);

  /// The effect, as one transaction; may run more than once, so it acts through the transaction alone, and
  /// may outlast the call that asked for it, so it holds what it needs by value.
  using Effect = std::function<Result<net::Response>(db::Transaction&)>;

  /// Answers with what `effect` answers, or did before. An error of 409 or 422 takes its effect back and is
  /// kept as the answer it makes, in the same transaction; any other leaves nothing behind, and a repetition
  /// tries anew. Waits up to 2 s for the same call in progress, here or at another replica on this database,
  /// then answers REQUEST_IN_PROGRESS.
  Task<net::Response> answer(KeyedCall call, std::string traceparent, Effect effect);

 private:
  db::Database& database_;
  net::AsyncClock& clock_;
  net::KeyedLock in_progress_;
};

}  // namespace perkline::hub::api
