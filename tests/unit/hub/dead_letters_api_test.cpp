#include <gtest/gtest.h>

#include "hub/ingest/dead_letters.hpp"
#include "hub/stores/stores.hpp"
#include "tests/unit/hub/served_hub.hpp"

namespace perkline::test {
namespace {

using hub::identity::Role;

class DeadLetterRoutes : public ::testing::Test {
 protected:
  /// A rejection that came before its sale, or the sale: whichever `payload` is.
  std::string bury(std::uint64_t sequence, sync::EventPayload payload) {
    const StoreId store("store-1");
    const std::string bytes = sync::encode({.store = store,
                                            .epoch = 1,
                                            .sequence = sequence,
                                            .id = hub_.ids().next(),
                                            .time = WallTime{},
                                            .traceparent = "",
                                            .payload = std::move(payload)});
    hub_.write([&](hub::db::Transaction& transaction) {
      return hub::ingest::bury(
          transaction,
          {.place = {store, 1, sequence}, .type = "SaleFinalized", .reason = "why", .bytes = bytes},
          WallTime{Millis{1'772'323'200'000}});
    });
    return "store-1:1:" + std::to_string(sequence);
  }
  sync::SaleFinalized sale() {
    return {.session = hub_.ids().next_session_id(),
            .transaction = TransactionId("T-1"),
            .customer = CustomerId("CUST-1"),
            .channel = ChannelId("POS-1"),
            .amount = Money{1500, find_currency("USD").value()},
            .earned = Points{450},
            .redeemed = Points{0},
            .new_balance = Points{5450},
            .tier = "Gold",
            .receipt = ReceiptId("RCP-1"),
            .rules_version = "",
            .finalized_at = WallTime{}};
  }
  RawAnswer decide(const std::string& id, const std::string& how, const std::string& body = "") {
    return hub_.send("POST", "/api/v1/dead-letters/" + id + "/" + how, token_, body);
  }
  std::vector<std::string> audit() {
    std::vector<std::string> lines;
    hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      auto rows = transaction.query("SELECT actor, action, subject, detail FROM audit ORDER BY id");
      if (!rows) return failure(rows);
      for (const auto& row : *rows)
        lines.push_back(row.text(0) + ' ' + row.text(1) + ' ' + row.text(2) + ' ' + row.text(3));
      return {};
    });
    return lines;
  }

  void SetUp() override {
    hub_.write([](hub::db::Transaction& transaction) {
      return hub::stores::add(transaction, StoreId("store-1"), std::string(64, 'a'), WallTime{});
    });
  }

  ServedHub hub_;
  const hub::identity::User clerk_ = hub_.add_user("clerk", Role::staff);
  const std::string token_ = hub_.token_of(clerk_);
};

TEST_F(DeadLetterRoutes, ListThoseThatAreOpen) {
  EXPECT_EQ(hub_.get("/api/v1/dead-letters", token_).body, R"({"items":[],"nextCursor":null})");
  bury(7, sale());
  EXPECT_EQ(
      hub_.get("/api/v1/dead-letters", token_).body,
      R"({"items":[{"id":"store-1:1:7","source":"store","storeId":"store-1","epoch":1,"sequence":7,"type":"SaleFinalized",)"
      R"("reason":"why","state":"open","receivedAt":"2026-03-01T00:00:00.000Z","decidedAt":null}],"nextCursor":null})");
}

TEST_F(DeadLetterRoutes, ListIsPaged) {
  for (std::uint64_t i = 1; i <= 3; ++i) bury(i, sale());
  std::vector<std::string> seen;
  std::string cursor;
  do {
    const RawAnswer answer =
        hub_.get("/api/v1/dead-letters?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor), token_);
    const auto page = json::parse(answer.body);
    ASSERT_TRUE(page) << answer.body;
    for (const auto& item : page->root().find("items")->items()) seen.emplace_back(item.find("id")->text());
    const json::Value* next = page->root().find("nextCursor");
    cursor = next->is(json::Value::Kind::string) ? std::string(next->text()) : "";
  } while (!cursor.empty());
  EXPECT_EQ(seen, (std::vector<std::string>{"store-1:1:3", "store-1:1:2", "store-1:1:1"}));
  EXPECT_EQ(hub_.get("/api/v1/dead-letters?cursor=zz", token_).code(), "VALIDATION_FAILED");
}

TEST_F(DeadLetterRoutes, RetryTellsWhatCameOfItAndIsAudited) {
  const std::string id = bury(7, sale());
  const RawAnswer answer = decide(id, "retry");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(member_of(answer.body, "state"), "applied");
  EXPECT_EQ(audit(),
            std::vector<std::string>{"user:" + clerk_.id.str() + " dead_letter.retried dead-letter:" + id +
                                     R"( {"state":"applied","reason":"why"})"});
  EXPECT_EQ(member_of(hub_.get("/api/v1/points/balance?customerId=CUST-1", token_).body, "tier"), "Gold");
  const RawAnswer again = decide(id, "retry");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.code(), "SESSION_STATE");
  EXPECT_EQ(audit().size(), 1u);
}

TEST_F(DeadLetterRoutes, RetryThatFailsSaysWhy) {
  auto twice = sale();
  EXPECT_EQ(member_of(decide(bury(7, twice), "retry").body, "state"), "applied");
  twice.earned = Points{451};
  const RawAnswer answer = decide(bury(8, twice), "retry");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(member_of(answer.body, "state"), "open");
  EXPECT_NE(member_of(answer.body, "reason").find("other figures"), std::string::npos);
  EXPECT_EQ(audit().size(), 2u);
}

TEST_F(DeadLetterRoutes, DiscardTakesAReasonAndIsAudited) {
  const std::string id = bury(7, sale());
  EXPECT_EQ(decide(id, "discard", "{}").code(), "VALIDATION_FAILED");
  EXPECT_EQ(decide(id, "discard", "no").code(), "MALFORMED_JSON");
  EXPECT_EQ(decide(id, "discard", R"({"reason":")" + std::string(257, 'x') + R"("})").status, 400);
  const RawAnswer answer = decide(id, "discard", R"({"reason":"a \"test\" sale"})");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(member_of(answer.body, "state"), "discarded");
  EXPECT_EQ(audit(),
            std::vector<std::string>{"user:" + clerk_.id.str() + " dead_letter.discarded dead-letter:" + id +
                                     R"( {"state":"discarded","reason":"a \"test\" sale"})"});
  EXPECT_EQ(decide(id, "retry").code(), "SESSION_STATE");
  EXPECT_EQ(hub_.get("/api/v1/dead-letters", token_).body, R"({"items":[],"nextCursor":null})");
}

TEST_F(DeadLetterRoutes, ThatAreNobodysAreNotFound) {
  for (const char* id : {"none", "store-1:1:1", "event.x.1", "event.", "%00", "a%20b", "event.%20"}) {
    EXPECT_EQ(decide(id, "retry").code(), "NOT_FOUND") << id;
    EXPECT_EQ(decide(id, "discard", R"({"reason":"x"})").code(), "NOT_FOUND") << id;
  }
  for (const char* id : {"%00", "a%20b"})
    EXPECT_EQ(decide(id, "discard", "{}").code(), "NOT_FOUND") << id << ", whatever else is wrong";
}

}  // namespace
}  // namespace perkline::test
