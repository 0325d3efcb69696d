#include "shared/sync/event.hpp"

#include <functional>
#include <sync.pb.h>

#include <gtest/gtest.h>

#include "tests/unit/sync/samples.hpp"

namespace perkline::sync {
namespace {

/// The sample as its bytes would be with `change` made to them.
std::string changed(const std::function<void(v1::Event&)>& change) {
  v1::Event wire;
  EXPECT_TRUE(wire.ParseFromString(encode(samples::event())));
  change(wire);
  return wire.SerializeAsString();
}

std::string with_sale(const std::function<void(v1::SaleFinalized&)>& change) {
  return changed([&](v1::Event& wire) { change(*wire.mutable_sale_finalized()); });
}

void expect_malformed(const std::string& bytes) {
  const auto event = decode_event(bytes);
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, Errc::malformed_answer);
}

TEST(Event, IsReadBackAsItWas) {
  EXPECT_EQ(decode_event(encode(samples::event())).value(), samples::event());
}

TEST(Event, TheSameValueIsTheSameBytes) {
  EXPECT_EQ(encode(samples::event()), encode(samples::event()));
}

TEST(Event, ItsTypeIsNamed) {
  EXPECT_EQ(type_name(samples::sale()), "SaleFinalized");
  EXPECT_EQ(type_name(samples::pending()), "SalePending");
  EXPECT_EQ(type_name(samples::settled()), "SaleSettled");
  EXPECT_EQ(type_name(samples::rejected()), "SaleRejected");
  EXPECT_EQ(type_name(samples::returned()), "SaleReturned");
  EXPECT_EQ(type_name(samples::voided()), "SessionVoided");
  EXPECT_EQ(type_name(samples::difference()), "ReconcileDifference");
  EXPECT_EQ(type_name(samples::erased()), "MemberErased");
  EXPECT_EQ(type_name(samples::spin_drawn()), "SpinDrawn");
  EXPECT_EQ(type_name(samples::promotion_claimed()), "PromotionClaimed");
  EXPECT_EQ(type_name(samples::lease_returned()), "LeaseReturned");
  EXPECT_EQ(type_name(samples::spin_dropped()), "SpinDropped");
  EXPECT_EQ(type_name(UnknownEvent{.type = 17}), "Unknown");
}

TEST(Event, ATypeOfALaterVersionIsUnknownNotMalformed) {
  const auto event = decode_event(changed([](v1::Event& wire) {
    wire.clear_payload();
    wire.set_type(4711);
  }));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->payload, EventPayload(UnknownEvent{.type = 4711}));
  EXPECT_EQ(event->sequence, 300u);
}

TEST(Event, ALaterSchemaOfAKnownTypeIsUnknownNotMisread) {
  const auto event = decode_event(changed([](v1::Event& wire) { wire.set_schema_version(2); }));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->payload, EventPayload(UnknownEvent{.type = v1::Event::kSaleFinalized}));
  EXPECT_EQ(event->schema_version, 2u);
}

TEST(Event, AnEnvelopeThatBreaksItsRulesIsMalformed) {
  const std::string too_long(65, 'x');
  expect_malformed("not an event");
  expect_malformed("");
  expect_malformed(changed([](v1::Event& wire) { wire.clear_store(); }));
  expect_malformed(changed([&](v1::Event& wire) { wire.set_store(too_long); }));
  expect_malformed(changed([](v1::Event& wire) { wire.set_epoch(0); }));
  expect_malformed(changed([](v1::Event& wire) { wire.set_sequence(0); }));
  expect_malformed(changed([](v1::Event& wire) { wire.set_sequence(1ULL << 63); }));
  expect_malformed(changed([](v1::Event& wire) { wire.set_id(std::string(15, 'x')); }));
  expect_malformed(changed([](v1::Event& wire) { wire.set_time_ms(-1); }));
  expect_malformed(changed([](v1::Event& wire) { wire.set_time_ms(253'402'300'800'000); }));
  expect_malformed(changed([&](v1::Event& wire) { wire.set_traceparent(too_long); }));
  expect_malformed(changed([](v1::Event& wire) { wire.set_schema_version(0); }));
  expect_malformed(changed([](v1::Event& wire) { wire.set_type(0); }));
}

