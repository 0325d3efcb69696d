#include "hub/billing/payments.hpp"

#include "hub/billing/due_payments.hpp"
#include "hub/billing/refunds.hpp"
#include "hub/events/event_log.hpp"
#include "hub/identity/user.hpp"
#include "hub/ledger/account_book.hpp"
#include "hub/wallet/payments.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/stamp.hpp"
#include "shared/json/fields.hpp"

namespace perkline::hub::billing {
namespace {

/// Above every UUID, in whatever order the database puts letters.
constexpr std::string_view behind_all = "z";
constexpr std::string_view columns =
    "id, reference, user_id, payee_id, amount, currency, status, reason, created_at, decided_at, refund";
constexpr std::size_t columns_count = 11;
const std::string select_payment = "SELECT " + std::string(columns) + " FROM payment";

const DuePayments pending_ones("status = 'pending'");

WallTime time_of(std::int64_t stamp) {
  return WallTime{Millis{stamp}};
}

Result<Payment> payment_in(const db::Row& row) {
  const auto id = parse_uuid(row.text(0));
  const auto currency = find_currency(row.text(5));
  if (!id || !currency) return fail(Errc::corrupt, "payment " + row.text(0) + " is none");
  return Payment{.id = *id,
                 .reference = row.text(1),
                 .user = UserId(row.text(2)),
                 .payee = row.optional_text(3).transform([](std::string user) { return UserId(user); }),
                 .amount = {row.integer(4), *currency},
                 .status = row.text(6),
                 .reason = row.optional_text(7),
                 .created_at = time_of(row.integer(8)),
                 .decided_at = row.optional_integer(9).transform(time_of),
                 .refund = row.optional_text(10)};
}

db::Value or_null(const std::optional<UserId>& user) {
  return user ? db::Value(user->str()) : db::Value(nullptr);
}

std::string external_id_of(const Payment& payment) {
  return "payment:" + payment.id.str();
}

wallet::Reservation reservation_of(const Payment& payment) {
  return {.from = payment.user,
          .to = *payment.payee,
          .amount = payment.amount,
          .external_id = external_id_of(payment)};
}

Result<void> tell(db::Transaction& transaction, const Cause& cause, const std::string& type,
                  const Payment& payment) {
  json::Writer data;
  data.begin_object().field("paymentId", payment.id.str()).field("reference", payment.reference);
  data.field("userId", payment.user.str()).field("amount", format_amount(payment.amount));
  data.field("currency", payment.amount.currency.code());
  if (payment.payee) data.field("payTo", payment.payee->str());
  if (payment.reason) data.field("reason", *payment.reason);
  if (payment.refund) data.field("toGiveBack", true);
  data.end_object();
  return events::append(transaction, {.id = cause.event,
                                      .type = type,
                                      .occurred_at = cause.money.at,
                                      .traceparent = cause.money.traceparent,
                                      .data = data.take()});
}

Result<void> insert(db::Transaction& transaction, const Payment& payment, const std::string& traceparent) {
  auto made = transaction.execute(
      "INSERT INTO payment (id, reference, user_id, payee_id, amount, currency, status, traceparent,"
      " created_at, due_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
      {payment.id.str(), payment.reference, payment.user.str(), or_null(payment.payee), payment.amount.minor,
       std::string(payment.amount.currency.code()), payment.status, traceparent, stamp(payment.created_at)});
  if (!made) return failure(made);
  return {};
}

/// Whether this ended it; a pending one is nobody else's from here on.
Result<bool> end(db::Transaction& transaction, const Payment& ended) {
  auto changed = transaction.execute(
      "UPDATE payment SET status = $2, reason = $3, decided_at = $4 WHERE id = $1 AND status = 'pending'",
      {ended.id.str(), ended.status, ended.reason ? db::Value(*ended.reason) : db::Value(nullptr),
       stamp(*ended.decided_at)});
  if (!changed) return failure(changed);
  return *changed == 1;
}

Result<void> move_money(db::Transaction& transaction, const Cause& cause, const Payment& payment,
                        bool settled) {
  if (payment.payee) {
    return settled ? wallet::pay_reserved(transaction, cause.money, reservation_of(payment))
                   : wallet::free_reserved(transaction, external_id_of(payment));
  }
  if (!settled) return {};
  auto given = wallet::give(transaction, cause.money,
                            {.user = payment.user,
                             .amount = payment.amount,
                             .from = "payments",
                             .external_id = external_id_of(payment),
                             .code = "top_up"});
  if (!given) return failure(given);
  return {};
}

/// Into whose wallet it goes.
const UserId& receiver_of(const Payment& payment) {
  return payment.payee ? *payment.payee : payment.user;
}

/// What is on its way into a wallet, in minor units; more than so many payments are not looked at, so that
/// the sum stays within 64 bits.
Result<std::int64_t> coming_to(db::Transaction& transaction, const UserId& user, Currency currency) {
  std::int64_t sum = 0;
  for (const std::string_view whose : {"payee_id = $1", "user_id = $1 AND payee_id IS NULL"}) {
    auto rows = transaction.query(
        "SELECT CAST(SUM(amount) AS BIGINT) FROM (SELECT amount FROM payment WHERE status = 'pending' AND " +
            std::string(whose) + " AND currency = $2 LIMIT 4000) AS coming",
        {user.str(), std::string(currency.code())});
    if (!rows) return failure(rows);
    sum += rows->front().optional_integer(0).value_or(0);
  }
  return sum;
}

Result<void> must_fit(db::Transaction& transaction, const Payment& payment) {
  const Currency currency = payment.amount.currency;
  const auto room = wallet::room_in(transaction, receiver_of(payment), currency);
  if (!room) return std::unexpected(room.error());
  const auto coming = coming_to(transaction, receiver_of(payment), currency);
  if (!coming) return std::unexpected(coming.error());
  if (payment.amount.minor > *room - *coming) return ledger::too_much();
  return {};
}

/// Why a settled payment cannot be booked; nullopt: it can. Whoever is to receive it stays until the end of
/// the transaction.
Result<std::optional<std::string>> obstacle_of(db::Transaction& transaction, const Payment& payment) {
  const auto receiver = identity::hold_user(transaction, receiver_of(payment));
  if (!receiver) return std::unexpected(receiver.error());
  if (!*receiver) return std::string(payee_gone);
  const auto room = wallet::room_in(transaction, receiver_of(payment), payment.amount.currency);
  if (!room) return std::unexpected(room.error());
  if (payment.amount.minor > *room) return std::string(balance_limit);
  return std::nullopt;
}

Result<void> record(db::Transaction& transaction, const Cause& cause, const Payment& ended) {
  const bool settled = !ended.reason;
  auto made = transaction.execute(
      "INSERT INTO billing_record (id, payment_id, reference, user_id, payee_id, amount, currency, status,"
      " reason, transfer_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
      {cause.record.str(), ended.id.str(), ended.reference, ended.user.str(), or_null(ended.payee),
       ended.amount.minor, std::string(ended.amount.currency.code()), ended.status,
       settled ? db::Value(nullptr) : db::Value(*ended.reason),
       settled ? db::Value(cause.money.id.str()) : db::Value(nullptr), stamp(*ended.decided_at)});
  if (!made) return failure(made);
  return {};
}

}  // namespace

void write_payment(json::Writer& out, const Payment& payment) {
  out.begin_object().field("id", payment.id.str()).field("reference", payment.reference);
  out.field("status", payment.status).field("amount", format_amount(payment.amount));
  out.field("currency", payment.amount.currency.code()).key("payTo");
  payment.payee ? out.value(payment.payee->str()) : out.null();
  out.key("reason");
  payment.reason ? out.value(*payment.reason) : out.null();
  out.field("createdAt", format_time(payment.created_at)).key("decidedAt");
  payment.decided_at ? out.value(format_time(*payment.decided_at)) : out.null();
  out.key("refund");
  payment.refund ? out.value(*payment.refund) : out.null();
  out.end_object();
}

Cause make_cause(UuidMaker& ids, WallTime at, std::string traceparent) {
  return {.money = wallet::make_cause(ids, at, std::move(traceparent)),
          .event = ids.next(),
          .record = ids.next()};
}

Result<Payment> initiate(db::Transaction& transaction, const Cause& cause, const Order& order) {
  Payment payment{.id = cause.money.id,
                  .reference = "pay_" + cause.money.id.str(),
                  .user = order.user,
                  .payee = std::nullopt,
                  .amount = order.amount,
                  .status = "pending",
                  .reason = std::nullopt,
                  .created_at = cause.money.at,
                  .decided_at = std::nullopt};
  if (order.pay_to) {
    auto payee = wallet::find_payee(transaction, *order.pay_to);
    if (!payee) return failure(payee);
    if (payee->id == order.user)
      return fail(json::validation_error({{"payTo", "must be another member than yourself"}}));
    payment.payee = std::move(payee->id);
    auto reserved = wallet::reserve(transaction, cause.money, reservation_of(payment));
    if (!reserved) return failure(reserved);
  }
  auto done = must_fit(transaction, payment);
  if (done) done = insert(transaction, payment, cause.money.traceparent);
  if (done) done = tell(transaction, cause, "PAYMENT_INITIATED", payment);
  if (!done) return failure(done);
  return payment;
}

Result<Payment> find(db::Transaction& transaction, const Uuid& id, const UserId& user) {
  auto rows = transaction.query(select_payment + " WHERE id = $1 AND user_id = $2", {id.str(), user.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return fail(Errc::not_found, "no such payment");
  return payment_in(rows->front());
}

Result<std::vector<Payment>> list(db::Transaction& transaction, const UserId& user, const std::string& before,
                                  std::int64_t limit) {
  auto rows = transaction.query(select_payment + " WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
                                {user.str(), before.empty() ? std::string(behind_all) : before, limit});
  if (!rows) return failure(rows);
  std::vector<Payment> found;
  for (const db::Row& row : *rows) {
    auto payment = payment_in(row);
    if (!payment) return failure(payment);
    found.push_back(std::move(*payment));
  }
  return found;
}

Result<Pending> count_pending(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT COUNT(*), MIN(created_at) FROM payment WHERE status = 'pending'");
  if (!rows) return failure(rows);
  const auto oldest = rows->front().optional_integer(1);
  Pending pending{.count = rows->front().integer(0)};
  if (oldest) pending.oldest = WallTime{Millis{*oldest}};
  auto refunds = transaction.query("SELECT COUNT(*) FROM payment WHERE refund = 'due'");
  if (!refunds) return failure(refunds);
  pending.refunds = refunds->front().integer(0);
  return pending;
}

Result<bool> is_any_due(db::Transaction& transaction, WallTime now) {
  return pending_ones.is_any(transaction, now);
}

Result<std::vector<Intent>> claim(db::Transaction& transaction, WallTime now, Millis lease,
                                  std::int64_t count) {
  auto rows =
      pending_ones.claim(transaction, std::string(columns) + ", traceparent, attempts", now, lease, count);
  if (!rows) return failure(rows);
  std::vector<Intent> intents;
  for (const db::Row& row : *rows) {
    auto payment = payment_in(row);
    if (!payment) return failure(payment);
    intents.push_back({.payment = std::move(*payment),
                       .traceparent = row.text(columns_count),
                       .asked = row.integer(columns_count + 1)});
  }
  return intents;
}

Result<void> put_off(db::Transaction& transaction, const Uuid& id, WallTime due) {
  return pending_ones.put_off(transaction, id, due);
}

Result<Payment> decide(db::Transaction& transaction, const Cause& cause, const Payment& payment,
                       const Verdict& verdict, const std::optional<std::string>& refused) {
  bool settled = verdict.state == Verdict::State::settled;
  const bool is_refunded = verdict.state == Verdict::State::refunded;
  PERKLINE_ASSERT(settled || is_refunded || verdict.state == Verdict::State::declined);
  Payment ended = payment;
  if (!settled) ended.reason = verdict.reason.empty() ? "DECLINED" : verdict.reason;
  if (is_refunded) ended.reason = std::string(refunded);
  if (refused) ended.reason = *refused;
  if (settled && !refused) {
    auto obstacle = obstacle_of(transaction, payment);
    if (!obstacle) return failure(obstacle);
    ended.reason = std::move(*obstacle);
  }
  // What is paid from member to member never was outside.
  const bool to_give_back = settled && ended.reason && !payment.payee;
  if (to_give_back) ended.refund = std::string(refund_due);
  settled = settled && !ended.reason;
  ended.status = settled ? "completed" : "failed";
  ended.decided_at = cause.money.at;
  const auto mine = end(transaction, ended);
  if (!mine) return std::unexpected(mine.error());
  if (!*mine) return payment;
  auto done = move_money(transaction, cause, ended, settled);
  if (done && to_give_back) done = begin_refund(transaction, ended.id, cause.money.at);
  if (done) done = record(transaction, cause, ended);
  if (done) done = tell(transaction, cause, settled ? "PAYMENT_COMPLETED" : "PAYMENT_FAILED", ended);
  if (!done) return failure(done);
  return ended;
}

}  // namespace perkline::hub::billing
