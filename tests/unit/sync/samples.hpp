#pragma once

#include <string>
#include <vector>

#include "shared/core/bytes.hpp"
#include "shared/sync/catalogue.hpp"
#include "shared/sync/event.hpp"
#include "shared/sync/frame.hpp"

/// One value of every event and frame, with every field set. The golden files hold their bytes: never change
/// one.
namespace perkline::sync::samples {

inline Uuid uuid() {
  return *parse_uuid("0190163d-8694-739b-aea5-966c26f8ad91");
}

inline Digest digest(std::uint8_t first) {
  Digest made;
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<std::uint8_t>(first + i);
  return made;
}

inline WallTime time() {
  return *parse_time("2026-03-01T12:30:00.250Z");
}

inline SaleFinalized sale() {
  return {.session = SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad91"),
          .transaction = TransactionId("TXN-67890"),
          .customer = CustomerId("CUST-12345"),
          .channel = ChannelId("POS-001"),
          .amount = Money{15000, *find_currency("USD")},
          .earned = Points{450},
          .redeemed = Points{20},
          .new_balance = Points{5430},
          .tier = "Gold",
          .receipt = ReceiptId("RCP-1"),
          .rules_version = "rules-7",
          .finalized_at = time() + Millis{750}};
}

inline SalePending pending() {
  return {.session = sale().session,
          .transaction = sale().transaction,
          .customer = sale().customer,
          .channel = sale().channel,
          .amount = sale().amount,
          .earned = Points{450},
          .redeemed = Points{20},
          .tier = "Gold",
          .receipt = ReceiptId("STORE-1-7"),
          .rules_version = "rules-7",
          .pending_at = time() + Millis{500}};
}

inline SaleSettled settled() {
  return {sale()};
}

inline SaleRejected rejected() {
  return {.session = sale().session,
          .transaction = sale().transaction,
          .customer = sale().customer,
          .pdi_code = "BLOCKED",
          .reason = "the member has left",
          .rejected_at = time() + Millis{900}};
}

inline SaleReturned returned() {
  return {.id = ReturnId("ret_0190163d-8694-739b-aea5-966c26f8ad92"),
          .transaction = TransactionId("RET-1"),
          .original_transaction = sale().transaction,
          .original_store = StoreId("store-1"),
          .session = sale().session,
          .customer = sale().customer,
          .amount = Money{5000, *find_currency("USD")},
          .figures = SaleReturned::Figures{.clawed_back = Points{150}, .restored = Points{6}},
          .returned_at = time() + Millis{1000}};
}

/// Of a sale that another store made.
inline SaleReturned returned_elsewhere() {
  SaleReturned foreign = returned();
  foreign.original_store = StoreId("store-2");
  foreign.session = {};
  foreign.customer = {};
  foreign.figures = std::nullopt;
  return foreign;
}

inline SessionVoided voided() {
  return {.session = sale().session,
          .transaction = sale().transaction,
          .customer = sale().customer,
          .channel = sale().channel,
          .reason = "customer left",
          .voided_at = time() + Millis{100}};
}

inline ReconcileDifference difference() {
  return {.session = sale().session,
          .transaction = sale().transaction,
          .customer = sale().customer,
          .ours = "expired",
          .pdi = "finalized",
          .found_at = time() + Millis{2000}};
}

inline MemberErased erased() {
  return {.erasure = uuid(), .erased_at = time() + Millis{3000}};
}

inline SpinDrawn spin_drawn() {
  return {.spin = uuid(),
          .session = sale().session,
          .transaction = sale().transaction,
          .customer = sale().customer,
          .commitment = digest(10),
          .client_seed = "lucky 7",
          .nonce = 3,
          .slots = {{.prize = "0190163d-8694-739b-aea5-966c26f8ada1", .tickets = 10'000'000'000},
                    {.prize = "0190163d-8694-739b-aea5-966c26f8ada2", .tickets = 1}},
          .prize = "0190163d-8694-739b-aea5-966c26f8ada2",
          .lease = "0190163d-8694-739b-aea5-966c26f8adb1",
          .ordinal = 17,
          .drawn_at = time() + Millis{1200}};
}

/// Of a prize that there is any number of.
inline SpinDrawn spin_drawn_unstocked() {
  SpinDrawn drawn = spin_drawn();
  drawn.client_seed = "";
  drawn.prize = drawn.slots.front().prize;
  drawn.lease = "";
  drawn.ordinal = 0;
  return drawn;
}

inline PromotionClaimed promotion_claimed() {
  return {.claim = *parse_uuid("0190163d-8694-839b-aea5-966c26f8adc1"),
          .customer = sale().customer,
          .promotion = uuid(),
          .transaction = sale().transaction,
          .claimed_at = time() + Millis{1300}};
}

inline LeaseReturned lease_returned() {
  return {.lease = spin_drawn().lease, .returned = 4};
}

inline SpinDropped spin_dropped() {
  return {.spin = uuid(), .customer = sale().customer};
}

inline Event event(EventPayload payload = sale()) {
  return {.store = StoreId("store-1"),
          .epoch = 2,
          .sequence = 300,
          .id = uuid(),
          .time = time(),
          .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
          .schema_version = 1,
          .payload = std::move(payload)};
}

inline Status status() {
  return {.tail = 300, .breaker = "HALF_OPEN", .queue_depth = 12, .version = "0.1.0"};
}

inline Hello hello() {
  return {.store = StoreId("store-1"),
          .epoch = 2,
          .boot_id = uuid(),
          .protocol = 1,
          .tail = 300,
          .tail_hash = digest(1),
          .status = status()};
}

inline Welcome welcome() {
  return {.hub_incarnation = uuid(),
          .epoch = 2,
          .cursor = 298,
          .cursor_hash = digest(2),
          .credit = 8,
          .protocol = 1};
}

inline Batch batch(std::vector<std::string> events = {"first", std::string("sec\0nd", 6)}) {
  return {.epoch = 2,
          .first_sequence = 299,
          .previous_hash = digest(2),
          .hash = digest(3),
          .events = std::move(events)};
}

/// Long enough to be compressed.
inline Batch long_batch() {
  return batch({std::string(600, 'a'), std::string(600, 'b'), std::string(600, 'c')});
}

inline Ack ack() {
  return {.epoch = 2, .through = 300, .hash = digest(3)};
}

inline Nack nack() {
  return {.epoch = 2, .expected = 299};
}

inline Fork fork() {
  return {.epoch = 3, .reason = ForkReason::superseded};
}

/// With what is applied of the history before the epoch.
inline Fork granted() {
  return {.epoch = 3,
          .reason = ForkReason::superseded,
          .applied = Applied{.epoch = 2, .through = 298, .hash = digest(2)}};
}

inline HistoryLost history_lost() {
  return {.epoch = 2, .through = 250, .hash = digest(4)};
}

inline SaleQuery sale_query() {
  return {{sale().session, SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad93")}};
}

inline SaleAnswer sale_answer() {
  return {.known = {{.session = sale().session,
                     .state = SaleState::finalized,
                     .amount = sale().amount,
                     .earned = sale().earned,
                     .redeemed = sale().redeemed,
                     .new_balance = sale().new_balance,
                     .tier = "Gold",
                     .receipt = sale().receipt,
                     .at = sale().finalized_at},
                    {.session = SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad94"),
                     .state = SaleState::rejected,
                     .amount = sale().amount,
                     .earned = Points{1},
                     .redeemed = Points{2},
                     .tier = "Base",
                     .receipt = ReceiptId("STORE-1-7"),
                     .at = time(),
                     .pdi_code = "BLOCKED",
                     .reason = "the member has left"},
                    {.session = SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad95"),
                     .state = SaleState::voided,
                     .at = time(),
                     .reason = "customer left"}},
          .unknown = {SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad93")}};
}

/// Of a store that takes things down.
inline Status holding() {
  Status told = status();
  told.held = Held{.catalogue = Position{.incarnation = uuid(), .at = 7},
                   .members = Position{.incarnation = uuid(), .at = 0}};
  return told;
}

/// Of a store that may be granted leases.
inline Status holding_leases() {
  Status told = holding();
  told.held->lease_holder = *parse_uuid("0190163d-8694-739b-aea5-966c26f8add1");
  return told;
}

inline Welcome welcome_with_key() {
  Welcome told = welcome();
  told.signing_key = digest(9);
  return told;
}

inline CatalogueHead head() {
  CatalogueHead made{.incarnation = uuid(), .version = 8, .digest = digest(5), .signature = {}};
  for (std::size_t i = 0; i < made.signature.size(); ++i) made.signature[i] = static_cast<std::uint8_t>(i);
  return made;
}

inline CatalogueDelta catalogue_delta() {
  return {.from = 7,
          .head = head(),
          .items = {{.name = name_of(ItemKind::reward_rules), .body = R"({"version":"v2"})"},
                    {.name = {3, "gone"}, .body = std::nullopt},
                    {.name = {3, "here"}, .body = ""}}};
}

inline CatalogueSnapshot catalogue_snapshot() {
  return {.head = head(),
          .items = {{.name = name_of(ItemKind::reward_rules), .body = R"({"version":"v2"})"},
                    {.name = {4711, "of a later version"}, .body = std::string("\0\xff", 2)}}};
}

inline MemberDelta member_delta() {
  return {.incarnation = uuid(),
          .from = 0,
          .to = 12,
          .applied_epoch = 2,
          .applied_through = 298,
          .members = {{.member = digest(6),
                       .name = "John Doe",
                       .tier = "Gold",
                       .points = Points{5430},
                       .as_of = time(),
                       .owed = -20,
                       .blocked = true},
                      {.member = digest(7)}}};
}

/// Of a member with promotions to claim.
inline MemberDelta member_delta_promotions() {
  MemberDelta delta = member_delta();
  delta.members[1].promotions = {uuid(), *parse_uuid("0190163d-8694-739b-aea5-966c26f8ad92")};
  return delta;
}

inline SpinReserve spin_reserve() {
  return {.spin = uuid(), .customer = sale().customer};
}

inline SpinReserved spin_reserved() {
  return {.spin = uuid(), .prizes = {spin_drawn().slots[0].prize, spin_drawn().slots[1].prize}};
}

inline ClaimRequest claim_request() {
  return {.claim = promotion_claimed().claim,
          .customer = sale().customer,
          .promotion = uuid(),
          .transaction = sale().transaction,
          .claimed_at = time()};
}

inline ClaimAnswer claim_answer() {
  const Currency usd = *find_currency("USD");
  return {.claim = promotion_claimed().claim,
          .outcome = ClaimOutcome::claimed,
          .credit = ClaimAnswer::Credit{.user = UserId("0190163d-8694-739b-aea5-966c26f8ad01"),
                                        .amount = Money{2000, usd},
                                        .available = Money{2550, usd},
                                        .held = Money{100, usd},
                                        .claimed_at = time(),
                                        .transaction = uuid(),
                                        .description = "Claimed 'Welcome' promotion",
                                        .created_at = time() + Millis{40}}};
}

inline ClaimAnswer claim_refused() {
  return {.claim = promotion_claimed().claim, .outcome = ClaimOutcome::not_active};
}

inline MemberRequest member_request() {
  return {.id = uuid(), .customer = sale().customer};
}

inline MemberAnswer member_answer() {
  return {.id = uuid(),
          .applied_epoch = 2,
          .applied_through = 298,
          .member = member_delta_promotions().members[1]};
}

inline MemberAnswer member_unknown() {
  return {.id = uuid(), .applied_epoch = 1, .applied_through = 0};
}

inline EraseMember erase_member() {
  return {{{.id = uuid(),
            .member = digest(6),
            .token = CustomerId("erased-00112233445566778899aabbccddeeff"),
            .requested_at = time()}}};
}

inline Command command() {
  return {.id = uuid(), .kind = CommandKind::log_level, .argument = "debug"};
}

inline CommandAnswer command_answer() {
  return {.id = uuid(), .outcome = CommandOutcome::key_offered, .detail = to_hex(digest(8))};
}

inline ProtocolRefused refused() {
  return {.oldest = 2, .newest = 3};
}

/// Of a store that tells which call of a till's it is for.
template <class Ask>
Ask traced(Ask asked) {
  asked.traceparent = event().traceparent;
  return asked;
}

/// Of a store that tells what its clock shows.
inline Batch sent(Batch told) {
  told.sent_at = time() + Millis{1500};
  return told;
}

}  // namespace perkline::sync::samples
