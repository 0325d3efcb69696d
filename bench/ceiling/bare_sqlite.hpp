#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

/// SQLite's C API, and nothing over it but the rows that all the hub's doings leave. Whatever fails ends the
/// program.
namespace perkline::bench {

[[noreturn]] inline void give_up(sqlite3* database, const char* what) {
  fmt::print(stderr, "ceiling-sqlite: {}: {}\n", what, sqlite3_errmsg(database));
  std::exit(1);
}

class Statement {
 public:
  Statement(sqlite3* database, const char* sql) : database_(database) {
    if (sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr) != SQLITE_OK)
      give_up(database, sql);
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(handle_); }

  template <class... Values>
  void run(const Values&... values) {
    start(values...);
    finish();
  }
  /// With RETURNING: whether there is a row, whose columns are there until finish().
  template <class... Values>
  bool start(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    const int code = sqlite3_step(handle_);
    if (code != SQLITE_DONE && code != SQLITE_ROW) give_up(database_, sqlite3_sql(handle_));
    return code == SQLITE_ROW;
  }
  std::int64_t column(int number) { return sqlite3_column_int64(handle_, number); }
  void finish() { sqlite3_reset(handle_); }

 private:
  void bind(int index, std::int64_t number) { sqlite3_bind_int64(handle_, index, number); }
  void bind(int index, const std::string& text) {
    sqlite3_bind_text(handle_, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }

  sqlite3* database_;
  sqlite3_stmt* handle_ = nullptr;
};

/// As the hub's writer has it.
inline sqlite3* open_bare(const std::string& path) {
  sqlite3* database = nullptr;
  if (sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr) !=
      SQLITE_OK)
    give_up(database, "open");
  const char* set_up =
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
      "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 0";
  if (sqlite3_exec(database, set_up, nullptr, nullptr, nullptr) != SQLITE_OK) give_up(database, set_up);
  return database;
}

/// Brings the log's pages into the database beside the writer, on a thread and a connection of its own, as
/// the hub does.
class Checkpointer {
 public:
  Checkpointer(sqlite3* writer, const std::string& path) : connection_(open_bare(path)) {
    sqlite3_wal_hook(writer, &Checkpointer::committed, this);
    thread_ = std::thread([this] { run(); });
  }
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;
  ~Checkpointer() {
    round_ = Round::stop;
    round_.notify_one();
    thread_.join();
    sqlite3_close(connection_);
  }

 private:
  enum class Round : std::uint8_t { none, wanted, over, stop };
  static constexpr int pages_max = 10'000;

