#include "edge/cli_text.hpp"

#include <gtest/gtest.h>

namespace perkline::edge {
namespace {

std::string text_of(const std::string& answer) {
  const auto document = json::parse(answer);
  return document ? as_text(document->root()) : "not JSON";
}

TEST(CommandText, AListIsATableUnderItsNames) {
  EXPECT_EQ(text_of(R"({"review":1,"pending":2,"items":[)"
                    R"({"sessionId":"sess_1","status":"review","attempts":0,"reason":"PDI refuses"},)"
                    R"({"sessionId":"sess_22","status":"queued","pendingAt":null,"attempts":12},)"
                    R"({"sessionId":"sess_3","status":"queued","attempts":1,"reason":"Zo\u00eb"}]})"),
            "review: 1\n"
            "pending: 2\n"
            "sessionId  status  attempts  reason       pendingAt\n"
            "sess_1     review  0         PDI refuses  -\n"
            "sess_22    queued  12        -            -\n"
            "sess_3     queued  1         Zo\xc3\xab          -\n");
}

TEST(CommandText, AnEmptyListHasNoTable) {
  EXPECT_EQ(text_of(R"({"items":[],"more":false})"), "more: no\n");
}

TEST(CommandText, OneThingIsALineForEachValueByItsPath) {
  EXPECT_EQ(
      text_of(R"({"status":"failed","basket":{"items":[{"sku":"A"}]},"newBalance":null,"online":true})"),
      "status: failed\n"
      "basket.items[0].sku: A\n"
      "newBalance: -\n"
      "online: yes\n");
}

}  // namespace
}  // namespace perkline::edge
