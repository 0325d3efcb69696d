#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"

namespace perkline::hub::billing {

/// Rows of payment that wait for their provider, each with whoever asks next having it to itself until its
/// due_at. In the caller's transaction. Errors: the database's.
class DuePayments {
 public:
  /// `which`: SQL that is true of those that are meant, of which an index knows.
  explicit DuePayments(std::string_view which) : which_(which) {}

  /// Whether claim() would find any.
  Result<bool> is_any(db::Transaction& transaction, WallTime now) const;
  /// Up to `count` of those that are due, or said to be due further ahead than any is put off, as of a clock
  /// that was wrong; the longest waiting first, due again after `lease`, one more attempt made. Another one
  /// that claims at the same moment gets others. `columns`: of the rows, the id first.
  Result<db::Rows> claim(db::Transaction& transaction, std::string_view columns, WallTime now, Millis lease,
                         std::int64_t count) const;
  /// Has it due then, if it is one of them still.
  Result<void> put_off(db::Transaction& transaction, const Uuid& payment, WallTime due) const;

 private:
  std::string which_;
};

}  // namespace perkline::hub::billing
