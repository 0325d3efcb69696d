#include "hub/db/postgres_wire.hpp"

#include <array>
#include <poll.h>

#include <libpq-fe.h>
#include <openssl/ssl.h>

#include "hub/db/postgres_error.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::db {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// A value as libpq takes it: text, but for bytes.
class Bound {
 public:
  explicit Bound(std::span<const Value> values) {
    numbers_.reserve(values.size());
    for (const Value& value : values) std::visit([this](const auto& held) { add(held); }, value);
  }
  int count() const { return static_cast<int>(texts_.size()); }
  const char* const* texts() const { return texts_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  void add(std::nullptr_t) { push(nullptr, 0, 0); }
  void add(std::int64_t number) {
    numbers_.push_back(std::to_string(number));
    push(numbers_.back().c_str(), 0, 0);
  }
  void add(const std::string& text) { push(text.c_str(), 0, 0); }
  void add(const Blob& blob) { push(blob.bytes.data(), static_cast<int>(blob.bytes.size()), 1); }
  void push(const char* text, int length, int format) {
    texts_.push_back(text);
    lengths_.push_back(length);
    formats_.push_back(format);
  }

  std::vector<std::string> numbers_;  ///< Reserved, so that they stay where they are.
  std::vector<const char*> texts_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

/// The SQLSTATE in what a failed connecting says: libpq gives it no other way.
std::string_view state_in(std::string_view message) {
  if (message.contains("does not exist") && message.contains("database \"")) return "3D000";
  return {};
}

milliseconds left_until(PostgresWire::Deadline deadline) {
  return std::max(milliseconds{0}, std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()));
}

/// The rest is advice.
std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find('\n'));
}

void log_unreachable(std::string_view reason) {
  ops::log(ops::Level::warn, "db", "the database cannot be reached", {{"reason", first_line(reason)}});
}

