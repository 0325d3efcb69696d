#include "edge/downlink/erasing.hpp"
#include "edge/journal/lease_holder.hpp"
#include "edge/verify.hpp"
#include "tests/unit/edge/programme_subject.hpp"

namespace perkline::edge::programme {
namespace {

using journal::Batch;
using journal::Family;

Uuid uuid_of(std::uint8_t number) {
  Uuid id;
  id.bytes.fill(number);
  return id;
}

/// The one record that a batch puts, in hex.
std::string put_in_hex(const Batch& batch) {
  EXPECT_EQ(batch.changes().size(), 1u);
  return to_hex(*batch.changes().front().value);
}

class ProgrammeRecords : public ProgrammeTest {
 protected:
  void put(Family family, const std::string& key, std::string value) {
    Batch batch;
    batch.put(family, key, std::move(value));
    commit(std::move(batch));
  }
  std::vector<std::string> keys() {
    std::vector<std::string> all;
    EXPECT_TRUE(life->journal.scan(Family::prizes_leased, "", [&](std::string_view key, std::string_view) {
      all.emplace_back(key);
      return true;
    }));
    return all;
  }
  Verification verified() { return verify(life->journal, StoreId("store-1"), std::nullopt); }
};

// A change that breaks these breaks every store's journal: add a format, keep the old bytes and their test.
TEST_F(ProgrammeRecords, HaveTheBytesOfFormat1) {
  const WheelBook book(life->journal);
  Batch lease;
  book.put(lease, "lease-1", {.drawn = 3, .returned = 300});
  EXPECT_EQ(lease.changes().front().key, "lease/lease-1");
  EXPECT_EQ(put_in_hex(lease), "01080310ac02");
  Batch nonce;
  const auto day = parse_day("2026-03-01").value();
  const Seed seed{.day = day, .commitment = {}, .secret = {}};
  book.put_nonce(nonce, seed, "member", 7);
  EXPECT_EQ(nonce.changes().front().key, "nonce/2026-03-01/" + std::string(64, '0') + "/member");
  EXPECT_EQ(put_in_hex(nonce), "010807");
  Batch intent;
  book.put(intent, {.session = SessionId("sess_1"), .spin = uuid_of(9), .customer = CustomerId("CUST-1")});
  EXPECT_EQ(intent.changes().front().key, "intent/sess_1");
  EXPECT_EQ(put_in_hex(intent), "010a10090909090909090909090909090909091206435553542d31");

  const journal::LeaseHolder open{.id = uuid_of(5)};
  const journal::LeaseHolder closed{.id = uuid_of(5), .seeds_closed = day};
  EXPECT_EQ(to_hex(encode(open)), "0105050505050505050505050505050505");
  EXPECT_EQ(to_hex(encode(closed)), "01050505050505050505050505050505050000000000005021");
  EXPECT_EQ(journal::decode_lease_holder(encode(open)), open);
  EXPECT_EQ(journal::decode_lease_holder(encode(closed)), closed);
  const journal::LeaseHolder unsettled{.id = uuid_of(5),
                                       .unsettled = {{.drawn = day, .clock_read = day + days{1}}}};
  EXPECT_EQ(to_hex(encode(unsettled)), "020505050505050505050505050505050500000000000050210000000000005022");
  EXPECT_EQ(journal::decode_lease_holder(encode(unsettled)), unsettled);
  EXPECT_EQ(journal::decode_lease_holder(encode(unsettled).substr(0, 25)).error().code, Errc::corrupt);
  EXPECT_EQ(journal::decode_lease_holder("").error().code, Errc::corrupt);
  EXPECT_EQ(journal::decode_lease_holder("\x01short").error().code, Errc::corrupt);
  EXPECT_EQ(journal::decode_lease_holder("\x03").error().code, Errc::newer_format);

  standin::Member member{.name = "John", .promotions = {uuid_of(1), uuid_of(2)}};
  EXPECT_EQ(standin::decode_member(encode(member)), member);
  EXPECT_EQ(
      to_hex(encode(member)),
      "010a044a6f686e12044261736552100101010101010101010101010101010152100202020202020202020202020202020"
      "2");
}

TEST_F(ProgrammeRecords, AClaimHasTheBytesOfFormat1) {
  ClaimStore claims(life->journal, *life->outbox);
  const Claim claim{.record = "clm_0190163d-8694-739b-aea5-966c26f8ad91",
                    .id = uuid_of(1),
                    .customer = CustomerId("CUST-1"),
                    .promotion = uuid_of(2),
                    .transaction = TransactionId("C-1"),
                    .claimed_at = WallTime{Millis{300}},
                    .answer = {.status = 202, .body = "{}"}};
  struct Done {};
  (void)life->run([](ClaimStore& store, Claim what) -> Task<Done> {
    co_await store.add(std::move(what), {.id = uuid_of(9),
                                         .time = {},
                                         .traceparent = "",
                                         .payload = sync::LeaseReturned{.lease = "l", .returned = 1}});
    co_return Done{};
  }(claims, claim));
  EXPECT_EQ(claims.get(claim.record), claim);
  const auto record = life->journal.get(Family::prizes_leased, "claim/" + claim.record);
  EXPECT_EQ(to_hex(record.value().value()),
            "010a10010101010101010101010101010101011206435553542d311a1002020202020202020202020202020202"
            "2203432d3128ac0230ca013a027b7d");
  (void)life->run([](ClaimStore& store) -> Task<Done> {
    co_await store.note_asked(uuid_of(1), WallTime{Millis{300}});
    co_return Done{};
  }(claims));
  EXPECT_EQ(claims.is_asked(uuid_of(1)), true);
  const auto asked = life->journal.get(Family::prizes_leased, "asked/" + uuid_of(1).str());
  EXPECT_EQ(to_hex(asked.value().value()), "0108ac02");
  Claim refused = claim;
  refused.answer = {};
  refused.refused = sync::ClaimOutcome::not_active;
  ASSERT_TRUE(life->run(claims.settle(refused)));
  EXPECT_EQ(claims.get(claim.record), refused);
  EXPECT_FALSE(claims.is_claimed(claim.customer, claim.promotion).value());
}

TEST_F(ProgrammeRecords, VerifyReadsThemAllAndFindsWhatIsWrong) {
  catalogue.prize("prize-s", {.stocked = true});
  catalogue.promotion(uuid_of(1), "2026-02-01", "2026-03-31");
  seeds();
  lease("lease-1", "prize-s", 2);
  assign({uuid_of(1)});
  hub.up = false;
  ASSERT_TRUE(spin(sold("T-1")));
  ASSERT_TRUE(claim("C-1", uuid_of(1)));
  EXPECT_TRUE(verified().ok()) << render(verified());
  ASSERT_EQ(keys().size(), 4u) << "lease, nonce, claim and its mark";
  const auto faults = [this](const std::string& key, std::string value) {
    const auto before = life->journal.get(Family::prizes_leased, key).value();
    put(Family::prizes_leased, key, std::move(value));
    const std::uint64_t count = verified().fault_count;
    Batch back;
    before ? back.put(Family::prizes_leased, key, *before) : back.erase(Family::prizes_leased, key);
    commit(std::move(back));
    return count;
  };
  for (const std::string& key : keys()) EXPECT_GE(faults(key, "\x7f"), 1u) << key;
  EXPECT_EQ(faults("nonsense", "\x01"), 1u);
  EXPECT_EQ(faults("asked/nobody", "\x01"), 1u);
  EXPECT_EQ(faults("asked/" + uuid_of(1).str(), "\x7f"), 1u);
  EXPECT_EQ(faults("intent/sess_1", "\x01"), 1u) << "without a spin";
  Batch unnamed;
  unnamed.erase(Family::by_transaction, "C-1");
  commit(std::move(unnamed));
  EXPECT_GE(verified().fault_count, 1u);
  put(Family::by_transaction, "C-9", "clm_0190163d-8694-739b-aea5-966c26f8ad91");
  EXPECT_GE(verified().fault_count, 2u) << "names a claim that is not there";
}

TEST_F(ProgrammeRecords, OfWhoIsForgottenNothingIsLeftButTheTokenAndTheHub) {
  catalogue.prize("prize-a");
  catalogue.promotion(uuid_of(1), "2026-02-01", "2026-03-31");
  seeds();
  offer();
  assign({uuid_of(1)});
  hub.up = false;
  const Till till = sold("T-1");
  ASSERT_TRUE(spin(till));
  ASSERT_TRUE(claim("C-1", uuid_of(1)));
  skip(seconds{1});
  downlink::Erasing erasing({.ports = life->ports,
                             .writer = life->writer,
                             .outbox = *life->outbox,
                             .forget_elsewhere = [this](sync::Erasure erasure) {
                               return programme->forget_member(std::move(erasure));
                             }});
  life->world->spawn(erasing.run());
  erasing.want({{.id = uuid_of(9),
                 .member = sync::member_hash(till.customer),
                 .token = CustomerId("erased-00112233445566778899aabbccddeeff"),
                 .requested_at = outside.time.wall}});
  ASSERT_TRUE(life->world->run_until([&] { return erasing.waiting() == 0; }, seconds{30}));
  erasing.stop();
  life->world->run_ready();
  const std::string hash = to_hex(sync::member_hash(till.customer));
  for (const auto family : {Family::sessions, Family::prizes_leased, Family::members}) {
    EXPECT_TRUE(life->journal.scan(family, "", [&](std::string_view key, std::string_view value) {
      for (const std::string_view text : {key, value}) {
        EXPECT_EQ(text.find(till.customer.str()), text.npos) << key;
        EXPECT_EQ(text.find(hash), text.npos) << key;
      }
      return true;
    }));
  }
  EXPECT_EQ(told<sync::MemberErased>().size(), 1u);
  EXPECT_TRUE(verified().ok()) << render(verified());
  const auto answer = life->run(programme->claims().promotions(till.customer));
  EXPECT_EQ(answer->body, R"({"items":[]})");
}

}  // namespace
}  // namespace perkline::edge::programme
