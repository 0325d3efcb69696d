#include "hub/api/page.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "shared/core/bytes.hpp"

namespace perkline::hub::api {
namespace {

net::Request request(std::string query) {
  net::Request made;
  made.query = std::move(query);
  return made;
}

void expect_fault(const std::string& query, const std::string& field) {
  const auto page = read_page(request(query), "stores");
  ASSERT_FALSE(page) << query;
  EXPECT_EQ(page.error().code, Errc::validation_failed);
  ASSERT_EQ(page.error().faults.size(), 1u);
  EXPECT_EQ(page.error().faults[0].field, field);
}

TEST(Page, IsOfFiftyFromTheStartUnlessSaid) {
  const auto page = read_page(request(""), "stores");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->limit, 50u);
  EXPECT_TRUE(page->after.empty());
}

TEST(Page, LimitIsFrom1To200) {
  EXPECT_EQ(read_page(request("limit=1"), "stores")->limit, 1u);
  EXPECT_EQ(read_page(request("limit=200"), "stores")->limit, 200u);
  for (const char* wrong : {"limit=0", "limit=201", "limit=-1", "limit=1.5", "limit=", "limit=ten",
                            "limit=%31%30x", "limit=99999999999999999999"}) {
    expect_fault(wrong, "limit");
  }
}

TEST(Page, GoesOnBehindItsCursor) {
  const std::string cursor = cursor_after("stores", "store-17");
  const auto page = read_page(request("limit=2&cursor=" + cursor), "stores");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->after, "store-17");
  EXPECT_EQ(cursor.find("store-17"), std::string::npos) << "it is opaque";
}

TEST(Page, CursorThatNoAnswerGaveIsRefused) {
  const std::string cursor = cursor_after("stores", "store-17");
  for (const std::string& wrong :
       {std::string(), std::string("17"), std::string("store-17"), cursor + "0", cursor + "zz",
        cursor.substr(0, cursor.size() - 1), cursor_after("users", "store-17"), cursor_after("stores", ""),
        to_hex(std::string_view("stores:a\0b", 10)), cursor_after("stores", "a\xff"),
        cursor_after("stores", std::string(1000, 'a'))}) {
    expect_fault("cursor=" + wrong, "cursor");
  }
}

TEST(Page, TellsBothFaultsAtOnce) {
  const auto page = read_page(request("limit=0&cursor=x"), "stores");
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().faults.size(), 2u);
}

std::string page_of(const std::vector<int>& found) {
  return page_json(
      "numbers", found, Page{.limit = 2}.wanted(), [](json::Writer& out, int number) { out.value(number); },
      [](int number) { return std::to_string(number); });
}

TEST(Page, ShowsOneLessThanWasLookedForAndTellsWhereItGoesOn) {
  EXPECT_EQ(page_of({}), R"({"items":[],"nextCursor":null})");
  EXPECT_EQ(page_of({9, 7}), R"({"items":[9,7],"nextCursor":null})");
  EXPECT_EQ(page_of({9, 7, 5}), R"({"items":[9,7],"nextCursor":")" + cursor_after("numbers", "7") + R"("})");
}

TEST(Page, OfFallingNumbersGoesOnBelowTheLastSeen) {
  EXPECT_EQ(Page{.after = "7"}.below(), 7);
  EXPECT_EQ(Page{}.below(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(Page{.after = "7x"}.below(), 0) << "a cursor of somebody's own making: nothing follows";
}

}  // namespace
}  // namespace perkline::hub::api
