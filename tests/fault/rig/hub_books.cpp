#include "tests/fault/rig/hub_books.hpp"

#include <functional>
#include <memory>

#include <sqlite3.h>

#include "shared/core/assert.hpp"

namespace perkline::test {
namespace {

class Reading {
 public:
  explicit Reading(const std::filesystem::path& file) {
    PERKLINE_ASSERT(::sqlite3_open_v2(file.c_str(), &handle_, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
    // A hub that was killed has left a log to be recovered, which another may be at.
    ::sqlite3_busy_timeout(handle_, 10'000);
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading() { ::sqlite3_close(handle_); }

  void each(const char* sql, const std::function<void(sqlite3_stmt*)>& row) {
    sqlite3_stmt* statement = nullptr;
    PERKLINE_ASSERT(::sqlite3_prepare_v2(handle_, sql, -1, &statement, nullptr) == SQLITE_OK);
    int code = SQLITE_ROW;
    while ((code = ::sqlite3_step(statement)) == SQLITE_ROW) row(statement);
    PERKLINE_ASSERT(code == SQLITE_DONE);
    ::sqlite3_finalize(statement);
  }

 private:
  sqlite3* handle_ = nullptr;
};

std::string text(sqlite3_stmt* row, int column) {
  const auto* bytes = ::sqlite3_column_text(row, column);
  return bytes == nullptr ? std::string() : reinterpret_cast<const char*>(bytes);
}

}  // namespace

HubBooks read_hub_books(const std::filesystem::path& database) {
  Reading reading(database);
  HubBooks books;
  reading.each(
      "SELECT store_id, transaction_id, session_id, state, amount, earned, redeemed, receipt_id FROM sale",
      [&](sqlite3_stmt* row) {
        books.sales.push_back({.store = text(row, 0),
                               .transaction = text(row, 1),
                               .session = text(row, 2),
                               .state = text(row, 3),
                               .amount = ::sqlite3_column_int64(row, 4),
                               .earned = ::sqlite3_column_int64(row, 5),
                               .redeemed = ::sqlite3_column_int64(row, 6),
                               .receipt = text(row, 7)});
      });
  reading.each("SELECT transaction_id, state, clawed_back, restored FROM sale_return",
               [&](sqlite3_stmt* row) {
                 books.returns.push_back({.transaction = text(row, 0),
                                          .state = text(row, 1),
                                          .clawed_back = ::sqlite3_column_int64(row, 2),
                                          .restored = ::sqlite3_column_int64(row, 3)});
               });
  reading.each("SELECT session_id FROM session_void",
               [&](sqlite3_stmt* row) { books.voided.push_back(text(row, 0)); });
  reading.each("SELECT COUNT(*) FROM dead_letter WHERE state = 'open'",
               [&](sqlite3_stmt* row) { books.dead_letters = ::sqlite3_column_int64(row, 0); });
  return books;
}

std::int64_t events_applied(const std::filesystem::path& database) {
  Reading reading(database);
  std::int64_t applied = 0;
  reading.each("SELECT COALESCE(SUM(cursor_sequence), 0) FROM store",
               [&](sqlite3_stmt* row) { applied = ::sqlite3_column_int64(row, 0); });
  return applied;
}

}  // namespace perkline::test
