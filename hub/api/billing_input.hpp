#pragma once

#include <string_view>

#include "hub/billing/payments.hpp"
#include "hub/billing/records.hpp"
#include "hub/billing/statement.hpp"
#include "shared/json/fields.hpp"
#include "shared/net/http.hpp"

/// What the payments' and billing's calls are given, every fault of each at once. Pure.
namespace perkline::hub::api {

/// `{amount, currency, payTo?}`, of `user`.
billing::Order read_order(json::Fields& fields, const json::Value& root, UserId user);

/// `?userId=&status=&type=&startDate=&endDate=` and the page's; members name nobody but themselves. Errors:
/// validation_failed naming each at fault, not_found (another's, for a member).
Result<billing::RecordFilter> record_filter_in(const net::Request& request, std::string_view list);

/// `?storeId=&month=` and the page's; of the month of `now` where none is said. Errors: validation_failed
/// naming each at fault, not_found (what can be no store's id).
Result<billing::StatementOrder> statement_order_in(const net::Request& request, std::string_view list,
                                                   WallTime now);

}  // namespace perkline::hub::api