  static int committed(void* self, sqlite3* writer, const char*, int pages) {
    auto& round = static_cast<Checkpointer*>(self)->round_;
    if (round == Round::over) {
      // What came meanwhile; only then does the log begin at its beginning again.
      round = Round::none;
      sqlite3_wal_checkpoint_v2(writer, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    } else if (round == Round::none && pages >= pages_max) {
      round = Round::wanted;
      round.notify_one();
    }
    return SQLITE_OK;
  }

  void run() {
    while (true) {
      for (Round now = round_; now != Round::wanted; now = round_) {
        if (now == Round::stop) return;
        round_.wait(now);
      }
      sqlite3_wal_checkpoint_v2(connection_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
      Round wanted = Round::wanted;
      round_.compare_exchange_strong(wanted, Round::over);
    }
  }

  sqlite3* connection_;
  std::atomic<Round> round_ = Round::none;
  std::thread thread_;
};

/// What all kinds write: a transfer with its entries, events, a call's kept answer.
class Writer {
 public:
  explicit Writer(sqlite3* database) : database_(database) {}

  void begin() { begin_.run(); }
  void commit() { commit_.run(); }

  /// The account's id and its balance, moved by `delta`; makes the account if need be.
  std::pair<std::int64_t, std::int64_t> move(const std::string& kind, const std::string& owner,
                                             const std::string& unit, const std::string& code,
                                             std::int64_t may_be_negative, std::int64_t delta) {
    std::pair<std::int64_t, std::int64_t> moved;
    if (account_.start(kind, owner, unit, code, delta)) {
      moved = {account_.column(0), account_.column(1)};
    } else {
      new_account_.run(kind, owner, unit, code, may_be_negative, delta);
      moved = {sqlite3_last_insert_rowid(database_), delta};
    }
    account_.finish();
    return moved;
  }
  /// A store's or the hub's own account, which keeps no balance.
  std::int64_t bare_account(const std::string& kind, const std::string& owner, const std::string& unit,
                            const std::string& code) {
    const auto [place, fresh] = bare_accounts_.try_emplace(owner + unit + code);
    if (fresh) {
      bare_account_.run(kind, owner, unit, code);
      place->second = sqlite3_last_insert_rowid(database_);
    }
    return place->second;
  }

  /// Sequence of the transfer.
  std::int64_t transfer(const std::string& id, const std::string& external_id, std::int64_t debit,
                        std::int64_t credit, std::int64_t amount, const std::string& unit,
                        const std::string& code, std::int64_t at) {
    transfer_.run(id, external_id, debit, credit, amount, unit, code, at);
    return sqlite3_last_insert_rowid(database_);
  }
  void entry(std::int64_t id, std::int64_t account, std::int64_t delta, std::int64_t balance) {
    entry_.run(id, id / 2, account, delta, balance);
  }
  void entry_without_balance(std::int64_t id, std::int64_t account, std::int64_t delta) {
    bare_entry_.run(id, id / 2, account, delta);
  }
  /// `card`: of whom it tells without an account; empty: of nobody.
  void event(const std::string& id, const std::string& type, std::int64_t at, const std::string& data,
             const std::string& card = {}) {
    event_.run(id, type, at, data, ++position_, at, card);
  }
  /// `call`: method and path.
  void answer(const std::string& user, const std::string& call, const std::string& key,
              const std::string& body, std::int64_t at) {
    answer_.run(user + ' ' + call, key, std::string(64, 'a'), body, at);
  }

 private:
  sqlite3* database_;
  Statement begin_{database_, "BEGIN IMMEDIATE"};
  Statement commit_{database_, "COMMIT"};
  Statement account_{database_,
                     "UPDATE account SET balance = balance + ?5 WHERE owner_kind = ?1 AND owner_id = ?2"
                     " AND unit = ?3 AND code = ?4 RETURNING id, balance"};
  Statement new_account_{database_,
                         "INSERT INTO account (owner_kind, owner_id, unit, code, keeps_balance,"
                         " may_be_negative, balance) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6)"};
  Statement bare_account_{database_,
                          "INSERT INTO account (owner_kind, owner_id, unit, code, keeps_balance,"
                          " may_be_negative) VALUES (?1, ?2, ?3, ?4, 0, 1)"};
  Statement transfer_{
      database_,
      "INSERT INTO transfer (id, external_id, debit_account, credit_account, amount, unit,"
      " code, state, created_at, meta) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'posted', ?8, '{}')"};
  Statement entry_{database_,
                   "INSERT INTO entry (id, transfer_seq, account_id, delta, balance_after)"
                   " VALUES (?1, ?2, ?3, ?4, ?5)"};
  Statement bare_entry_{database_,
                        "INSERT INTO entry (id, transfer_seq, account_id, delta) VALUES (?1, ?2, ?3, ?4)"};
  Statement event_{database_,
                   "INSERT INTO event_outbox (id, type, version, occurred_at, traceparent, data, position,"
                   " numbered_at, card) VALUES (?1, ?2, 1, ?3, '', ?4, ?5, ?6, NULLIF(?7, ''))"};
  Statement answer_{
      database_,
      "INSERT INTO idempotency (scope, key, fingerprint, status, content_type, body, created_at)"
      " VALUES (?1, ?2, ?3, 201, 'application/json', ?4, ?5)"};
  std::map<std::string, std::int64_t> bare_accounts_;
  std::int64_t position_ = 0;
};

}  // namespace perkline::bench
