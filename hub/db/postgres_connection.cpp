#include "hub/db/postgres_connection.hpp"

#include <algorithm>
#include <array>

#include <libpq-fe.h>

#include "hub/db/postgres_error.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/random.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::db {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// The server ends a statement that takes too long by itself; this much later nobody believes in it any more.
constexpr milliseconds grace{2'000};
/// What a statement has at least, however late it is sent.
constexpr milliseconds last_try{1'000};
constexpr days slots_kept{30};

constexpr const char* begin_write = "BEGIN ISOLATION LEVEL READ COMMITTED";
constexpr const char* begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
constexpr const char* roll_back_all = "ROLLBACK";
// Of savepoints of one name the innermost is meant, so attempts nest.
constexpr const char* savepoint = "SAVEPOINT perkline_attempt";
constexpr const char* undo_attempt = "ROLLBACK TO SAVEPOINT perkline_attempt";
constexpr const char* release_attempt = "RELEASE SAVEPOINT perkline_attempt";

/// The driver's own table: no migration's, since migrations are committed by it too.
constexpr const char* make_slots =
    "CREATE TABLE IF NOT EXISTS hub_commit (slot TEXT NOT NULL PRIMARY KEY, number BIGINT NOT NULL,"
    " at BIGINT NOT NULL)";
const std::string mark_name = "mark";
/// A row that is nobody's slot, and never forgotten.
constexpr const char* make_turn =
    "INSERT INTO hub_commit (slot, number, at) VALUES ('turn', 0, 9223372036854775807)"
    " ON CONFLICT (slot) DO NOTHING";
constexpr const char* take_turn = "SELECT 1 FROM hub_commit WHERE slot = 'turn' FOR UPDATE";
constexpr std::size_t mark_place = 1;  ///< Behind BEGIN.
constexpr std::array mark_types{type_unknown, type_integer, type_integer};

WireStep prepare_mark() {
  return {.kind = WireStep::Kind::prepare,
          .text = "UPDATE hub_commit SET number = $2, at = $3 WHERE slot = $1",
          .name = mark_name,
          .types = mark_types};
}

std::string fresh_slot() {
  SystemRng rng;
  std::array<std::uint8_t, 16> bytes{};
  rng.fill(bytes);
  return to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::int64_t now_ms() {
  return SystemClock().wall_now().time_since_epoch().count();
}

std::int64_t rows_changed(const PGresult* result) {
  // A SELECT tells rows as well.
  const std::string_view tag = PQcmdStatus(const_cast<PGresult*>(result));
  if (tag.starts_with("SELECT")) return 0;
  return std::strtoll(PQcmdTuples(const_cast<PGresult*>(result)), nullptr, 10);
}

/// What a CREATE … IF NOT EXISTS says that somebody else was a moment faster with: the catalogue's unique
/// key, the table's type, or the table is there.
bool is_made_by_another(std::string_view state) {
  return state == "23505" || state == "42710" || state == "42P07";
}

bool is_expected(Errc code) {
  return code == Errc::already_exists || code == Errc::validation_failed || code == Errc::overloaded;
}

}  // namespace

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(const PostgresTarget& target,
                                                                     Access access) {
  auto wire = PostgresWire::connect(target);
  if (!wire) return failure(wire);
  std::unique_ptr<PostgresConnection> connection(new PostgresConnection(std::move(*wire), target, access));
  connection->allowed_ = target.statement_timeout;
  connection->give_up_ = steady_clock::now() + target.connect_timeout;
  if (access == Access::read) return connection;
  if (auto taken = connection->take_slot(); !taken) return failure(taken);
  return connection;
}

/// Each statement by itself: there is no transaction yet.
Result<void> PostgresConnection::take_slot() {
  mark_.slot = fresh_slot();
  const std::string insert = "INSERT INTO hub_commit (slot, number, at) VALUES ('" + mark_.slot + "', 0, " +
                             std::to_string(now_ms()) + ")";
  const std::string forget = "DELETE FROM hub_commit WHERE at < " +
                             std::to_string(now_ms() - std::chrono::milliseconds(slots_kept).count());
  bool made = false;
  while (true) {
    const std::array steps{WireStep{.text = insert}, WireStep{.text = make_turn}, WireStep{.text = forget},
                           prepare_mark()};
    const auto done = wire_->exchange(steps, deadline());
    if (!done) return std::unexpected(done.error());
    const auto wrong = std::ranges::find_if(*done, [](const auto& each) { return has_failed(each.get()); });
    if (wrong == done->end()) return {};
    if (state_of(wrong->get()) != "42P01" || std::exchange(made, true))
      return fail(failed(wrong->get(), insert));
    // Another process may make it at the same time, and be first: then it is there.
    const std::array making{WireStep{.text = make_slots}};
    const auto there = wire_->exchange(making, deadline());
    if (!there) return std::unexpected(there.error());
    const bool raced = is_made_by_another(state_of(there->front().get()));
    if (has_failed(there->front().get()) && !raced) return fail(failed(there->front().get(), make_slots));
  }
}

PostgresWire::Deadline PostgresConnection::deadline() const {
  const auto now = steady_clock::now();
  if (allowed_ == milliseconds{0}) return now + std::chrono::hours{24};
  const auto its_own = now + allowed_ + grace;
  if (allowed_ != statement_timeout_) return its_own;
  // A server that stands still ends no statement: nobody is kept waiting for it beyond his time.
  return std::min(its_own, std::max(give_up_, now + last_try));
}

void PostgresConnection::allow(milliseconds a_statement) {
  allowed_ = a_statement;
  prefix_.push_back({.text = "SET LOCAL statement_timeout = " + std::to_string(a_statement.count())});
}

Result<void> PostgresConnection::outlast_others() {
  // Whoever writes holds its connection's row from its first statement on.
  auto held = query("SELECT 1 FROM hub_commit WHERE slot <> 'turn' ORDER BY slot FOR UPDATE");
  if (!held) return failure(held);
  return {};
}

Error PostgresConnection::doom() const {
  if (failed_) return *failed_;
  return postgres_error({});
}

/// Notes what a step's failure means for the transaction.
Error PostgresConnection::failed(const pg_result* result, std::string_view sql) {
  const std::string_view state = state_of(result);
  failed_state_ = state;
  Error error = postgres_error(state);
  if (is_conflict(state)) conflict_ = true;
  // The server's text names tables and columns and goes no further than the log.
  if (!is_expected(error.code)) {
    ops::log(ops::Level::error, "db", error.detail,
             {{"state", state}, {"reason", reason_of(result)}, {"sql", sql.substr(0, 200)}});
  }
  return error;
}

Result<std::vector<WireResult>> PostgresConnection::exchange(std::vector<WireStep> steps,
                                                             std::string_view sql) {
  const std::size_t ahead = prefix_.size();
  const bool marks = sent_ == 0 && access_ == Access::write;
  std::ranges::move(steps, std::back_inserter(prefix_));
  ++sent_;
  auto results = wire_->exchange(prefix_, deadline());
  prefix_.clear();
  deferred_.clear();
  if (!results) {
    lost_ = true;
    return results;
  }
  for (const WireResult& result : *results) {
    if (!has_failed(result.get())) continue;
    failed_ = failed(result.get(), sql);
    return fail(*failed_);
  }
  if (marks && rows_changed((*results)[mark_place].get()) != 1) {
    // Somebody has cleared our slot away: as if the connection were another's.
    lost_ = true;
    return fail(postgres_error({}));
  }
  results->erase(results->begin(), results->begin() + static_cast<std::ptrdiff_t>(ahead));
  return results;
}

Result<PostgresStatements::Prepared*> PostgresConnection::prepare(std::string_view sql,
                                                                  const std::vector<Value>& parameters) {
  if (auto* known = statements_.find(sql, parameters)) return known;
  if (statements_.is_full()) {
    statements_.forget();
    prefix_.push_back({.text = "DEALLOCATE ALL"});
    if (access_ == Access::write) prefix_.push_back(prepare_mark());
  }
  const std::string name = statements_.next_name();
  const auto types = types_of(parameters);
  auto prepared =
      exchange({{.kind = WireStep::Kind::prepare, .text = std::string(sql), .name = name, .types = types},
                {.kind = WireStep::Kind::describe, .name = name}},
               sql);
  if (!prepared) return failure(prepared);
  const PGresult* described = prepared->back().get();
  PostgresStatements::Prepared kept{.name = name, .types = {}};
  for (int i = 0; i < PQnparams(described); ++i) kept.types.push_back(PQparamtype(described, i));
  return &statements_.keep(sql, std::move(kept));
}

Result<void> PostgresConnection::check(std::string_view sql, const std::vector<Value>& parameters) const {
  if (is_doomed()) return fail(doom());
  for (const Value& value : parameters) {
    if (const auto* text = std::get_if<std::string>(&value); text && text->contains('\0'))
      return fail(Errc::validation_failed, "a text holds a NUL");
  }
  if (const std::size_t count = parameters_in(sql); count != parameters.size()) {
    return fail(Errc::internal, "a statement with " + std::to_string(count) + " parameters got " +
                                    std::to_string(parameters.size()));
  }
  return {};
}

Result<WireResult> PostgresConnection::run_statement(std::string_view sql,
                                                     const std::vector<Value>& parameters) {
  if (auto sound = check(sql, parameters); !sound) return failure(sound);
  if (!is_prepared(sql) && parameters.empty()) {
    auto done = exchange({{.text = std::string(sql)}}, sql);
    if (!done) return failure(done);
    return std::move(done->front());
  }
  auto prepared = prepare(sql, parameters);
  if (!prepared) return failure(prepared);
  const bool has_run = std::exchange((*prepared)->has_run, true);
  auto done = exchange({{.kind = WireStep::Kind::run, .name = (*prepared)->name, .values = parameters}}, sql);
  if (done) return std::move(done->front());
  // "cached plan must not change result type": another version has changed the table meanwhile.
  if (has_run && failed_state_ == "0A000") lost_ = true;
  return failure(done);
}

Result<void> PostgresConnection::add_rows(Rows& rows, const pg_result* result) {
  const int count = row_count(result);
  rows.reserve(rows.size() + static_cast<std::size_t>(count));
  for (int row = 0; row < count; ++row) {
    auto columns = columns_of(result, row);
    if (!columns) return fail(Errc::internal, "a column holds what is neither whole number, text nor bytes");
    rows.emplace_back(std::move(*columns));
  }
  return {};
}

Result<Rows> PostgresConnection::query(std::string_view sql, std::vector<Value> parameters) {
  auto result = run_statement(sql, parameters);
  if (!result) return failure(result);
  Rows rows;
  if (auto added = add_rows(rows, result->get()); !added) return failure(added);
  return rows;
}

Result<bool> PostgresConnection::prepare_all(const std::vector<Statement>& statements) {
  for (const Statement& each : statements) {
    if (auto sound = check(each.text(), each.parameters); !sound) return failure(sound);
    if (auto prepared = prepare(each.text(), each.parameters); !prepared) return failure(prepared);
  }
  // Whoever keeps no more forgets all.
  return std::ranges::all_of(statements, [this](const Statement& each) {
    return statements_.find(each.text(), each.parameters) != nullptr;
  });
}

Result<Rows> PostgresConnection::query_all(std::vector<Statement> statements) {
  if (statements.size() < 2) return Transaction::query_all(std::move(statements));
  const auto ready = prepare_all(statements);
  if (!ready) return std::unexpected(ready.error());
  if (!*ready) return Transaction::query_all(std::move(statements));
  std::vector<WireStep> steps;
  bool any_has_run = false;
  for (const Statement& each : statements) {
    auto& prepared = *statements_.find(each.text(), each.parameters);
    any_has_run = std::exchange(prepared.has_run, true) || any_has_run;
    steps.push_back({.kind = WireStep::Kind::run, .name = prepared.name, .values = each.parameters});
  }
  const auto done = exchange(std::move(steps), statements.front().text());
  if (!done) {
    if (any_has_run && failed_state_ == "0A000") lost_ = true;
    return std::unexpected(done.error());
  }
  Rows rows;
  for (const WireResult& result : *done) {
    if (auto added = add_rows(rows, result.get()); !added) return failure(added);
  }
  return rows;
}

Result<std::int64_t> PostgresConnection::execute(std::string_view sql, std::vector<Value> parameters) {
  auto result = run_statement(sql, parameters);
  if (!result) return failure(result);
  return rows_changed(result->get());
}

Result<void> PostgresConnection::defer(Statement statement) {
  if (auto sound = check(statement.text(), statement.parameters); !sound) return sound;
  auto prepared = prepare(statement.text(), statement.parameters);
  if (!prepared) return failure(prepared);
  (*prepared)->has_run = true;
  deferred_.push_back(std::move(statement.parameters));
  prefix_.push_back({.kind = WireStep::Kind::run, .name = (*prepared)->name, .values = deferred_.back()});
  return {};
}

Result<void> PostgresConnection::send_deferred() {
  if (deferred_.empty()) return {};
  auto sent = exchange({}, "what was put off");
  if (!sent) return failure(sent);
  return {};
}

void PostgresConnection::drop_deferred() {
  // The mark is the only other one that is run, and it stands in front.
  const auto is_deferred = [](const WireStep& step) {
    return step.kind == WireStep::Kind::run && step.name != mark_name;
  };
  std::erase_if(prefix_, is_deferred);
  deferred_.clear();
}

Result<void> PostgresConnection::attempt(const std::function<Result<void>()>& work) {
  if (is_doomed()) return fail(doom());
  // What is wrong with those is no fault of the attempt.
  if (auto sent = send_deferred(); !sent) return sent;
  const std::size_t sent_before = sent_;
  const std::size_t place = prefix_.size();
  prefix_.push_back({.text = savepoint});
  auto done = work();
  if (done && !is_doomed()) done = send_deferred();
  drop_deferred();
  if (lost_ || conflict_) return done ? fail(doom()) : done;
  if (sent_ == sent_before) {
    // Nothing has gone to the server, the savepoint neither.
    prefix_.resize(place);
    return done;
  }
  if (done && failed_) done = fail(*failed_);
  if (!done) {
    failed_.reset();
    prefix_.push_back({.text = undo_attempt});
  }
  prefix_.push_back({.text = release_attempt});
  return done;
}

void PostgresConnection::begin(Turn turn) {
  failed_.reset();
  conflict_ = false;
  sent_ = 0;
  allowed_ = statement_timeout_;
  prefix_.clear();
  deferred_.clear();
  if (access_ == Access::read) {
    if (reading_) prefix_.push_back({.text = roll_back_all});
    prefix_.push_back({.text = begin_read});
    return;
  }
  prefix_.push_back({.text = begin_write});
  ++mark_.number;
  mark_values_ = {mark_.slot, mark_.number, now_ms()};
  prefix_.push_back({.kind = WireStep::Kind::run, .name = mark_name, .values = mark_values_});
  if (turn == Turn::after_conflict) prefix_.push_back({.text = take_turn});
}

PostgresConnection::Outcome PostgresConnection::run(const Work& work, PostgresWire::Deadline give_up,
                                                    Turn turn) {
  give_up_ = give_up;
  begin(turn);
  return end(work(*this));
}

PostgresConnection::Outcome PostgresConnection::end(Result<void> done) {
  if (lost_) return {.ended = Ended::lost, .result = fail(postgres_error({}))};
  if (conflict_) {
    Error error = doom();
    roll_back();
    return {.ended = Ended::conflict, .result = fail(std::move(error))};
  }
  // Whoever goes on after an error has his work refused: the server has given the transaction up.
  if (done && failed_) done = fail(*failed_);
  if (access_ == Access::read) {
    prefix_.clear();
    // Who asked nothing has not taken back what the last one read.
    reading_ = reading_ || sent_ > 0;
    return {.ended = done ? Ended::committed : Ended::refused, .result = std::move(done)};
  }
  if (!done) {
    roll_back();
    return {.ended = Ended::refused, .result = std::move(done)};
  }
  if (sent_ == 0 && deferred_.empty()) return {};
  return commit();
}

PostgresConnection::Outcome PostgresConnection::commit() {
  auto done = exchange({{.text = "COMMIT"}}, "COMMIT");
  if (done && std::string_view(PQcmdStatus(done->front().get())) == "COMMIT") return {};
  if (lost_) return {.ended = Ended::unknown, .result = fail(postgres_error({}))};
  Error error = failed_.value_or(Error{.code = Errc::internal, .detail = "the transaction was given up"});
  const bool again = conflict_;
  roll_back();
  return {.ended = again ? Ended::conflict : Ended::refused, .result = fail(std::move(error))};
}

void PostgresConnection::settle() {
  if (reading_) take_back();
}

void PostgresConnection::roll_back() {
  prefix_.clear();
  deferred_.clear();
  if (sent_ > 0) take_back();
}

void PostgresConnection::take_back() {
  reading_ = false;
  if (lost_) return;
  const std::array steps{WireStep{.text = roll_back_all}};
  const auto done = wire_->exchange(steps, deadline());
  lost_ = !done || has_failed(done->front().get());
}

Result<bool> PostgresConnection::was_committed(const CommitMark& mark) {
  // Locked, so that it waits for whoever holds the row: the very transaction in question.
  const std::string find = "SELECT number FROM hub_commit WHERE slot = '" + mark.slot + "' FOR UPDATE";
  const std::array steps{WireStep{.text = find}};
  const auto found = wire_->exchange(steps, deadline());
  if (!found || has_failed(found->front().get()) || row_count(found->front().get()) != 1) {
    lost_ = true;
    return fail(postgres_error({}));
  }
  return std::strtoll(PQgetvalue(found->front().get(), 0, 0), nullptr, 10) >= mark.number;
}

}  // namespace perkline::hub::db
