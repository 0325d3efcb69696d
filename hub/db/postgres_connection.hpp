#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/db/postgres_statements.hpp"
#include "hub/db/postgres_wire.hpp"

namespace perkline::hub::db {

/// Which commit it was. Its number is written in the transaction itself, to a row that is its connection's
/// alone: whether it is there tells afterwards whether it was committed. (A transaction's number would not
/// do: PostgreSQL may give one anew after a crash, and CockroachDB has none to ask for.)
struct CommitMark {
  std::string slot;
  std::int64_t number = 0;
};

/// A connection with its prepared statements, and the transaction that runs on it. What needs no answer of
/// its own (BEGIN, savepoints) goes along with the next statement. One thread.
class PostgresConnection final : public Transaction {
 public:
  using Work = std::function<Result<void>(Transaction&)>;
  enum class Access : std::uint8_t { write, read };

  /// How one try at a transaction ended.
  enum class Ended : std::uint8_t {
    committed,
    refused,   ///< By its work or the server; nothing of it is left.
    conflict,  ///< Others changed the same; nothing of it is left, and it may be run again.
    lost,      ///< With the connection; nothing of it is left.
    unknown,   ///< The connection broke in its commit: mark() tells which to look up.
  };
  struct Outcome {
    Ended ended = Ended::committed;
    Result<void> result = {};
  };

  /// Errors: as PostgresWire::connect.
  static Result<std::unique_ptr<PostgresConnection>> open(const PostgresTarget& target, Access access);

  Result<Rows> query(std::string_view sql, std::vector<Value> parameters = {}) override;
  Result<Rows> query_all(std::vector<Statement> statements) override;
  Result<std::int64_t> execute(std::string_view sql, std::vector<Value> parameters = {}) override;
  Result<void> defer(Statement statement) override;
  Result<void> attempt(const std::function<Result<void>()>& work) override;
  std::string_view for_update() const override { return access_ == Access::write ? " FOR UPDATE" : ""; }
  bool has_arrays() const override { return true; }
  Result<void> outlast_others() override;
  void allow(std::chrono::milliseconds a_statement) override;

  /// Whether this work has met a conflict before. Then a write runs alone among all such, of every hub: two
  /// that lock the same in different orders would else stop one another again and again.
  enum class Turn : std::uint8_t { first, after_conflict };
  /// Runs `work` once in a transaction, READ COMMITTED or, with read access, on one snapshot. After `give_up`
  /// no answer is waited for longer than a second, unless the work has asked for more (allow()).
  Outcome run(const Work& work, PostgresWire::Deadline give_up, Turn turn = Turn::first);
  /// Ends what is left of run() where it only read: the snapshot is taken back along with what is run next,
  /// or here, by whoever has nothing to run at once.
  void settle();
  /// After run(): whether the connection can be used again.
  bool is_lost() const { return lost_; }
  const CommitMark& mark() const { return mark_; }

  /// Whether that commit took place; waits for the end of its transaction where it still runs. Errors:
  /// database_unavailable.
  Result<bool> was_committed(const CommitMark& mark);

 private:
  PostgresConnection(std::unique_ptr<PostgresWire> wire, const PostgresTarget& target, Access access)
      : wire_(std::move(wire)), access_(access), statement_timeout_(target.statement_timeout) {}

  Result<void> take_slot();
  void begin(Turn turn);
  Outcome end(Result<void> done);
  Outcome commit();
  void roll_back();
  void take_back();
  /// Whether the server takes no more statements, but for the way back.
  bool is_doomed() const { return lost_ || conflict_ || failed_.has_value(); }
  Error doom() const;

  /// Whether the statement can be sent at all. Errors: those of query().
  Result<void> check(std::string_view sql, const std::vector<Value>& parameters) const;
  /// Prepares each. False: they are more than are kept at a time.
  Result<bool> prepare_all(const std::vector<Statement>& statements);
  /// Errors: internal (a column of a kind that our schema does not know).
  static Result<void> add_rows(Rows& rows, const pg_result* result);
  Result<WireResult> run_statement(std::string_view sql, const std::vector<Value>& parameters);
  Result<PostgresStatements::Prepared*> prepare(std::string_view sql, const std::vector<Value>& parameters);
  /// Sends what was put off by defer(), and all else that waits. Errors: theirs.
  Result<void> send_deferred();
  /// Takes back what was put off and is not sent yet.
  void drop_deferred();
  /// Sends what waits to be sent with `steps`, whose results it gives. Errors: those of any of them.
  Result<std::vector<WireResult>> exchange(std::vector<WireStep> steps, std::string_view sql);
  Error failed(const pg_result* result, std::string_view sql);
  PostgresWire::Deadline deadline() const;

  std::unique_ptr<PostgresWire> wire_;
  const Access access_;
  const std::chrono::milliseconds statement_timeout_;
  std::chrono::milliseconds allowed_{};  ///< For one statement, in this transaction.
  PostgresWire::Deadline give_up_ = {};  ///< When whoever waits for this transaction does so no more.
  PostgresStatements statements_;
  CommitMark mark_;
  std::vector<Value> mark_values_;
  /// What goes along with the next statement.
  std::vector<WireStep> prefix_;
  /// The parameters of those of them that defer() put there.
  std::deque<std::vector<Value>> deferred_;
  std::size_t sent_ = 0;  ///< How often something was sent in this transaction.
  // What has become of the transaction, or of the innermost attempt of it.
  std::optional<Error> failed_;
  std::string failed_state_;
  bool conflict_ = false;
  bool lost_ = false;
  bool reading_ = false;  ///< There is a snapshot that nobody reads any more.
};

}  // namespace perkline::hub::db
