#include "hub/api/promotions_input.hpp"

#include <algorithm>

#include "hub/api/page.hpp"
#include "hub/api/patch.hpp"
#include "hub/api/wallet_input.hpp"

namespace perkline::hub::api {
namespace {

using promotions::Change;
using promotions::Promotion;
using promotions::PromotionType;
using std::chrono::sys_days;

constexpr std::size_t description_bytes_max = 1024;
constexpr json::TextRule description_rule{.bytes_min = 0, .bytes_max = description_bytes_max};
constexpr const char* types = "must be WELCOME_BONUS, VIP_PROMOTION or BONUS";
constexpr const char* a_day = "must be a day such as 2026-12-31";
constexpr const char* ends_first = "must not be before startDate";

std::optional<PromotionType> optional_type(json::Fields& fields) {
  const auto name = fields.optional_text("type");
  if (!name) return std::nullopt;
  const auto type = loyalty::find_promotion_type(*name);
  if (!type) fields.fault("type", types);
  return type;
}

std::optional<sys_days> optional_day(json::Fields& fields, std::string_view name) {
  const auto text = fields.optional_text(name);
  if (!text) return std::nullopt;
  const auto day = parse_day(*text);
  if (!day) fields.fault(name, a_day);
  return day;
}

bool is_given(const json::Value& root, std::string_view name) {
  const json::Value* found = root.find(name);
  return found != nullptr && !found->is(json::Value::Kind::null);
}

/// Notes what is missing of a body that is one at all.
void require(json::Fields& fields, const json::Value& root, std::string_view name) {
  if (root.is(json::Value::Kind::object) && !is_given(root, name)) fields.fault(name, "is required");
}

void check_order(json::Fields& fields, const std::optional<sys_days>& first,
                 const std::optional<sys_days>& last) {
  if (first && last && *last < *first) fields.fault("endDate", ends_first);
}

Money read_amount(json::Fields& fields, const json::Value& root, Currency programme) {
  if (is_given(root, "currency")) return read_money(fields, root);
  const std::size_t faults = fields.fault_count();
  const Money amount = fields.required_amount("amount", programme);
  if (root.is(json::Value::Kind::object) && fields.fault_count() == faults && amount.minor == 0)
    fields.fault("amount", "must be more than 0");
  return amount;
}

void read_changed_amount(json::Fields& fields, const json::Value& root, Change& change) {
  if (is_given(root, "currency")) {
    const std::size_t faults = fields.fault_count();
    const Money amount = read_money(fields, root);
    if (fields.fault_count() > faults) return;
    change.currency = amount.currency;
    change.amount = format_amount(amount);
  } else if (is_given(root, "amount")) {
    const std::size_t faults = fields.fault_count();
    check_bare_amount(fields, root);
    if (fields.fault_count() == faults) change.amount = std::string(root.find("amount")->text());
  }
}

/// What is at fault only beside the promotion as it is, where others are already: alone it is told by who
/// changes it.
void add_faults_beside(json::Fields& fields, const Promotion& promotion, const Change& change) {
  for (FieldFault& fault : promotions::faults_of(promotion, change)) {
    // Told already.
    if (change.first && change.last && fault.field == "endDate") continue;
    fields.fault(fault.field, std::move(fault.message));
  }
}

bool changes_something(const Change& change) {
  return change.title || change.description || change.type || change.amount || change.first || change.last ||
         change.is_active;
}

/// The parameters of a list, and what is wrong with them.
class Parameters {
 public:
  Parameters(const net::Request& request, std::string_view list) : request_(request) {
    auto page = read_page(request, list);
    if (page) {
      page_ = std::move(*page);
    } else {
      faults_ = std::move(page.error().faults);
    }
  }

  const std::string& before() const { return page_.after; }
  /// One more than shown tells whether anything follows.
  std::int64_t limit() const { return static_cast<std::int64_t>(page_.limit) + 1; }

  std::optional<bool> flag(const char* name) {
    const auto text = request_.query_value(name);
    if (!text) return std::nullopt;
    if (*text != "true" && *text != "false") fault(name, "must be true or false");
    return *text == "true";
  }
  std::optional<PromotionType> type() {
    const auto text = request_.query_value("type");
    if (!text) return std::nullopt;
    const auto type = loyalty::find_promotion_type(*text);
    if (!type) fault("type", types);
    return type;
  }
  std::optional<sys_days> day(const char* name) {
    const auto text = request_.query_value(name);
    if (!text) return std::nullopt;
    const auto day = parse_day(*text);
    if (!day) fault(name, a_day);
    return day;
  }
  void fault(std::string name, std::string message) {
    faults_.push_back({std::move(name), std::move(message)});
  }

