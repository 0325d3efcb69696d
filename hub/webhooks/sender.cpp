#include "hub/webhooks/sender.hpp"

#include <algorithm>
#include <utility>

#include "hub/db/due.hpp"
#include "hub/events/outbox.hpp"
#include "hub/webhooks/destination.hpp"
#include "hub/webhooks/signature.hpp"
#include "shared/core/stamp.hpp"
#include "shared/net/either.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::webhooks {
namespace {

constexpr std::string_view context = "webhooks";
/// Then another lane may have its turn.
constexpr std::int64_t of_each_lane = 8;

/// In words of ours.
std::string words_for(const Error& error) {
  switch (error.code) {
    case Errc::connection_failed:
      return "no connection";
    case Errc::connection_lost:
      return "the connection was lost";
    case Errc::timed_out:
      return "no answer in time";
    case Errc::forbidden:
      return "the address is link-local, or nobody's";
    case Errc::malformed_answer:
      return "the answer is not HTTP, or too long";
    default:
      return "it could not be sent";
  }
}

std::string words_for(int status) {
  if (status >= 300 && status < 400) return "redirects are not followed";
  return "the answer was " + std::to_string(status);
}

}  // namespace

/// A webhook as it is sent to.
struct Sender::Target {
  std::string url;
  std::string secret;
};

/// Of each lane the first few that are due, under way.
struct Sender::Round {
  std::string webhook;
  Target target;
  std::vector<std::vector<DueDelivery>> lanes;
  MonoTime until;
  std::unique_ptr<net::HttpOrigin> origin;  ///< None: it cannot be called.
  std::size_t under_way = 0;                ///< Lanes.
  bool holds = true;                        ///< The lease, as far as it is known.
  net::Signal lane_ended;
};

Sender::Sender(db::Database& database, net::AsyncClock& clock, Rng& rng, UuidMaker& uuids, Connect connect,
               Options options)
    : database_(database),
      clock_(clock),
      rng_(rng),
      connect_(std::move(connect)),
      options_(options),
      owner_(uuids.next().str()) {}

Task<void> Sender::run() {
  running_ = true;
  while (!draining_) {
    // A database that is away is told elsewhere.
    static_cast<void>(co_await start_due());
    co_await net::either(woken_.wait(), clock_.sleep(poll_every));
  }
  running_ = false;
  ended_.notify();
}

Task<void> Sender::drain() {
  draining_ = true;
  woken_.notify();
  while (running_ || !serving_.empty()) co_await ended_.wait();
}

Task<Result<void>> Sender::start_due() {
  const WallTime now = clock_.wall_now();
  auto due = co_await db::read_for<db::Rows>(database_, [this, now](db::Transaction& transaction) {
    static const std::string sql =
        "SELECT id FROM webhook WHERE deleted_at IS NULL AND " + db::is_due("lease_until", "$1", "$2") +
        " AND EXISTS (SELECT 1 FROM webhook_delivery WHERE webhook_id = webhook.id AND state = 'pending'"
        " AND " +
        // Whoever has waited longest for a turn is first.
        db::is_due("next_attempt_at", "$1", "$3") + ") ORDER BY lease_until, id";
    return transaction.query(
        sql, {stamp(now), db::beyond(now, options_.lease), db::beyond(now, delivery_pause_max)});
  });
  if (!due) co_return failure(due);
  for (const db::Row& row : *due) {
    if (draining_ || serving_.size() >= at_once) break;
    const std::string& webhook = row.text(0);
    if (serving_.contains(webhook)) continue;
    const auto taken = co_await take_lease(webhook);
    if (!taken) co_return std::unexpected(taken.error());
    if (!*taken) continue;
    serving_.insert(webhook);
    co_await net::spawn_child(serve(webhook));
  }
  co_return Result<void>{};
}

Task<Result<bool>> Sender::take_lease(std::string webhook) {
  const WallTime now = clock_.wall_now();
  co_return co_await db::write_for<bool>(database_, [&](db::Transaction& transaction) -> Result<bool> {
    static const std::string sql =
        "UPDATE webhook SET lease_owner = $2, lease_until = $4 WHERE id = $1 AND deleted_at IS NULL AND " +
        db::is_due("lease_until", "$3", "$5");
    auto taken = transaction.execute(
        sql, {webhook, owner_, stamp(now), stamp(now + options_.lease), db::beyond(now, options_.lease)});
    if (!taken) return failure(taken);
    return *taken == 1;
  });
}

Task<void> Sender::give_lease_back(std::string webhook) {
  const std::int64_t now = stamp(clock_.wall_now());
  // Where that fails the lease runs out.
  static_cast<void>(co_await database_.write([&](db::Transaction& transaction) -> Result<void> {
    auto given = transaction.execute(
        "UPDATE webhook SET lease_until = $3 WHERE id = $1 AND lease_owner = $2 AND lease_until > $3",
        {webhook, owner_, now});
    if (!given) return failure(given);
    return {};
  }));
}

Result<bool> Sender::renew_lease(db::Transaction& transaction, const std::string& webhook,
                                 WallTime now) const {
  auto kept = transaction.execute(
      "UPDATE webhook SET lease_until = $3 WHERE id = $1 AND lease_owner = $2 AND deleted_at IS NULL",
      {webhook, owner_, stamp(now + options_.lease)});
  if (!kept) return failure(kept);
  return *kept == 1;
}

