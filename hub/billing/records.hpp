#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::billing {

/// A decided payment in the books, which never changes, and what has become of its refund by now.
struct Record {
  Uuid id;
  std::string payment;
  std::string reference;
  UserId user;
  std::optional<UserId> payee;  ///< nullopt: a top-up.
  Money amount;
  std::string status;  ///< completed, failed
  std::optional<std::string> reason;
  std::optional<std::string> transfer;  ///< The ledger's; nullopt: nothing was booked.
  WallTime created_at;
  std::optional<std::string> refund = std::nullopt;  ///< Its payment's.
};

struct RecordFilter {
  std::optional<UserId> user = std::nullopt;         ///< Whoever paid; nullopt: anybody.
  std::optional<std::string> status = std::nullopt;  ///< completed, failed
  std::optional<bool> top_ups = std::nullopt;        ///< Those alone, or none of them.
  std::optional<std::string> reason = std::nullopt;  ///< Why they failed.
  std::optional<WallTime> from = std::nullopt;
  std::optional<WallTime> until = std::nullopt;  ///< Not part of it.
  std::string before = {};                       ///< The id that an earlier page ended with.
  std::int64_t limit = 0;
};
/// Newest first. Errors: corrupt, the database's.
Result<std::vector<Record>> list_records(db::Transaction& transaction, const RecordFilter& filter);

/// `{id, paymentId, reference, userId, type, amount, currency, payTo, status, reason, transactionId,
/// createdAt, refund}`, appended to `out`.
void write_record(json::Writer& out, const Record& record);
/// The same as lines of CSV, with their header.
std::string csv_of(const std::vector<Record>& records);

}  // namespace perkline::hub::billing
