#include "hub/billing/records.hpp"

#include "hub/billing/csv.hpp"
#include "shared/core/stamp.hpp"

namespace perkline::hub::billing {
namespace {

/// Above every UUID, in whatever order the database puts letters.
constexpr std::string_view behind_all = "z";

Result<Record> record_in(const db::Row& row) {
  const auto id = parse_uuid(row.text(0));
  const auto currency = find_currency(row.text(6));
  if (!id || !currency) return fail(Errc::corrupt, "billing record " + row.text(0) + " is none");
  return Record{.id = *id,
                .payment = row.text(1),
                .reference = row.text(2),
                .user = UserId(row.text(3)),
                .payee = row.optional_text(4).transform([](std::string user) { return UserId(user); }),
                .amount = {row.integer(5), *currency},
                .status = row.text(7),
                .reason = row.optional_text(8),
                .transfer = row.optional_text(9),
                .created_at = WallTime{Millis{row.integer(10)}},
                .refund = row.optional_text(11)};
}

std::string_view type_of(const Record& record) {
  return record.payee ? "PAYMENT" : "TOP_UP";
}

void write_or_null(json::Writer& out, std::string_view name, const std::optional<std::string>& text) {
  out.key(name);
  text ? out.value(*text) : out.null();
}

}  // namespace

Result<std::vector<Record>> list_records(db::Transaction& transaction, const RecordFilter& filter) {
  std::string conditions = "id < $1";
  std::vector<db::Value> parameters{filter.before.empty() ? std::string(behind_all) : filter.before};
  const auto next = [&parameters](db::Value value) {
    parameters.push_back(std::move(value));
    return '$' + std::to_string(parameters.size());
  };
  if (filter.user) conditions += " AND user_id = " + next(filter.user->str());
  if (filter.status) conditions += " AND status = " + next(*filter.status);
  if (filter.top_ups) conditions += *filter.top_ups ? " AND payee_id IS NULL" : " AND payee_id IS NOT NULL";
  if (filter.reason) conditions += " AND reason = " + next(*filter.reason);
  if (filter.from) conditions += " AND created_at >= " + next(stamp(*filter.from));
  if (filter.until) conditions += " AND created_at < " + next(stamp(*filter.until));
  const std::string text =
      "SELECT id, payment_id, reference, user_id, payee_id, amount, currency, status, reason, transfer_id,"
      " created_at, (SELECT refund FROM payment WHERE payment.id = payment_id) FROM billing_record WHERE " +
      conditions + " ORDER BY id DESC LIMIT " + next(filter.limit);
  auto rows = transaction.query(text, std::move(parameters));
  if (!rows) return failure(rows);
  std::vector<Record> found;
  for (const db::Row& row : *rows) {
    auto record = record_in(row);
    if (!record) return failure(record);
    found.push_back(std::move(*record));
  }
  return found;
}

void write_record(json::Writer& out, const Record& record) {
  out.begin_object().field("id", record.id.str()).field("paymentId", record.payment);
  out.field("reference", record.reference).field("userId", record.user.str()).field("type", type_of(record));
  out.field("amount", format_amount(record.amount)).field("currency", record.amount.currency.code());
  write_or_null(out, "payTo", record.payee.transform([](const UserId& user) { return user.str(); }));
  out.field("status", record.status);
  write_or_null(out, "reason", record.reason);
  write_or_null(out, "transactionId", record.transfer);
  out.field("createdAt", format_time(record.created_at));
  write_or_null(out, "refund", record.refund);
  out.end_object();
}

std::string csv_of(const std::vector<Record>& records) {
  std::string out;
  append_csv_line(out, {"id", "paymentId", "reference", "userId", "type", "amount", "currency", "payTo",
                        "status", "reason", "transactionId", "createdAt", "refund"});
  for (const Record& record : records) {
    append_csv_line(out, {record.id.str(), record.payment, record.reference, record.user.str(),
                          std::string(type_of(record)), format_amount(record.amount),
                          std::string(record.amount.currency.code()), record.payee ? record.payee->str() : "",
                          record.status, record.reason.value_or(""), record.transfer.value_or(""),
                          format_time(record.created_at), record.refund.value_or("")});
  }
  return out;
}

}  // namespace perkline::hub::billing
