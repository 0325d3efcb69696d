#pragma once

#include <functional>
#include <optional>
#include <string>

#include "hub/db/database.hpp"
#include "shared/core/bytes.hpp"
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
};

/// The call that `request` is, for the route `method pattern`. Errors: validation_failed naming the header,
/// when it is absent or not 1 to 128 printable ASCII characters.
Result<KeyedCall> keyed_call_of(const net::Request& request, std::string_view pattern);

/// The kept answer to `call`; nullopt: it has none yet, and whoever asked must finish() it in this
/// transaction. Kept for 30 days. Errors: idempotency_key_reused, corrupt, the database's.
Result<std::optional<net::Response>> begin(db::Transaction& transaction, const KeyedCall& call, WallTime now);

/// Keeps the answer, in the effect's own transaction. Errors: already_exists (another replica was first), the
/// database's.
Result<void> finish(db::Transaction& transaction, const KeyedCall& call, const net::Response& answer,
                    WallTime now);

/// What a starred route does: at most one effect a key. Reactor's thread.
class IdempotentCalls {
 public:
  /// Both must outlive this.
  IdempotentCalls(db::Database& database, net::AsyncClock& clock);

  /// The effect, as one transaction; may run more than once, so it acts through the transaction alone.
  using Effect = std::function<Result<net::Response>(db::Transaction&)>;

  /// Answers with what `effect` answers, or did before. An error of 409 or 422 is kept as the answer it
  /// makes; any other is not, and a repetition tries anew. Waits up to 2 s for the same call in progress,
  /// then answers REQUEST_IN_PROGRESS.
  Task<net::Response> answer(KeyedCall call, std::string traceparent, Effect effect);

 private:
  Task<Result<net::Response>> take_effect(const KeyedCall& call, const Effect& effect);
  Task<Result<net::Response>> keep(const KeyedCall& call, const net::Response& refusal);

  db::Database& database_;
  net::AsyncClock& clock_;
  net::KeyedLock in_progress_;
};

}  // namespace perkline::hub::api