TEST(Event, APayloadOfAnotherTypeThanNamedIsMalformed) {
  expect_malformed(changed([](v1::Event& wire) { wire.set_type(17); }));
  expect_malformed(changed([](v1::Event& wire) { wire.clear_payload(); }));
}

TEST(Event, IdsOfASaleAreNeverEmptyNorTooLong) {
  using Setter = void (*)(v1::SaleFinalized&, std::string);
  const Setter ids[] = {[](v1::SaleFinalized& sale, std::string id) { sale.set_session(std::move(id)); },
                        [](v1::SaleFinalized& sale, std::string id) { sale.set_transaction(std::move(id)); },
                        [](v1::SaleFinalized& sale, std::string id) { sale.set_customer(std::move(id)); },
                        [](v1::SaleFinalized& sale, std::string id) { sale.set_channel(std::move(id)); },
                        [](v1::SaleFinalized& sale, std::string id) { sale.set_receipt(std::move(id)); }};
  for (const Setter set : ids) {
    expect_malformed(with_sale([&](v1::SaleFinalized& sale) { set(sale, ""); }));
    expect_malformed(with_sale([&](v1::SaleFinalized& sale) { set(sale, std::string(65, 'x')); }));
  }
  expect_malformed(with_sale([](v1::SaleFinalized& sale) { sale.set_tier(std::string(65, 'x')); }));
  expect_malformed(with_sale([](v1::SaleFinalized& sale) { sale.set_rules_version(std::string(65, 'x')); }));
}

TEST(Event, PointsAreFromZeroToATrillion) {
  using Setter = void (*)(v1::SaleFinalized&, std::int64_t);
  const Setter points[] = {[](v1::SaleFinalized& sale, std::int64_t count) { sale.set_earned(count); },
                           [](v1::SaleFinalized& sale, std::int64_t count) { sale.set_redeemed(count); },
                           [](v1::SaleFinalized& sale, std::int64_t count) { sale.set_new_balance(count); }};
  for (const Setter set : points) {
    EXPECT_TRUE(decode_event(with_sale([&](v1::SaleFinalized& sale) { set(sale, 0); })));
    EXPECT_TRUE(decode_event(with_sale([&](v1::SaleFinalized& sale) { set(sale, 1'000'000'000'000); })));
    expect_malformed(with_sale([&](v1::SaleFinalized& sale) { set(sale, 1'000'000'000'001); }));
    expect_malformed(with_sale([&](v1::SaleFinalized& sale) { set(sale, -1); }));
  }
}

