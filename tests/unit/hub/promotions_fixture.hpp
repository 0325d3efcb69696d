#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "shared/core/clock.hpp"
#include "tests/unit/hub/wallet_fixture.hpp"

namespace perkline::test {

/// The promotions' routes, with all that the wallet's tests have.
class Promotions : public Wallet {
 protected:
  static constexpr const char* promotions = "/api/v1/promotions";
  static constexpr const char* claims = "/api/v1/promotions/claim";

  /// So many days from today.
  static std::string day(int from_today) {
    return format_day(utc_day(SystemClock().wall_now()) + days{from_today});
  }
  static std::string body(const std::string& type, int first, int last, bool is_active = true) {
    return R"({"title":"Twenty for you","description":"As a thank-you","type":")" + type +
           R"(","amount":"20.00","currency":"USD","startDate":")" + day(first) + R"(","endDate":")" +
           day(last) + R"(","isActive":)" + (is_active ? "true" : "false") + '}';
  }
  RawAnswer create(const std::string& body) const { return hub_.send("POST", promotions, staff_, body); }
  /// Its id.
  std::string made(const std::string& type = "BONUS", int first = 0, int last = 0, bool is_active = true) {
    const RawAnswer answer = create(body(type, first, last, is_active));
    EXPECT_EQ(answer.status, 201) << answer.body;
    return member_of(answer.body, "id");
  }
  RawAnswer change(const std::string& id, const std::string& body) const {
    return hub_.send("PATCH", promotions + ('/' + id), staff_, body);
  }
  RawAnswer assign(const std::string& id, const std::vector<std::string>& users) const {
    std::string list;
    for (const std::string& user : users) list += (list.empty() ? "" : ",") + quoted(user);
    return hub_.send("POST", promotions + ('/' + id + "/assign"), staff_, R"({"userIds":[)" + list + "]}");
  }
  RawAnswer claim(const Member& member, const std::string& id) {
    return post(claims, member.token, object({{"promotionId", id}}));
  }
  RawAnswer of_player(const Member& member, const std::string& query = "") const {
    return hub_.get(std::string(promotions) + "/players/" + member.id() + query, member.token);
  }
  /// The ids of a list, in its order.
  static std::vector<std::string> ids_in(const RawAnswer& answer) {
    std::vector<std::string> ids;
    const auto document = json::parse(answer.body);
    const json::Value* items = document ? document->root().find("items") : nullptr;
    EXPECT_NE(items, nullptr) << answer.body;
    if (items == nullptr) return ids;
    for (const json::Value& item : items->items()) ids.emplace_back(item.find("id")->text());
    return ids;
  }
};

}  // namespace perkline::test