/// URL parameters stand above ours.
PGconn* start_connecting(const PostgresTarget& target) {
  std::vector<const char*> keys{
      "application_name",    "client_encoding",  "keepalives",       "keepalives_idle",
      "keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname"};
  std::vector<const char*> values{"perkline-hub", "UTF8", "1", "5", "2", "3", "10000", target.url.c_str()};
  if (!target.database.empty()) {
    keys.push_back("dbname");
    values.push_back(target.database.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  return PQconnectStartParams(keys.data(), values.data(), 1);
}

}  // namespace

void FreeResult::operator()(pg_result* result) const {
  PQclear(result);
}

std::string_view state_of(const pg_result* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (state != nullptr) return state;
  return PQresultStatus(result) == PGRES_EMPTY_QUERY ? "42601" : "";
}

bool has_failed(const pg_result* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK;
}

int row_count(const pg_result* result) {
  return PQntuples(result);
}

std::string reason_of(const pg_result* result) {
  const char* text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  // What is wrong with a value is told with the value.
  if (text == nullptr || state_of(result).starts_with("22")) return {};
  return text;
}

Result<std::unique_ptr<PostgresWire>> PostgresWire::connect(const PostgresTarget& target) {
  std::unique_ptr<PostgresWire> wire(new PostgresWire(target.interrupt));
  wire->handle_ = start_connecting(target);
  if (auto done = wire->finish_connecting(steady_clock::now() + target.connect_timeout, target.is_known_away);
      !done)
    return failure(done);
  PGconn* handle = wire->handle_;
  // By itself libpq prints what the server remarks.
  PQsetNoticeProcessor(handle, [](void*, const char*) {}, nullptr);
  if (PQsetnonblocking(handle, 1) != 0 || PQenterPipelineMode(handle) != 1) return fail(wire->lost("set-up"));

  const std::string limit = "SET statement_timeout = " + std::to_string(target.statement_timeout.count());
  const std::array steps{WireStep{.text = limit},
                         // Whoever stands still in the midst of a transaction holds others' rows up.
                         WireStep{.text = "SET idle_in_transaction_session_timeout = 60000"}};
  const auto set = wire->exchange(steps, steady_clock::now() + target.connect_timeout);
  if (!set) return std::unexpected(set.error());
  for (const WireResult& result : *set) {
    if (!has_failed(result.get())) continue;
    log_unreachable(reason_of(result.get()));
    return fail(postgres_error(state_of(result.get())));
  }
  return wire;
}

PostgresWire::~PostgresWire() {
  PQfinish(handle_);
}

Result<void> PostgresWire::finish_connecting(Deadline deadline, bool is_known_away) {
  PostgresPollingStatusType status = PGRES_POLLING_WRITING;
  while (PQstatus(handle_) != CONNECTION_BAD) {
    if (status == PGRES_POLLING_OK) return {};
    if (status == PGRES_POLLING_FAILED) break;
    if (!wait(status == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline)) {
      if (!is_known_away) log_unreachable("no answer");
      return fail(postgres_error({}));
    }
    status = PQconnectPoll(handle_);
  }
  const std::string_view message = PQerrorMessage(handle_);
  const std::string_view state = state_in(message);
  if (state.empty() && !is_known_away) log_unreachable(message);
  return fail(postgres_error(state));
}

Error PostgresWire::lost(std::string_view what) const {
  ops::log(ops::Level::warn, "db", "a connection to the database is lost",
           {{"while", what}, {"reason", first_line(PQerrorMessage(handle_))}});
  return postgres_error({});
}

bool PostgresWire::wait(short events, Deadline deadline) const {
  std::array<pollfd, 2> polled{pollfd{.fd = PQsocket(handle_), .events = events, .revents = 0},
                               pollfd{.fd = interrupt_, .events = POLLIN, .revents = 0}};
  while (true) {
    const int ready = ::poll(polled.data(), polled.size(), static_cast<int>(left_until(deadline).count()));
    if (ready < 0 && errno == EINTR) continue;
    return ready > 0 && polled[1].revents == 0;
  }
}

bool PostgresWire::send(const WireStep& step) {
  switch (step.kind) {
    case WireStep::Kind::command:
      return PQsendQueryParams(handle_, step.text.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 1;
    case WireStep::Kind::prepare:
      return PQsendPrepare(handle_, step.name.c_str(), step.text.c_str(), static_cast<int>(step.types.size()),
                           step.types.data()) == 1;
    case WireStep::Kind::describe:
      return PQsendDescribePrepared(handle_, step.name.c_str()) == 1;
    case WireStep::Kind::run: {
      const Bound bound(step.values);
      return PQsendQueryPrepared(handle_, step.name.c_str(), bound.count(), bound.texts(), bound.lengths(),
                                 bound.formats(), 0) == 1;
    }
  }
  return false;
}

bool PostgresWire::flush(Deadline deadline) {
  while (true) {
    const int left = PQflush(handle_);
    if (left == 0) return true;
    // What the server answers meanwhile has to be taken, or it takes no more either.
    if (left < 0 || !wait(POLLIN | POLLOUT, deadline) || PQconsumeInput(handle_) != 1) return false;
  }
}

bool PostgresWire::has_unread() const {
  const auto* tls = static_cast<const SSL*>(PQsslStruct(handle_, "OpenSSL"));
  return tls != nullptr && SSL_pending(tls) > 0;
}

Result<WireResult> PostgresWire::next(Deadline deadline) {
  while (PQisBusy(handle_) == 1) {
    const bool readable = has_unread() || wait(POLLIN, deadline);
    if (!readable || PQconsumeInput(handle_) != 1) return fail(Errc::database_unavailable);
  }
  return WireResult(PQgetResult(handle_));
}

Result<std::vector<WireResult>> PostgresWire::exchange(std::span<const WireStep> steps, Deadline deadline) {
  if (PQstatus(handle_) != CONNECTION_OK) return fail(postgres_error({}));
  for (const WireStep& step : steps) {
    if (!send(step)) return fail(lost("sending"));
  }
  if (PQpipelineSync(handle_) != 1 || !flush(deadline)) return fail(lost("sending"));

  std::vector<WireResult> results;
  results.reserve(steps.size());
  // A result and an end for each, then the mark behind them all.
  while (results.size() < steps.size()) {
    auto result = next(deadline);
    if (!result || *result == nullptr) return fail(lost("waiting for an answer"));
    if (has_failed(result->get()) && PQresultStatus(result->get()) != PGRES_PIPELINE_ABORTED &&
        ends_connection(state_of(result->get()))) {
      return fail(lost("waiting for an answer"));
    }
    results.push_back(std::move(*result));
    auto end = next(deadline);
    if (!end || *end != nullptr) return fail(lost("waiting for an answer"));
  }
  auto mark = next(deadline);
  if (!mark || PQresultStatus(mark->get()) != PGRES_PIPELINE_SYNC) return fail(lost("waiting for an answer"));
  return results;
}

}  // namespace perkline::hub::db