TEST(Event, AmountsHaveAKnownCurrencyAndTwelveDigits) {
  const auto amount = [](const char* currency, std::int64_t minor) {
    return with_sale([=](v1::SaleFinalized& sale) {
      sale.set_currency(currency);
      sale.set_amount_minor(minor);
    });
  };
  EXPECT_TRUE(decode_event(amount("USD", 0)));
  EXPECT_TRUE(decode_event(amount("USD", 99'999'999'999'999)));
  EXPECT_TRUE(decode_event(amount("JPY", 999'999'999'999)));
  expect_malformed(amount("USD", 100'000'000'000'000));
  expect_malformed(amount("JPY", 1'000'000'000'000));
  expect_malformed(amount("USD", -1));
  expect_malformed(amount("ABC", 1));
  expect_malformed(amount("", 1));
}

/// `payload`'s bytes with one member of its message changed.
template <class Payload, class Wire>
std::string spoilt(const Payload& payload, Wire* (v1::Event::*mutable_wire)(),
                   const std::function<void(Wire&)>& change) {
  v1::Event wire;
  EXPECT_TRUE(wire.ParseFromString(encode(samples::event(payload))));
  change(*(wire.*mutable_wire)());
  return wire.SerializeAsString();
}

TEST(Event, AReturnHasBothFiguresOrNone) {
  const auto with = [](const std::function<void(v1::SaleReturned&)>& change) {
    return spoilt<SaleReturned, v1::SaleReturned>(samples::returned(), &v1::Event::mutable_sale_returned,
                                                  change);
  };
  EXPECT_TRUE(decode_event(with([](v1::SaleReturned&) {})));
  expect_malformed(with([](v1::SaleReturned& wire) { wire.clear_restored(); }));
  expect_malformed(with([](v1::SaleReturned& wire) { wire.clear_clawed_back(); }));
  expect_malformed(with([](v1::SaleReturned& wire) { wire.set_clawed_back(-1); }));
}

TEST(Event, OnlyAStoresOwnSaleHasASessionACustomerAndFigures) {
  const auto with = [](const std::function<void(v1::SaleReturned&)>& change) {
    return spoilt<SaleReturned, v1::SaleReturned>(samples::returned(), &v1::Event::mutable_sale_returned,
                                                  change);
  };
  expect_malformed(with([](v1::SaleReturned& wire) { wire.clear_session(); }));
  expect_malformed(with([](v1::SaleReturned& wire) { wire.clear_customer(); }));
  expect_malformed(with([](v1::SaleReturned& wire) {
    wire.clear_session();
    wire.clear_customer();
  }));
  expect_malformed(with([](v1::SaleReturned& wire) { wire.set_return_id("ret_1"); }));
  expect_malformed(with([](v1::SaleReturned& wire) { wire.clear_original_store(); }));
}

TEST(Event, WhoeverEndsASaleSaysWhy) {
  expect_malformed(spoilt<SaleRejected, v1::SaleRejected>(
      samples::rejected(), &v1::Event::mutable_sale_rejected, [](auto& wire) { wire.clear_reason(); }));
  expect_malformed(
      spoilt<SaleRejected, v1::SaleRejected>(samples::rejected(), &v1::Event::mutable_sale_rejected,
                                             [](auto& wire) { wire.set_reason(std::string(257, 'x')); }));
  expect_malformed(spoilt<SessionVoided, v1::SessionVoided>(
      samples::voided(), &v1::Event::mutable_session_voided, [](auto& wire) { wire.clear_reason(); }));
}

TEST(Event, WhatIsPendingKeepsTheRulesOfASale) {
  const auto with = [](const std::function<void(v1::SalePending&)>& change) {
    return spoilt<SalePending, v1::SalePending>(samples::pending(), &v1::Event::mutable_sale_pending, change);
  };
  expect_malformed(with([](v1::SalePending& wire) { wire.set_earned(-1); }));
  expect_malformed(with([](v1::SalePending& wire) { wire.set_redeemed(1'000'000'000'001); }));
  expect_malformed(with([](v1::SalePending& wire) { wire.set_currency("ABC"); }));
  expect_malformed(with([](v1::SalePending& wire) { wire.clear_receipt(); }));
  expect_malformed(with([](v1::SalePending& wire) { wire.set_pending_at_ms(-1); }));
}

TEST(Event, ADrawHasATableItsPrizeAndAWholeUnitOrNone) {
  const auto with = [](const std::function<void(v1::SpinDrawn&)>& change) {
    return spoilt<SpinDrawn, v1::SpinDrawn>(samples::spin_drawn(), &v1::Event::mutable_spin_drawn, change);
  };
  EXPECT_TRUE(decode_event(with([](v1::SpinDrawn&) {})));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.set_spin("short"); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.clear_session(); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.clear_transaction(); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.clear_customer(); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.set_commitment("short"); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.set_client_seed(std::string(65, 'x')); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.set_nonce(0); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.clear_slot(); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.mutable_slot()->SwapElements(0, 1); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.mutable_slot(0)->set_tickets(0); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.mutable_slot(0)->set_tickets(10'000'000'001); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.mutable_slot(0)->clear_prize(); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.set_prize("another"); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.clear_lease(); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.clear_ordinal(); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.set_drawn_at_ms(-1); }));
  expect_malformed(with([](v1::SpinDrawn& wire) { wire.set_terms("short"); }));
  SpinDrawn large = samples::spin_drawn();
  large.slots.clear();
  for (int i = 0; i < 1000; ++i) large.slots.push_back({.prize = std::to_string(10'000 + i), .tickets = 1});
  large.prize = "10999";
  EXPECT_TRUE(decode_event(encode(samples::event(large))));
  large.slots.push_back({.prize = "11000", .tickets = 1});
  expect_malformed(encode(samples::event(large)));
}

TEST(Event, TellsTheTermsThatTheTillWasTold) {
  SpinDrawn drawn = samples::spin_drawn();
  drawn.terms = samples::digest(20);
  EXPECT_EQ(decode_event(encode(samples::event(drawn)))->payload, EventPayload(drawn));
  PromotionClaimed claimed = samples::promotion_claimed();
  claimed.terms = samples::digest(21);
  EXPECT_EQ(decode_event(encode(samples::event(claimed)))->payload, EventPayload(claimed));
  ClaimRequest asked = samples::claim_request();
  asked.terms = samples::digest(22);
  EXPECT_EQ(*decode_frame(encode(Frame(asked))), Frame(asked));
}

TEST(Event, WhatIsToldOfPrizesAndPromotionsIsWhole) {
  const auto claim = [](const std::function<void(v1::PromotionClaimed&)>& change) {
    return spoilt<PromotionClaimed, v1::PromotionClaimed>(samples::promotion_claimed(),
                                                          &v1::Event::mutable_promotion_claimed, change);
  };
  expect_malformed(claim([](v1::PromotionClaimed& wire) { wire.set_claim("short"); }));
  expect_malformed(claim([](v1::PromotionClaimed& wire) { wire.clear_customer(); }));
  expect_malformed(claim([](v1::PromotionClaimed& wire) { wire.set_promotion("short"); }));
  expect_malformed(claim([](v1::PromotionClaimed& wire) { wire.clear_transaction(); }));
  expect_malformed(claim([](v1::PromotionClaimed& wire) { wire.set_claimed_at_ms(-1); }));
  expect_malformed(claim([](v1::PromotionClaimed& wire) { wire.set_terms("short"); }));
  const auto lease = [](const std::function<void(v1::LeaseReturned&)>& change) {
    return spoilt<LeaseReturned, v1::LeaseReturned>(samples::lease_returned(),
                                                    &v1::Event::mutable_lease_returned, change);
  };
  expect_malformed(lease([](v1::LeaseReturned& wire) { wire.clear_lease(); }));
  expect_malformed(lease([](v1::LeaseReturned& wire) { wire.set_returned(0); }));
  const auto dropped = [](const std::function<void(v1::SpinDropped&)>& change) {
    return spoilt<SpinDropped, v1::SpinDropped>(samples::spin_dropped(), &v1::Event::mutable_spin_dropped,
                                                change);
  };
  expect_malformed(dropped([](v1::SpinDropped& wire) { wire.set_spin("short"); }));
  expect_malformed(dropped([](v1::SpinDropped& wire) { wire.clear_customer(); }));
}

TEST(Renumbered, ChangesThePlaceAloneAndKeepsWhatThisVersionDoesNotKnow) {
  const std::string known = encode(samples::event());
  Event moved = samples::event();
  moved.epoch = 7;
  moved.sequence = 3;
  EXPECT_EQ(renumbered(known, 7, 3).value(), encode(moved));
  // A later version's field of the envelope (number 900, one byte of text) and its payload.
  const std::string later = known + std::string("\xa2\x38\x01x", 4);
  const auto kept = renumbered(later, 7, 3);
  ASSERT_TRUE(kept);
  EXPECT_EQ(*kept, encode(moved) + std::string("\xa2\x38\x01x", 4));
  EXPECT_EQ(decode_event(*kept).value().sequence, 3u);
}

TEST(Renumbered, BytesThatAreNoEventAreRefused) {
  EXPECT_EQ(renumbered("\xff", 2, 1).error().code, Errc::malformed_answer);
}

}  // namespace
}  // namespace perkline::sync