  template <class Filter>
  Result<Filter> checked(Filter filter) {
    if (!faults_.empty()) return fail(json::validation_error(std::move(faults_)));
    return filter;
  }

 private:
  const net::Request& request_;
  Page page_;
  std::vector<FieldFault> faults_;
};

}  // namespace

Promotion read_promotion(json::Fields& fields, const json::Value& root, Currency programme) {
  std::string title = fields.required_text("title");
  std::string description = fields.optional_text("description", description_rule).value_or("");
  require(fields, root, "type");
  const auto type = optional_type(fields);
  const Money amount = read_amount(fields, root, programme);
  require(fields, root, "startDate");
  const auto first = optional_day(fields, "startDate");
  require(fields, root, "endDate");
  const auto last = optional_day(fields, "endDate");
  check_order(fields, first, last);
  const bool is_active = fields.optional_bool("isActive").value_or(true);
  return {
      .id = {},
      .title = std::move(title),
      .description = std::move(description),
      .type = type.value_or(PromotionType::bonus),
      .amount = amount,
      .term = {
          .is_active = is_active, .first = first.value_or(sys_days{}), .last = last.value_or(sys_days{})}};
}

Change read_change(json::Fields& fields, const json::Value& root, const std::optional<Promotion>& promotion) {
  Change change{.title = fields.optional_text("title"),
                .description = fields.optional_text("description", description_rule),
                .type = optional_type(fields)};
  if (root.is(json::Value::Kind::object)) read_changed_amount(fields, root, change);
  change.first = optional_day(fields, "startDate");
  change.last = optional_day(fields, "endDate");
  check_order(fields, change.first, change.last);
  change.is_active = fields.optional_bool("isActive");
  refuse_nulls(fields, root,
               {"title", "description", "type", "amount", "currency", "startDate", "endDate", "isActive"});
  if (promotion && fields.fault_count() > 0) add_faults_beside(fields, *promotion, change);
  if (fields.fault_count() == 0 && !changes_something(change))
    fields.fault("title", "is required, or anything else that is to change");
  return change;
}

std::vector<std::string> read_users(json::Fields& fields, const json::Value& root) {
  const std::size_t faults = fields.fault_count();
  const auto items = fields.required_array("userIds", promotions::assigned_at_once_max);
  if (root.is(json::Value::Kind::object) && items.empty() && fields.fault_count() == faults)
    fields.fault("userIds", "must name somebody");
  std::vector<std::string> users;
  users.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    const json::Value& item = items[i];
    const bool is_id = item.is(json::Value::Kind::string) && !item.text().empty() &&
                       item.text().size() <= limits::id_bytes_max &&
                       std::ranges::all_of(item.text(), [](char c) { return c > ' ' && c <= '~'; });
    if (!is_id) fields.fault("userIds[" + std::to_string(i) + ']', "must be a user's id");
    users.emplace_back(is_id ? item.text() : "");
  }
  std::ranges::sort(users);
  const auto repeated = std::ranges::unique(users);
  users.erase(repeated.begin(), repeated.end());
  return users;
}

Uuid read_promotion_id(json::Fields& fields, const json::Value& root) {
  const std::size_t faults = fields.fault_count();
  const std::string text = fields.required_id("promotionId");
  const auto id = parse_uuid(text);
  if (root.is(json::Value::Kind::object) && fields.fault_count() == faults && !id)
    fields.fault("promotionId", "must be a promotion's id");
  return id.value_or(Uuid{});
}

Result<promotions::Filter> filter_in(const net::Request& request, std::string_view list) {
  Parameters parameters(request, list);
  promotions::Filter filter{.type = parameters.type(),
                            .is_active = parameters.flag("isActive"),
                            .from = parameters.day("startDate"),
                            .to = parameters.day("endDate"),
                            .before = parameters.before(),
                            .limit = parameters.limit()};
  if (filter.from && filter.to && *filter.to < *filter.from) parameters.fault("endDate", ends_first);
  return parameters.checked(std::move(filter));
}

Result<promotions::AssignmentFilter> assignment_filter_in(const net::Request& request, std::string_view list,
                                                          UserId user) {
  Parameters parameters(request, list);
  return parameters.checked(promotions::AssignmentFilter{.user = std::move(user),
                                                         .claimed = parameters.flag("claimed"),
                                                         .type = parameters.type(),
                                                         .is_active = parameters.flag("isActive"),
                                                         .before = parameters.before(),
                                                         .limit = parameters.limit()});
}

}  // namespace perkline::hub::api
