#include "hub/api/billing_input.hpp"

#include "hub/api/page.hpp"
#include "hub/api/wallet_input.hpp"
#include "hub/identity/user.hpp"
#include "shared/core/limits.hpp"
#include "shared/core/store_id.hpp"

namespace perkline::hub::api {
namespace {

/// One more than shown tells whether anything follows.
std::int64_t limit_of(const Page& page) {
  return static_cast<std::int64_t>(page.limit) + 1;
}

struct ReadPage {
  Page page;
  std::vector<FieldFault> faults;
};

ReadPage page_in(const net::Request& request, std::string_view list) {
  auto page = read_page(request, list);
  if (page) return {.page = std::move(*page), .faults = {}};
  return {.page = {}, .faults = std::move(page.error().faults)};
}

std::optional<std::chrono::sys_days> day_in(const net::Request& request, const char* name,
                                            std::vector<FieldFault>& faults) {
  const auto text = request.query_value(name);
  if (!text) return std::nullopt;
  const auto day = parse_day(*text);
  if (!day) faults.push_back({name, "must be a day such as 2026-12-31"});
  return day;
}

std::optional<std::string> word_in(const net::Request& request, const char* name,
                                   std::pair<std::string_view, std::string_view> words,
                                   std::vector<FieldFault>& faults) {
  auto text = request.query_value(name);
  if (text && *text != words.first && *text != words.second) {
    faults.push_back({name, "must be " + std::string(words.first) + " or " + std::string(words.second)});
  }
  return text;
}

/// Whose records are asked for; nullopt: anybody's. Errors: not_found.
Result<std::optional<UserId>> user_in(const net::Request& request) {
  const auto user = request.query_value("userId");
  if (identity::find_role(request.principal.role) != identity::Role::member) {
    if (user && !parse_uuid(*user)) return fail(Errc::not_found, "no such member");
    return user.transform([](const std::string& id) { return UserId(id); });
  }
  if (user && *user != request.principal.id) return fail(Errc::not_found, "no such member");
  return UserId(request.principal.id);
}

}  // namespace

billing::Order read_order(json::Fields& fields, const json::Value& root, UserId user) {
  billing::Order order{
      .user = std::move(user),
      .amount = read_money(fields, root),
      .pay_to = fields.optional_text("payTo", {.bytes_min = 1, .bytes_max = payee_bytes_max})};
  if (order.pay_to == order.user.str()) fields.fault("payTo", "must be another member than yourself");
  return order;
}

Result<billing::RecordFilter> record_filter_in(const net::Request& request, std::string_view list) {
  auto user = user_in(request);
  if (!user) return failure(user);
  auto [page, faults] = page_in(request, list);
  billing::RecordFilter filter{.user = std::move(*user),
                               .status = word_in(request, "status", {"completed", "failed"}, faults),
                               .before = page.after,
                               .limit = limit_of(page)};
  if (const auto type = word_in(request, "type", {"TOP_UP", "PAYMENT"}, faults))
    filter.top_ups = *type == "TOP_UP";
  filter.reason = request.query_value("reason");
  if (filter.reason && (filter.reason->empty() || filter.reason->size() > limits::id_bytes_max))
    faults.push_back({"reason", "must be a word such as BALANCE_LIMIT"});
  const auto from = day_in(request, "startDate", faults);
  const auto to = day_in(request, "endDate", faults);
  if (from && to && *to < *from) faults.push_back({"endDate", "must not be before startDate"});
  if (from) filter.from = WallTime{*from};
  if (to) filter.until = WallTime{*to} + days{1};
  if (!faults.empty()) return fail(json::validation_error(std::move(faults)));
  return filter;
}

Result<billing::StatementOrder> statement_order_in(const net::Request& request, std::string_view list,
                                                   WallTime now) {
  auto [page, faults] = page_in(request, list);
  billing::StatementOrder order{
      .month = billing::month_of(now),
      .store = request.query_value("storeId").transform([](const std::string& id) { return StoreId(id); }),
      .after = page.after,
      .limit = limit_of(page)};
  if (const auto text = request.query_value("month")) {
    const auto month = billing::parse_month(*text);
    if (!month) faults.push_back({"month", "must be a month such as 2026-12"});
    order.month = month.value_or(order.month);
  }
  if (!faults.empty()) return fail(json::validation_error(std::move(faults)));
  if (order.store && !is_store_id(order.store->str())) return fail(Errc::not_found, "no such store");
  return order;
}

}  // namespace perkline::hub::api
