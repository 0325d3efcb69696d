#include "edge/session/session_record.hpp"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "shared/core/bytes.hpp"

namespace perkline::edge::session {
namespace {

WallTime at(std::string_view text) {
  return *parse_time(text);
}

/// Every field set, none to its default.
Session full() {
  const Currency usd = *find_currency("USD");
  Session session{.currency = usd};
  session.id = SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad91");
  session.store = StoreId("store-1");
  session.customer = CustomerId("CUST-12345");
  session.channel = ChannelId("POS-001");
  session.transaction = TransactionId("TXN-67890");
  session.provider_session = ProviderSessionId("sess_abc123");
  session.status = Status::finalized;
  session.version = 4;
  session.mode = Mode::standin;
  session.acknowledged = true;
  session.customer_name = "John Doe";
  session.current_points = Points{5000};
  session.tier = "Gold";
  session.basket =
      Basket{.amount = {15000, usd},
             .items = {{"SKU-001", {2000}, Money{7500, usd}, "food"}, {"SKU-002", {125}, {}, ""}}};
  session.sale = Sale{.final_amount = {14990, usd}, .apply_rewards = true, .redeem = Points{10}};
  session.earned = Points{450};
  session.redeemed = Points{10};
  session.new_balance = Points{5440};
  session.receipt = ReceiptId("RCP-2025-001");
  session.refusal = ProviderFault{"BLOCKED", "the customer is blocked"};
  session.created_at = at("2026-03-01T12:30:00.250Z");
  session.expires_at = at("2026-03-02T12:30:00.250Z");
  session.finalized_at = at("2026-03-01T12:31:00.001Z");
  session.attempts = 2;
  session.next_attempt_at = at("2026-03-01T12:31:10.000Z");
  session.metadata = {{"note", "paid in cash"}};
  session.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  session.identify_answer = {.status = 200, .body = R"({"sessionId":"x"})"};
  session.calculate_answer = Answer{.status = 200, .body = R"({"earnedPoints":450})"};
  session.finalize_answer = Answer{.status = 200, .body = R"({"status":"finalized"})"};
  return session;
}

/// With what sales that wait for PDI have besides.
Session pending() {
  Session session = full();
  session.reason = "nobody came";
  session.priced_at_pdi = true;
  session.rules_version = "rules-7";
  session.pending_at = at("2026-03-01T12:30:59.001Z");
  return session;
}

/// Goods of it came back: some worked out, some not yet.
Session with_returns() {
  Session session = full();
  session.returns = {{.id = ReturnId("ret_0190163d-8694-739b-aea5-966c26f8ad92"),
                      .transaction = TransactionId("RET-1"),
                      .amount = {5000, session.currency},
                      .receipt = ReceiptId("RET-0190163d"),
                      .returned_at = at("2026-03-03T09:00:00.125Z"),
                      .points = loyalty::ReturnPoints{151, 3},
                      .answer = {.status = 200, .body = R"({"clawedBackPoints":151})"}},
                     {.id = ReturnId("ret_0190163d-8694-739b-aea5-966c26f8ad93"),
                      .transaction = TransactionId("RET-2"),
                      .amount = {1, session.currency},
                      .receipt = ReceiptId("RET-0190163e"),
                      .returned_at = at("2026-03-04T09:00:00.125Z"),
                      .answer = {.status = 202, .body = R"({"status":"pending"})"}}};
  return session;
}

/// Persons had to decide about it; a name of the metadata came twice.
Session with_audit() {
  Session session = pending();
  session.status = Status::failed;
  session.metadata.emplace_back("note", "no such card");
  session.audit = {{.at = at("2026-03-01T13:00:00.500Z"), .kind = DecisionKind::retried, .actor = "alice"},
                   {.at = at("2026-03-01T14:00:00.000Z"),
                    .kind = DecisionKind::discarded,
                    .actor = "bob",
                    .reason = "stolen"}};
  return session;
}

ForeignReturn foreign() {
  return {.original_store = StoreId("store-2"),
          .original_transaction = TransactionId("TXN-1"),
          .goods = with_returns().returns[1]};
}

/// It gave its member a spin.
Session with_spin() {
  Session session = full();
  Uuid id;
  id.bytes = {1, 0x90, 0x16, 0x3d, 0x86, 0x94, 0x73, 0x9b, 0xae, 0xa5, 0x96, 0x6c, 0x26, 0xf8, 0xad, 0x94};
  session.spin = {.id = id,
                  .client_seed = "lucky",
                  .drawn_at = at("2026-03-01T12:31:59.001Z"),
                  .answer = {.status = 200, .body = R"({"spinId":"x"})"}};
  return session;
}

/// As told with 202 by templates.
Session with_receipt() {
  Session session = pending();
  session.status = Status::queued;
  session.finalize_answer.reset();
  session.receipt_lines = {"Points earned: 450", "Zo\xc3\xab"};
  return session;
}

Session minimal() {
  Session session{.currency = *find_currency("JPY")};
  session.id = SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad91");
  return session;
}

std::string golden(const std::string& name) {
  std::ifstream file(std::string(PERKLINE_GOLDEN_DIR) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  std::string hex = text.str();
  std::erase(hex, '\n');
  return from_hex(hex).value_or("");
}

TEST(SessionRecord, GivesBackEveryField) {
  const auto back = decode(encode(full()));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, full());
  EXPECT_EQ(decode(encode(pending())), pending());
  EXPECT_EQ(decode(encode(with_returns())), with_returns());
  EXPECT_EQ(decode(encode(with_receipt())), with_receipt());
  EXPECT_EQ(decode(encode(with_audit())), with_audit());
  EXPECT_EQ(decode(encode(with_spin())), with_spin());
  EXPECT_EQ(decode(encode(minimal())), minimal());
  EXPECT_EQ(decode_foreign_return(encode(foreign())), foreign());
}

TEST(SessionRecord, AReceiptWithoutLinesIsNotOneThatWasNeverTold) {
  Session session = with_receipt();
  session.receipt_lines.emplace();
  EXPECT_EQ(decode(encode(session)), session);
  session.receipt_lines.reset();
  EXPECT_EQ(decode(encode(session)), session);
}

TEST(SessionRecord, ARedemptionOfNothingThatAnEarlierVersionKeptIsNone) {
  Session session = pending();
  session.sale->redeem = Points{0};
  const auto back = decode(encode(session));
  ASSERT_TRUE(back);
  EXPECT_FALSE(back->sale->redeem);
}

// A change that breaks these breaks every store's journal: add a format, keep the old file and its test.
TEST(SessionRecord, OpensTheBytesOfFormat1) {
  EXPECT_EQ(decode(golden("session_1_full.hex")), full());
  EXPECT_EQ(decode(golden("session_1_pending.hex")), pending());
  EXPECT_EQ(decode(golden("session_1_returns.hex")), with_returns());
  EXPECT_EQ(decode(golden("session_1_receipt.hex")), with_receipt());
  EXPECT_EQ(decode(golden("session_1_audit.hex")), with_audit());
  EXPECT_EQ(decode(golden("session_1_spin.hex")), with_spin());
  EXPECT_EQ(decode(golden("session_1_minimal.hex")), minimal());
  EXPECT_EQ(decode_foreign_return(golden("foreign_return_1.hex")), foreign());
}

TEST(SessionRecord, WritesTheBytesOfFormat1) {
  EXPECT_EQ(to_hex(encode(full())), to_hex(golden("session_1_full.hex")));
  EXPECT_EQ(to_hex(encode(pending())), to_hex(golden("session_1_pending.hex")));
  EXPECT_EQ(to_hex(encode(with_returns())), to_hex(golden("session_1_returns.hex")));
  EXPECT_EQ(to_hex(encode(with_receipt())), to_hex(golden("session_1_receipt.hex")));
  EXPECT_EQ(to_hex(encode(with_audit())), to_hex(golden("session_1_audit.hex")));
  EXPECT_EQ(to_hex(encode(with_spin())), to_hex(golden("session_1_spin.hex")));
  EXPECT_EQ(to_hex(encode(minimal())), to_hex(golden("session_1_minimal.hex")));
  EXPECT_EQ(to_hex(encode(foreign())), to_hex(golden("foreign_return_1.hex")));
}

TEST(ArchiveRecord, ReadsAndWritesTheBytesOfFormat1) {
  const WallTime archived_at = at("2026-03-31T02:00:00.250Z");
  const auto back = decode_archived(golden("archive_1_full.hex"));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->session, full());
  EXPECT_EQ(back->archived_at, archived_at);
  EXPECT_EQ(to_hex(encode_archived(full(), archived_at)), to_hex(golden("archive_1_full.hex")));
}

TEST(ArchiveRecord, ANewerFormatIsToldApartFromDamage) {
  std::string record = encode_archived(full(), at("2026-03-31T02:00:00.250Z"));
  EXPECT_EQ(decode_archived("").error().code, Errc::corrupt);
  EXPECT_EQ(decode_archived(record.substr(0, 5)).error().code, Errc::corrupt);
  EXPECT_EQ(decode_archived(record.substr(0, 40)).error().code, Errc::corrupt);
  record.front() = 2;
  EXPECT_EQ(decode_archived(record).error().code, Errc::newer_format);
}

TEST(SessionRecord, ANewerFormatIsToldApartFromDamage) {
  std::string record = encode(minimal());
  record.front() = 2;
  EXPECT_EQ(decode(record).error().code, Errc::newer_format);
  record.front() = 0;
  EXPECT_EQ(decode(record).error().code, Errc::corrupt);
  std::string returned = encode(foreign());
  returned.front() = 2;
  EXPECT_EQ(decode_foreign_return(returned).error().code, Errc::newer_format);
}

TEST(SessionRecord, DamageIsCorrupt) {
  const std::string record = encode(full());
  EXPECT_EQ(decode("").error().code, Errc::corrupt);
  EXPECT_EQ(decode(record.substr(0, record.size() - 1)).error().code, Errc::corrupt);
  EXPECT_EQ(decode(record.substr(0, 1)).error().code, Errc::corrupt);

  EXPECT_EQ(decode_foreign_return("").error().code, Errc::corrupt);
  EXPECT_EQ(decode_foreign_return(encode(full())).error().code, Errc::corrupt);

  Session nameless = full();
  nameless.id = SessionId("x");
  EXPECT_EQ(decode(encode(nameless)).error().code, Errc::corrupt);
  Session stateless = full();
  stateless.status = static_cast<Status>(11);
  EXPECT_EQ(decode(encode(stateless)).error().code, Errc::corrupt);
  Session undecided = with_audit();
  undecided.audit[1].kind = static_cast<DecisionKind>(3);
  EXPECT_EQ(decode(encode(undecided)).error().code, Errc::corrupt);
}

}  // namespace
}  // namespace perkline::edge::session
