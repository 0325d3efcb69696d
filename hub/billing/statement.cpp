#include "hub/billing/statement.hpp"

#include <array>
#include <cstdio>
#include <limits>

#include "hub/billing/closing.hpp"
#include "hub/billing/csv.hpp"

namespace perkline::hub::billing {
namespace {

using Wide = __int128;

constexpr int rate_decimals = 8;

constexpr Wide power_of_ten(int exponent) {
  Wide power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

/// In 10^-8; nullopt: it is no rate.
std::optional<Wide> scaled_rate(std::string_view text) {
  constexpr std::size_t digits_max = 12 + rate_decimals;
  Wide scaled = 0;
  int decimals = -1;
  std::size_t digits = 0;
  for (const char c : text) {
    if (c == '.' && decimals < 0 && digits > 0) {
      decimals = 0;
      continue;
    }
    if (c < '0' || c > '9' || ++digits > digits_max || decimals == rate_decimals) return std::nullopt;
    if (decimals >= 0) ++decimals;
    scaled = 10 * scaled + (c - '0');
  }
  if (digits == 0 || decimals == 0) return std::nullopt;
  return scaled * power_of_ten(rate_decimals - std::max(decimals, 0));
}

/// Half of one goes away from zero.
Wide divided(Wide value, Wide by) {
  const Wide half = value < 0 ? -by / 2 : by / 2;
  return (value + half) / by;
}

Result<Statement> statement_of(db::Transaction& transaction, const Rates& rates, const StoreId& store,
                               const Month& month) {
  const auto before = books_at_end(transaction, store, {.month = month.month - std::chrono::months{1}});
  if (!before) return std::unexpected(before.error());
  const auto after = books_at_end(transaction, store, month);
  if (!after) return std::unexpected(after.error());
  const std::int64_t issued = after->issued - before->issued;
  const std::int64_t redeemed = after->redeemed - before->redeemed;
  const auto owes = price_points(issued, rates.issue, rates.currency);
  const auto owed = price_points(redeemed, rates.redeem, rates.currency);
  std::int64_t net = 0;
  if (!owes || !owed || __builtin_sub_overflow(owed->minor, owes->minor, &net))
    return fail(Errc::internal, "the statement of store " + store.str() + " leaves 64 bits");
  return Statement{.store = store,
                   .month = month,
                   .issued = issued,
                   .redeemed = redeemed,
                   .rates = rates,
                   .owes = *owes,
                   .owed = *owed,
                   .net = {net, rates.currency}};
}

Result<std::vector<StoreId>> stores_of(db::Transaction& transaction, const StatementOrder& order) {
  auto rows = order.store ? transaction.query("SELECT id FROM store WHERE id = $1", {order.store->str()})
                          : transaction.query("SELECT id FROM store WHERE id > $1 ORDER BY id LIMIT $2",
                                              {order.after, order.limit});
  if (!rows) return failure(rows);
  if (order.store && rows->empty()) return fail(Errc::not_found, "no such store");
  std::vector<StoreId> stores;
  for (const db::Row& row : *rows) stores.emplace_back(row.text(0));
  return stores;
}

}  // namespace

std::optional<Money> price_points(std::int64_t points, std::string_view rate, Currency currency) {
  const auto scaled = scaled_rate(rate);
  if (!scaled) return std::nullopt;
  constexpr Wide max = (((Wide{1} << 126) - 1) << 1) + 1;
  const Wide each = *scaled * power_of_ten(currency.exponent());
  const Wide magnitude = points < 0 ? -Wide{points} : Wide{points};
  if (each != 0 && magnitude > (max - power_of_ten(rate_decimals)) / each) return std::nullopt;
  const Wide minor = divided(points * each, power_of_ten(rate_decimals));
  if (minor < std::numeric_limits<std::int64_t>::min() || minor > std::numeric_limits<std::int64_t>::max())
    return std::nullopt;
  return Money{static_cast<std::int64_t>(minor), currency};
}

WallTime Month::begin() const {
  return std::chrono::sys_days{month / 1};
}

WallTime Month::end() const {
  return std::chrono::sys_days{(month + std::chrono::months{1}) / 1};
}

std::string Month::text() const {
  return format_time(begin()).substr(0, std::string_view("2026-03").size());
}

std::optional<Month> parse_month(std::string_view text) {
  const auto first = parse_day(std::string(text) + "-01");
  return first.transform([](std::chrono::sys_days day) { return month_of(day); });
}

Month month_of(WallTime time) {
  const std::chrono::year_month_day day(utc_day(time));
  return {.month = day.year() / day.month()};
}

Result<std::vector<Statement>> make_statements(db::Transaction& transaction, const Rates& rates,
                                               const StatementOrder& order) {
  const auto stores = stores_of(transaction, order);
  if (!stores) return std::unexpected(stores.error());
  const auto closed = closed_rates(transaction, order.month);
  if (!closed) return std::unexpected(closed.error());
  std::vector<Statement> statements;
  for (const StoreId& store : *stores) {
    auto statement = statement_of(transaction, closed->value_or(rates), store, order.month);
    if (!statement) return failure(statement);
    statements.push_back(std::move(*statement));
  }
  return statements;
}

void write_statement(json::Writer& out, const Statement& statement) {
  out.begin_object().field("storeId", statement.store.str()).field("month", statement.month.text());
  out.field("currency", statement.net.currency.code());
  out.field("issuedPoints", statement.issued).field("issueRate", statement.rates.issue);
  out.field("owes", format_amount(statement.owes));
  out.field("redeemedPoints", statement.redeemed).field("redeemRate", statement.rates.redeem);
  out.field("owed", format_amount(statement.owed)).field("net", format_amount(statement.net)).end_object();
}

std::string csv_of(const std::vector<Statement>& statements) {
  std::string out;
  append_csv_line(out, {"storeId", "month", "currency", "issuedPoints", "issueRate", "owes", "redeemedPoints",
                        "redeemRate", "owed", "net"});
  for (const Statement& each : statements) {
    append_csv_line(out, {each.store.str(), each.month.text(), std::string(each.net.currency.code()),
                          std::to_string(each.issued), each.rates.issue, format_amount(each.owes),
                          std::to_string(each.redeemed), each.rates.redeem, format_amount(each.owed),
                          format_amount(each.net)});
  }
  return out;
}

}  // namespace perkline::hub::billing
