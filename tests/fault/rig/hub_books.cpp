#include "tests/fault/rig/hub_books.hpp"

#include <cstdlib>
#include <functional>
#include <memory>
#include <string_view>

#include <libpq-fe.h>
#include <sqlite3.h>

#include "shared/core/assert.hpp"

namespace perkline::test {
namespace {

/// A row's columns as text; empty where there is none.
using Row = std::vector<std::string>;

constexpr std::string_view sqlite_scheme = "sqlite:";

std::int64_t number(const std::string& text) {
  return std::strtoll(text.c_str(), nullptr, 10);
}

/// A database, read with its own library and nothing of the hub's.
class Reading {
 public:
  virtual ~Reading() = default;
  virtual void each(const char* sql, const std::function<void(const Row&)>& take) = 0;
};

class SqliteReading final : public Reading {
 public:
  explicit SqliteReading(const std::string& file) {
    PERKLINE_ASSERT(::sqlite3_open_v2(file.c_str(), &handle_, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
    // A hub that was killed has left a log to be recovered, which another may be at.
    ::sqlite3_busy_timeout(handle_, 10'000);
  }
  SqliteReading(const SqliteReading&) = delete;
  SqliteReading& operator=(const SqliteReading&) = delete;
  ~SqliteReading() override { ::sqlite3_close(handle_); }

  void each(const char* sql, const std::function<void(const Row&)>& take) override {
    sqlite3_stmt* statement = nullptr;
    PERKLINE_ASSERT(::sqlite3_prepare_v2(handle_, sql, -1, &statement, nullptr) == SQLITE_OK);
    int code = SQLITE_ROW;
    while ((code = ::sqlite3_step(statement)) == SQLITE_ROW) take(row_of(statement));
    PERKLINE_ASSERT(code == SQLITE_DONE);
    ::sqlite3_finalize(statement);
  }

 private:
  static Row row_of(sqlite3_stmt* statement) {
    Row row;
    for (int column = 0; column < ::sqlite3_column_count(statement); ++column) {
      const auto* bytes = ::sqlite3_column_text(statement, column);
      row.emplace_back(bytes == nullptr ? "" : reinterpret_cast<const char*>(bytes));
    }
    return row;
  }

  sqlite3* handle_ = nullptr;
};

class PostgresReading final : public Reading {
 public:
  explicit PostgresReading(const std::string& url) : handle_(PQconnectdb(url.c_str()), PQfinish) {
    PERKLINE_ASSERT(PQstatus(handle_.get()) == CONNECTION_OK);
  }

  void each(const char* sql, const std::function<void(const Row&)>& take) override {
    const std::unique_ptr<PGresult, decltype(&PQclear)> rows(PQexec(handle_.get(), sql), PQclear);
    PERKLINE_ASSERT(PQresultStatus(rows.get()) == PGRES_TUPLES_OK);
    for (int i = 0; i < PQntuples(rows.get()); ++i) {
      Row row;
      for (int column = 0; column < PQnfields(rows.get()); ++column)
        row.emplace_back(PQgetvalue(rows.get(), i, column));
      take(row);
    }
  }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> handle_;
};

std::unique_ptr<Reading> open(const std::string& url) {
  if (url.starts_with(sqlite_scheme))
    return std::make_unique<SqliteReading>(url.substr(sqlite_scheme.size()));
  PERKLINE_ASSERT(url.starts_with("postgresql://"));
  return std::make_unique<PostgresReading>(url);
}

}  // namespace

HubBooks read_hub_books(const std::string& url) {
  const auto reading = open(url);
  HubBooks books;
  reading->each(
      "SELECT store_id, transaction_id, session_id, state, amount, earned, redeemed, receipt_id FROM sale",
      [&](const Row& row) {
        books.sales.push_back({.store = row[0],
                               .transaction = row[1],
                               .session = row[2],
                               .state = row[3],
                               .amount = number(row[4]),
                               .earned = number(row[5]),
                               .redeemed = number(row[6]),
                               .receipt = row[7]});
      });
  reading->each("SELECT transaction_id, state, clawed_back, restored FROM sale_return", [&](const Row& row) {
    books.returns.push_back(
        {.transaction = row[0], .state = row[1], .clawed_back = number(row[2]), .restored = number(row[3])});
  });
  reading->each("SELECT session_id FROM session_void",
                [&](const Row& row) { books.voided.push_back(row[0]); });
  reading->each("SELECT COUNT(*) FROM dead_letter WHERE state = 'open'",
                [&](const Row& row) { books.dead_letters = number(row[0]); });
  return books;
}

HubMoney read_hub_money(const std::string& url) {
  const auto reading = open(url);
  HubMoney money;
  reading->each(
      "SELECT COALESCE(n.note, ''), t.id, t.state, t.amount, d.owner_id, c.owner_id, COUNT(e.id),"
      " COALESCE(SUM(e.delta), 0)"
      " FROM transfer t JOIN account d ON d.id = t.debit_account JOIN account c ON c.id = t.credit_account"
      " LEFT JOIN wallet_note n ON n.transfer_id = t.id LEFT JOIN entry e ON e.transfer_seq = t.seq"
      " WHERE t.unit LIKE 'money:%' GROUP BY n.note, t.id, t.state, t.amount, d.owner_id, c.owner_id",
      [&](const Row& row) {
        money.movements.push_back({.note = row[0],
                                   .id = row[1],
                                   .state = row[2],
                                   .amount = number(row[3]),
                                   .payer = row[4],
                                   .payee = row[5],
                                   .entries = number(row[6]),
                                   .entries_sum = number(row[7])});
      });
  reading->each("SELECT owner_id, balance FROM account WHERE owner_kind = 'user' AND code = 'wallet'",
                [&](const Row& row) { money.wallets[row[0]] = number(row[1]); });
  reading->each(
      "SELECT a.id FROM account a LEFT JOIN entry e ON e.account_id = a.id WHERE a.keeps_balance = 1"
      " GROUP BY a.id, a.balance HAVING a.balance <> COALESCE(SUM(e.delta), 0)",
      [&](const Row&) { ++money.accounts_off; });
  reading->each(
      "SELECT a.unit FROM account a JOIN entry e ON e.account_id = a.id"
      " GROUP BY a.unit HAVING SUM(e.delta) <> 0",
      [&](const Row&) { ++money.units_off; });
  return money;
}

std::int64_t events_applied(const std::string& url) {
  std::int64_t applied = 0;
  open(url)->each("SELECT COALESCE(SUM(cursor_sequence), 0) FROM store",
                  [&](const Row& row) { applied = number(row[0]); });
  return applied;
}

std::map<std::string, std::int64_t> events_told(const std::string& url) {
  std::map<std::string, std::int64_t> told;
  open(url)->each("SELECT type, COUNT(*) FROM event_outbox GROUP BY type",
                  [&](const Row& row) { told[row[0]] = number(row[1]); });
  return told;
}

}  // namespace perkline::test
