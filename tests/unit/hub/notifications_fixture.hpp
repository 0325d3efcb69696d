#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hub/events/event_log.hpp"
#include "shared/json/value.hpp"
#include "tests/unit/hub/served_hub.hpp"

namespace perkline::test {

/// Members, staff and what they are told, on a real server over a real database.
class Notifications : public ::testing::Test {
 protected:
  static constexpr const char* base = "/api/v1/notifications";

  struct Someone {
    hub::identity::User user;
    std::string token;
    std::string id() const { return user.id.str(); }
  };
  Someone someone(const std::string& name, hub::identity::Role role = hub::identity::Role::member) {
    auto user = hub_.add_user(name, role);
    std::string token = hub_.token_of(user);
    return {std::move(user), std::move(token)};
  }

  /// `data`: what follows the user's id, `"amount":"1.00"` …
  hub::events::DomainEvent event(const std::string& type, const Someone& whose, const std::string& data = "",
                                 Millis ago = Millis{0}) {
    return {.id = hub_.ids().next(),
            .type = type,
            .occurred_at = SystemClock().wall_now() - ago,
            .traceparent = {},
            .data = R"({"userId":")" + whose.id() + '"' + (data.empty() ? "" : "," + data) + '}'};
  }
  void append(const std::vector<hub::events::DomainEvent>& events) {
    hub_.write([&](hub::db::Transaction& transaction) { return hub::events::append(transaction, events); });
  }
  /// It happens, and whoever is to hear of it is told.
  void happens(const std::string& type, const Someone& whose, const std::string& data = "",
               Millis ago = Millis{0}) {
    append({event(type, whose, data, ago)});
    hub_.tell_events(true);
  }

  json::Document listed(const Someone& whose, const std::string& query = "") {
    const RawAnswer answer = hub_.get(base + query, whose.token);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json::parse(answer.body).value();
  }
  static std::vector<std::string> texts(const json::Document& list, const char* name) {
    std::vector<std::string> found;
    for (const auto& item : list.root().find("items")->items()) found.emplace_back(item.find(name)->text());
    return found;
  }
  static std::string content(const json::Document& list, std::size_t index, const char* name) {
    const json::Value* found = list.root().find("items")->items()[index].find("content")->find(name);
    return found == nullptr ? "(none)" : std::string(found->text());
  }
  std::int64_t count(const std::string& sql) {
    std::int64_t found = 0;
    hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      auto rows = transaction.query(sql);
      if (!rows) return failure(rows);
      found = rows->at(0).integer(0);
      return {};
    });
    return found;
  }

  static HubWeb web() {
    HubWeb web;
    web.server.public_url = "http://hub.example";
    // Dropped soon by whoever does not read.
    web.server.timeouts.web_socket_write = Millis{300};
    web.server.timeouts.sweep = Millis{20};
    return web;
  }

  ServedHub hub_{{.login_per_minute = 0, .auth_per_address_minute = 0}, web()};
};

}  // namespace perkline::test
