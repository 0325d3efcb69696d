#include "hub/api/idempotency.hpp"

#include <algorithm>

#include <sodium.h>

#include "shared/json/fields.hpp"

namespace perkline::hub::api {
namespace {

constexpr days kept_for{30};
constexpr seconds wait_max{2};
constexpr std::size_t key_bytes_max = 128;
constexpr std::string_view header_name = "Idempotency-Key";

std::int64_t stamp(WallTime time) {
  return time.time_since_epoch().count();
}

/// Lengths stand before the parts, so that no two calls run into the same bytes.
Digest fingerprint_of(const net::Request& request) {
  std::string text;
  for (const std::string_view part :
       {std::string_view(request.path), std::string_view(request.query), std::string_view(request.body)}) {
    append_u64(text, part.size());
    text += part;
  }
  Digest digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  return digest;
}

bool is_kept(const Error& error) {
  if (error.code == Errc::request_in_progress || error.code == Errc::idempotency_key_reused) return false;
  const int status = http_status(error.code);
  return status == 409 || status == 422;
}

}  // namespace

Result<KeyedCall> keyed_call_of(const net::Request& request, std::string_view pattern) {
  const auto key = request.headers.find(header_name);
  const bool usable = key && !key->empty() && key->size() <= key_bytes_max &&
                      std::ranges::all_of(*key, [](char c) { return c >= ' ' && c <= '~'; });
  if (!usable) {
    return fail(json::validation_error(
        {{std::string(header_name), key ? "must be 1 to 128 printable characters" : "is required"}}));
  }
  return KeyedCall{
      .scope = request.principal.id + ' ' + std::string(name_of(request.method)) + ' ' + std::string(pattern),
      .key = std::string(*key),
      .fingerprint = fingerprint_of(request)};
}

Result<std::optional<net::Response>> begin(db::Transaction& transaction, const KeyedCall& call,
                                           WallTime now) {
  // An old answer goes first, so that its key is free again and is not a key reused.
  auto purged =
      transaction.execute("DELETE FROM idempotency WHERE scope = $1 AND key = $2 AND created_at < $3",
                          {call.scope, call.key, stamp(now - kept_for)});
  if (!purged) return failure(purged);
  auto rows = transaction.query(
      "SELECT fingerprint, status, content_type, body FROM idempotency WHERE scope = $1 AND key = $2",
      {call.scope, call.key});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
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

Result<void> finish(db::Transaction& transaction, const KeyedCall& call, const net::Response& answer,
                    WallTime now) {
  auto kept = transaction.execute(
      "INSERT INTO idempotency (scope, key, fingerprint, status, content_type, body, created_at)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7)",
      {call.scope, call.key, to_hex(call.fingerprint), std::int64_t{answer.status}, answer.content_type,
       answer.body, stamp(now)});
  if (!kept) return failure(kept);
  return {};
}

IdempotentCalls::IdempotentCalls(db::Database& database, net::AsyncClock& clock)
    : database_(database), clock_(clock), in_progress_(clock) {}

Task<net::Response> IdempotentCalls::answer(KeyedCall call, std::string traceparent, Effect effect) {
  auto turn = co_await in_progress_.acquire(call.scope + ' ' + call.key, clock_.mono_now() + wait_max);
  if (!turn) {
    Error busy{.code = Errc::request_in_progress,
               .detail = "the same request is in progress",
               .retry_after = seconds{1}};
    co_return net::problem_response(busy, traceparent);
  }
  auto done = co_await take_effect(call, effect);
  if (!done && is_kept(done.error()))
    done = co_await keep(call, net::problem_response(done.error(), traceparent));
  // Another replica was first: by now its answer is there.
  if (!done && done.error().code == Errc::already_exists) done = co_await take_effect(call, effect);
  if (!done) co_return net::problem_response(done.error(), traceparent);
  co_return std::move(*done);
}

Task<Result<net::Response>> IdempotentCalls::take_effect(const KeyedCall& call, const Effect& effect) {
  const WallTime now = clock_.wall_now();
  co_return co_await db::write_for<net::Response>(
      database_, [&call, &effect, now](db::Transaction& transaction) -> Result<net::Response> {
        auto kept = begin(transaction, call, now);
        if (!kept) return failure(kept);
        if (*kept) return std::move(**kept);
        auto answer = effect(transaction);
        if (!answer) return failure(answer);
        if (auto finished = finish(transaction, call, *answer, now); !finished) return failure(finished);
        return answer;
      });
}

/// The effect was rolled back with its error, so the refusal is kept on its own; a crash in between only
/// means that the next try is judged anew.
Task<Result<net::Response>> IdempotentCalls::keep(const KeyedCall& call, const net::Response& refusal) {
  const WallTime now = clock_.wall_now();
  co_return co_await db::write_for<net::Response>(
      database_, [&call, &refusal, now](db::Transaction& transaction) -> Result<net::Response> {
        auto kept = begin(transaction, call, now);
        if (!kept) return failure(kept);
        if (*kept) return std::move(**kept);
        if (auto finished = finish(transaction, call, refusal, now); !finished) return failure(finished);
        return refusal;
      });
}

}  // namespace perkline::hub::api
