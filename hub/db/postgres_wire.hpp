#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"

struct pg_conn;
struct pg_result;

namespace perkline::hub::db {

/// Where a database is, and how long to try.
struct PostgresTarget {
  std::string url;            ///< `postgresql://user:password@host:port/name?parameter=…`
  std::string database = {};  ///< Another than the URL's.
  std::chrono::milliseconds connect_timeout{3'000};
  /// What one statement may take; 0: for ever.
  std::chrono::milliseconds statement_timeout{10'000};
  bool is_known_away = false;      ///< It is no news that nobody answers there: not for the log.
  bool create_if_missing = false;  ///< Makes the database where the server has none of that name.
  /// Ends every wait as soon as it is readable; -1: none.
  int interrupt = -1;
};

/// A column type's or parameter's number in PostgreSQL's catalogue.
using TypeId = unsigned int;
inline constexpr TypeId type_unknown = 0;
inline constexpr TypeId type_bytes = 17;
inline constexpr TypeId type_integer = 20;

/// One message of an exchange. Refers to what its maker holds.
struct WireStep {
  enum class Kind : std::uint8_t { command, prepare, describe, run };
  Kind kind = Kind::command;
  std::string text = {};  ///< SQL of a command or to prepare.
  std::string name = {};  ///< Of what is prepared, described or run.
  std::span<const TypeId> types = {};
  std::span<const Value> values = {};
};

struct FreeResult {
  void operator()(pg_result* result) const;
};
using WireResult = std::unique_ptr<pg_result, FreeResult>;

/// A connection to PostgreSQL on which nothing waits longer than it may: libpq without blocking calls, always
/// in its pipeline mode. One thread.
class PostgresWire {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// Errors: database_unavailable, not_found (no such database), internal (what is wrong there no retry
  /// mends); logged.
  static Result<std::unique_ptr<PostgresWire>> connect(const PostgresTarget& target);
  ~PostgresWire();
  PostgresWire(const PostgresWire&) = delete;
  PostgresWire& operator=(const PostgresWire&) = delete;

  /// Sends all steps at once and gives a result for each. After the first that failed the rest was not run.
  /// Errors: database_unavailable, after which the connection is lost: whether the last steps took effect is
  /// not known.
  Result<std::vector<WireResult>> exchange(std::span<const WireStep> steps, Deadline deadline);

 private:
  explicit PostgresWire(int interrupt) : interrupt_(interrupt) {}
  bool send(const WireStep& step);
  /// False: no event before the deadline, or the interrupt.
  bool wait(short events, Deadline deadline) const;
  /// Whether there is something to read that no poll tells of, as TLS has taken it from the socket.
  bool has_unread() const;
  bool flush(Deadline deadline);
  /// nullopt: lost. A null pointer ends a step's results.
  Result<WireResult> next(Deadline deadline);
  Result<void> finish_connecting(Deadline deadline, bool is_known_away);
  Error lost(std::string_view what) const;

  pg_conn* handle_ = nullptr;
  const int interrupt_;
};

/// The SQLSTATE of a failed step; empty: the connection broke.
std::string_view state_of(const pg_result* result);
bool has_failed(const pg_result* result);
int row_count(const pg_result* result);
/// For the log: the server's words, without values.
std::string reason_of(const pg_result* result);

}  // namespace perkline::hub::db
