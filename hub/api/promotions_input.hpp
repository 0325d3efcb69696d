#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/promotions/assignments.hpp"
#include "hub/promotions/promotions.hpp"
#include "shared/json/fields.hpp"
#include "shared/net/http.hpp"

/// What the promotions' calls are given, every fault of each at once. Pure.
namespace perkline::hub::api {

/// `{title, description?, type, amount, currency?, startDate, endDate, isActive?}`; in the programme's
/// currency and active where nothing is said. Without its id.
promotions::Promotion read_promotion(json::Fields& fields, const json::Value& root, Currency programme);
/// The same, each of them optional, but one there must be; a currency comes with an amount. `promotion`: what
/// it is now, where there is one, so that what does not go with that is told along with the rest.
promotions::Change read_change(json::Fields& fields, const json::Value& root,
                               const std::optional<promotions::Promotion>& promotion);
/// `{userIds}`: each once, rising.
std::vector<std::string> read_users(json::Fields& fields, const json::Value& root);
/// `{promotionId}`
Uuid read_promotion_id(json::Fields& fields, const json::Value& root);

/// `?type=&isActive=&startDate=&endDate=` and the page's. Errors: validation_failed naming each at fault.
Result<promotions::Filter> filter_in(const net::Request& request, std::string_view list);
/// `?claimed=&type=&isActive=` and the page's. Errors: likewise.
Result<promotions::AssignmentFilter> assignment_filter_in(const net::Request& request, std::string_view list,
                                                          UserId user);

}  // namespace perkline::hub::api
