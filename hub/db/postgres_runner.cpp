#include "hub/db/postgres_runner.hpp"

#include <algorithm>
#include <array>
#include <poll.h>

#include "hub/db/postgres_error.hpp"
#include "hub/db/postgres_url.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::db {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds pause_min{100};
constexpr milliseconds pause_max{2'000};
constexpr milliseconds conflict_rest_min{4};
constexpr milliseconds conflict_rest_max{256};

milliseconds part_of(milliseconds span, Rng& rng) {
  return milliseconds(rng.below(static_cast<std::uint64_t>(span.count()) + 1));
}

/// Makes the target's database if its server has none of that name. C's order of texts is SQLite's, and stays
/// the same whatever library the server runs on.
Result<void> make_database(const PostgresTarget& target) {
  auto name = postgres_database(target.url);
  if (!name) return failure(name);
  if (!target.database.empty()) name = target.database;
  PostgresTarget beside = target;
  beside.database = "postgres";
  beside.statement_timeout = std::chrono::minutes{1};
  const auto wire = PostgresWire::connect(beside);
  if (!wire) return std::unexpected(wire.error());
  const auto deadline = steady_clock::now() + std::chrono::minutes{1};
  const std::array finding{
      WireStep{.text = "SELECT 1 FROM pg_database WHERE datname = " + sql_literal(*name)}};
  const auto found = (*wire)->exchange(finding, deadline);
  if (!found) return std::unexpected(found.error());
  if (row_count(found->front().get()) == 1) return {};
  const std::array making{
      WireStep{.text = "CREATE DATABASE " + sql_identifier(*name) +
                       " ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"}};
  const auto made = (*wire)->exchange(making, deadline);
  if (!made) return std::unexpected(made.error());
  const pg_result* result = made->front().get();
  // Another process may make it at the same time, and be first.
  const std::string_view state = state_of(result);
  if (has_failed(result) && state != "42P04" && state != "23505") {
    ops::log(ops::Level::error, "db", "the database cannot be made",
             {{"name", *name}, {"state", state}, {"reason", reason_of(result)}});
    return fail(postgres_error(state));
  }
  return {};
}

}  // namespace

PostgresGate::Pass PostgresGate::enter() {
  const std::scoped_lock lock(mutex_);
  if (!closed_) return Pass::open;
  if (trying_ || steady_clock::now() < closed_until_) return Pass::no;
  trying_ = true;
  return Pass::alone;
}

void PostgresGate::leave(bool connected) {
  const std::scoped_lock lock(mutex_);
  trying_ = false;
  if (std::exchange(closed_, !connected) && connected)
    ops::log(ops::Level::info, "db", "the database is back");
  if (connected) {
    pause_ = {};
    return;
  }
  pause_ = std::clamp(2 * pause_, pause_min, pause_max);
  closed_until_ = steady_clock::now() + pause_ / 2 + part_of(pause_ / 2, rng_);
}

Result<std::unique_ptr<PostgresConnection>> PostgresRunner::open(bool is_known_away) const {
  PostgresTarget target = target_;
  target.is_known_away = is_known_away;
  auto opened = PostgresConnection::open(target, access_);
  if (opened || !target.create_if_missing || opened.error().code == Errc::internal) return opened;
  target.is_known_away = true;
  if (auto made = make_database(target); !made) return opened;
  return PostgresConnection::open(target, access_);
}

Result<void> PostgresRunner::connect() {
  if (connection_ && !connection_->is_lost()) return {};
  connection_.reset();
  const PostgresGate::Pass pass = gate_.enter();
  if (pass == PostgresGate::Pass::no) return fail(postgres_error({}));
  auto opened = open(pass == PostgresGate::Pass::alone);
  gate_.leave(opened.has_value());
  if (!opened) return failure(opened);
  connection_ = std::move(*opened);
  return {};
}

bool PostgresRunner::rest(milliseconds at_most, Deadline give_up) {
  const milliseconds time = part_of(at_most, rng_);
  pollfd interrupt{.fd = target_.interrupt, .events = POLLIN, .revents = 0};
  const bool interrupted = ::poll(&interrupt, 1, static_cast<int>(time.count())) > 0;
  return !interrupted && steady_clock::now() < give_up;
}

Result<bool> PostgresRunner::look_up(const CommitMark& mark, Deadline give_up) {
  milliseconds pause = pause_min;
  for (bool again = false;; again = true) {
    // Past the gate: until this is known nothing else can be said to whoever waits.
    auto opened = open(again);
    if (opened) {
      gate_.leave(true);
      connection_ = std::move(*opened);
      if (auto known = connection_->was_committed(mark)) return known;
    }
    if (!rest(pause, give_up)) {
      return fail(Error{.code = Errc::database_unavailable,
                        .detail = "whether it was committed is not known",
                        .retry_after = std::chrono::seconds{1}});
    }
    pause = std::min(2 * pause, pause_max);
  }
}

void PostgresRunner::settle() {
  if (connection_ && !connection_->is_lost()) connection_->settle();
}

Result<void> PostgresRunner::run(const Work& work, Deadline give_up) {
  milliseconds pause = conflict_rest_min;
  auto turn = PostgresConnection::Turn::first;
  while (true) {
    if (auto connected = connect(); !connected) return connected;
    auto outcome = connection_->run(work, give_up, turn);
    switch (outcome.ended) {
      case PostgresConnection::Ended::committed:
      case PostgresConnection::Ended::refused:
        return std::move(outcome.result);
      case PostgresConnection::Ended::unknown: {
        const CommitMark mark = connection_->mark();
        connection_.reset();
        const auto committed = look_up(mark, give_up);
        if (!committed) return std::unexpected(committed.error());
        if (*committed) return {};
        break;
      }
      case PostgresConnection::Ended::conflict:
        turn = PostgresConnection::Turn::after_conflict;
        break;
      case PostgresConnection::Ended::lost:
        break;
    }
    if (!rest(pause, give_up)) return std::move(outcome.result);
    pause = std::min(2 * pause, conflict_rest_max);
  }
}

}  // namespace perkline::hub::db
