#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"
#include "shared/json/writer.hpp"

/// What each store owes or is owed for PDI's points, by the month.
namespace perkline::hub::billing {

/// Money for a point, as the configuration writes it: plain decimals, up to 8 places, of the currency's unit.
struct Rates {
  Currency currency = find_currency("USD").value();
  std::string issue = "0.01";   ///< What a store owes for a point issued …
  std::string redeem = "0.01";  ///< … and is owed for one redeemed.
};

/// `points` at `rate`: exact in whole numbers, rounded once to the currency's minor unit, half of one away
/// from zero. nullopt: no such rate, or beyond 64 bits. Pure.
std::optional<Money> price_points(std::int64_t points, std::string_view rate, Currency currency);

/// A month of UTC's calendar.
struct Month {
  std::chrono::year_month month;
  WallTime begin() const;
  WallTime end() const;  ///< Not part of it.
  std::string text() const;
};
/// `2026-03`; nullopt for anything else.
std::optional<Month> parse_month(std::string_view text);
Month month_of(WallTime time);

/// Of what the hub booked for the store in that month, whenever the goods were sold: once the month is closed
/// (closing.hpp) it does not change.
struct Statement {
  StoreId store;
  Month month;
  std::int64_t issued = 0;    ///< Points given, less those that returned goods took back.
  std::int64_t redeemed = 0;  ///< Points taken, less those that returned goods gave back.
  Rates rates;
  Money owes;  ///< issued × rates.issue, rounded.
  Money owed;  ///< redeemed × rates.redeem, rounded.
  Money net;   ///< owed − owes, to the cent: above zero the store is paid, below it pays.
};

struct StatementOrder {
  Month month;
  std::optional<StoreId> store;  ///< nullopt: every one, retired ones too, by their ids.
  std::string after;             ///< The store that an earlier page ended with.
  std::int64_t limit = 0;
};
/// At `rates`, or those that the month was closed with. Errors: not_found (the store), internal (amounts
/// beyond 64 bits), the database's.
Result<std::vector<Statement>> make_statements(db::Transaction& transaction, const Rates& rates,
                                               const StatementOrder& order);

/// `{storeId, month, currency, issuedPoints, issueRate, owes, redeemedPoints, redeemRate, owed, net}`,
/// appended to `out`.
void write_statement(json::Writer& out, const Statement& statement);
/// The same as lines of CSV, with their header.
std::string csv_of(const std::vector<Statement>& statements);
/// As a page to be printed, each store on a sheet of its own.
std::string html_of(const std::vector<Statement>& statements);
/// What that page's style needs: a Content-Security-Policy.
std::string html_policy();

}  // namespace perkline::hub::billing