Task<void> Sender::keep_lease(const std::string& webhook) {
  // Several to a lease: one may come late.
  constexpr int renewals = 5;
  while (true) {
    co_await clock_.sleep(options_.lease / renewals);
    const WallTime now = clock_.wall_now();
    // What came of it the next delivery's note finds out.
    static_cast<void>(co_await db::write_for<bool>(database_, [&, now](db::Transaction& transaction) {
      return renew_lease(transaction, webhook, now);
    }));
  }
}

Task<void> Sender::send_due(const std::string& webhook, bool& holds) {
  const MonoTime until = clock_.mono_now() + turn_max;
  bool more = true;
  while (more && holds && !draining_ && clock_.mono_now() < until)
    holds = co_await send_round(webhook, until, more);
}

Task<void> Sender::serve(std::string webhook) {
  bool holds = true;
  co_await net::either(send_due(webhook, holds), keep_lease(webhook));
  if (holds) co_await give_lease_back(webhook);
  serving_.erase(webhook);
  ended_.notify();
}

Task<bool> Sender::send_round(const std::string& webhook, MonoTime until, bool& more) {
  const auto round = std::make_shared<Round>();
  round->webhook = webhook;
  round->until = until;
  const WallTime now = clock_.wall_now();
  const auto read = co_await database_.read([&, now](db::Transaction& transaction) -> Result<void> {
    round->lanes.clear();
    auto webhooks =
        transaction.query("SELECT url, secret FROM webhook WHERE id = $1 AND deleted_at IS NULL", {webhook});
    if (!webhooks) return failure(webhooks);
    if (webhooks->empty()) return {};
    round->target = {.url = webhooks->front().text(0), .secret = webhooks->front().text(1)};
    auto due = due_deliveries(transaction, webhook, now, std::int64_t{lanes_at_once}, of_each_lane);
    if (!due) return failure(due);
    round->lanes = std::move(*due);
    return {};
  });
  if (!read) co_return false;
  more = !round->lanes.empty();
  if (!more) co_return true;
  const auto destination = parse_destination(round->target.url);
  if (!destination) co_return false;
  if (auto origin = connect_(destination->origin)) round->origin = std::move(*origin);
  round->under_way = round->lanes.size();
  for (std::size_t lane = 0; lane < round->lanes.size(); ++lane)
    co_await net::spawn_child(send_lane(round, lane));
  while (round->under_way > 0) co_await round->lane_ended.wait();
  co_return round->holds;
}

Task<void> Sender::send_lane(std::shared_ptr<Round> round, std::size_t lane) {
  for (const DueDelivery& due : round->lanes[lane]) {
    Attempt attempt{.at = clock_.wall_now(), .error = "it could not be sent"};
    if (round->origin) attempt = co_await this->attempt(*round, due);
    attempt.pause = pause_after(due.attempts + 1, rng_);
    const auto noted = co_await note(round->webhook, due, attempt);
    if (!noted || !*noted) round->holds = false;
    if (!round->holds || draining_ || clock_.mono_now() >= round->until) break;
  }
  --round->under_way;
  round->lane_ended.notify();
}

Task<Attempt> Sender::attempt(Round& round, const DueDelivery& due) {
  const WallTime now = clock_.wall_now();
  Attempt result{.at = now};
  if (!due.event) {
    result.error = "the event is not kept any more";
    co_return result;
  }
  std::string body = events::envelope_of(due.event->event);
  net::HttpCall call{.method = net::Method::post, .target = parse_destination(round.target.url)->target};
  call.headers.add("Perkline-Signature", signature_of(round.target.secret, now, body));
  call.headers.add("Perkline-Event-Id", due.event->event.id.str());
  // A hub that was restored may count its deliveries on from where others were counted before.
  call.headers.add("Perkline-Delivery-Id", std::to_string(due.id) + '-' + due.event->event.id.str());
  call.headers.add("User-Agent", "perkline-hub");
  call.body = std::move(body);
  const auto answer =
      co_await round.origin->call(std::move(call), clock_.mono_now() + options_.answer_within);
  result.at = clock_.wall_now();
  if (!answer) {
    result.error = words_for(answer.error().error);
    co_return result;
  }
  result.status = answer->status;
  if (answer->status < 200 || answer->status >= 300) result.error = words_for(answer->status);
  co_return result;
}

Task<Result<bool>> Sender::note(const std::string& webhook, const DueDelivery& due, const Attempt& attempt) {
  const WallTime now = clock_.wall_now();
  if (attempt.error && due.attempts + 1 >= delivery_attempts_max) {
    ops::log(ops::Level::warn, context, "a delivery has failed for good",
             {{"webhook", webhook}, {"delivery", due.id}, {"reason", *attempt.error}});
  }
  co_return co_await db::write_for<bool>(database_, [&, now](db::Transaction& transaction) -> Result<bool> {
    if (auto noted = note_attempt(transaction, due.id, due.attempts, attempt); !noted) return failure(noted);
    return renew_lease(transaction, webhook, now);
  });
}

Result<void> release_all_leases(db::Transaction& transaction) {
  auto released = transaction.execute("UPDATE webhook SET lease_until = 0 WHERE lease_until > 0");
  if (!released) return failure(released);
  return {};
}

Sender::Connect over_http(net::Reactor& reactor) {
  return [&reactor](const std::string& origin) -> Result<std::unique_ptr<net::HttpOrigin>> {
    auto client = net::HttpClient::make(
        reactor, {.origin = origin, .connections_max = Sender::lanes_at_once, .keeps_off_limits = true});
    if (!client) return failure(client);
    return std::move(*client);
  };
}

}  // namespace perkline::hub::webhooks
