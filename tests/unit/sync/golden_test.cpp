#include <fstream>

#include <gtest/gtest.h>

#include "tests/unit/sync/samples.hpp"

namespace perkline::sync {
namespace {

std::string golden(const std::string& name) {
  std::ifstream file(std::string(PERKLINE_GOLDEN_DIR) + "/" + name + ".hex");
  std::string hex;
  file >> hex;
  return from_hex(hex).value_or("");
}

struct GoldenFrame {
  std::string name;
  Frame frame;
};

class GoldenFrames : public ::testing::TestWithParam<GoldenFrame> {};

TEST_P(GoldenFrames, AreWrittenAsEver) {
  EXPECT_EQ(to_hex(encode(GetParam().frame)), to_hex(golden(GetParam().name)));
}

TEST_P(GoldenFrames, AreReadAsEver) {
  const auto frame = decode_frame(golden(GetParam().name));
  ASSERT_TRUE(frame);
  EXPECT_EQ(*frame, GetParam().frame);
}

INSTANTIATE_TEST_SUITE_P(
    Frame, GoldenFrames,
    ::testing::Values(GoldenFrame{"frame_hello", samples::hello()},
                      GoldenFrame{"frame_welcome", samples::welcome()},
                      GoldenFrame{"frame_batch", samples::batch()}, GoldenFrame{"frame_ack", samples::ack()},
                      GoldenFrame{"frame_nack", samples::nack()}, GoldenFrame{"frame_fork", samples::fork()},
                      GoldenFrame{"frame_fork_granted", samples::granted()},
                      GoldenFrame{"frame_status", samples::status()},
                      GoldenFrame{"frame_sale_query", samples::sale_query()},
                      GoldenFrame{"frame_sale_answer", samples::sale_answer()},
                      GoldenFrame{"frame_history_lost", samples::history_lost()},
                      GoldenFrame{"frame_protocol_refused", samples::refused()},
                      GoldenFrame{"frame_status_held", samples::holding()},
                      GoldenFrame{"frame_welcome_key", samples::welcome_with_key()},
                      GoldenFrame{"frame_catalogue_delta", samples::catalogue_delta()},
                      GoldenFrame{"frame_catalogue_snapshot", samples::catalogue_snapshot()},
                      GoldenFrame{"frame_member_delta", samples::member_delta()},
                      GoldenFrame{"frame_erase_member", samples::erase_member()},
                      GoldenFrame{"frame_command", samples::command()},
                      GoldenFrame{"frame_command_answer", samples::command_answer()},
                      GoldenFrame{"frame_status_holder", samples::holding_leases()},
                      GoldenFrame{"frame_member_delta_promotions", samples::member_delta_promotions()},
                      GoldenFrame{"frame_member_request", samples::member_request()},
                      GoldenFrame{"frame_member_answer", samples::member_answer()},
                      GoldenFrame{"frame_member_unknown", samples::member_unknown()},
                      GoldenFrame{"frame_spin_reserve", samples::spin_reserve()},
                      GoldenFrame{"frame_spin_reserved", samples::spin_reserved()},
                      GoldenFrame{"frame_claim_request", samples::claim_request()},
                      GoldenFrame{"frame_spin_reserve_traced", samples::traced(samples::spin_reserve())},
                      GoldenFrame{"frame_claim_request_traced", samples::traced(samples::claim_request())},
                      GoldenFrame{"frame_batch_sent_at", samples::sent(samples::batch())},
                      GoldenFrame{"frame_claim_answer", samples::claim_answer()},
                      GoldenFrame{"frame_claim_refused", samples::claim_refused()}),
    [](const auto& sample) { return sample.param.name; });

// What zstd writes may change with its version; what it reads does not.
TEST(Golden, CompressedBatchIsReadAsEver) {
  const auto frame = decode_frame(golden("frame_batch_zstd"));
  ASSERT_TRUE(frame);
  EXPECT_EQ(*frame, Frame(samples::long_batch()));
}

struct GoldenEvent {
  std::string name;
  Event event;
};

class GoldenEvents : public ::testing::TestWithParam<GoldenEvent> {};

TEST_P(GoldenEvents, AreWrittenAsEver) {
  EXPECT_EQ(to_hex(encode(GetParam().event)), to_hex(golden(GetParam().name)));
}

TEST_P(GoldenEvents, AreReadAsEver) {
  const auto event = decode_event(golden(GetParam().name));
  ASSERT_TRUE(event);
  EXPECT_EQ(*event, GetParam().event);
}

INSTANTIATE_TEST_SUITE_P(
    Event, GoldenEvents,
    ::testing::Values(
        GoldenEvent{"event_sale_finalized", samples::event()},
        GoldenEvent{"event_sale_pending", samples::event(samples::pending())},
        GoldenEvent{"event_sale_settled", samples::event(samples::settled())},
        GoldenEvent{"event_sale_rejected", samples::event(samples::rejected())},
        GoldenEvent{"event_sale_returned", samples::event(samples::returned())},
        GoldenEvent{"event_sale_returned_elsewhere", samples::event(samples::returned_elsewhere())},
        GoldenEvent{"event_session_voided", samples::event(samples::voided())},
        GoldenEvent{"event_reconcile_difference", samples::event(samples::difference())},
        GoldenEvent{"event_member_erased", samples::event(samples::erased())},
        GoldenEvent{"event_spin_drawn", samples::event(samples::spin_drawn())},
        GoldenEvent{"event_spin_drawn_unstocked", samples::event(samples::spin_drawn_unstocked())},
        GoldenEvent{"event_promotion_claimed", samples::event(samples::promotion_claimed())},
        GoldenEvent{"event_lease_returned", samples::event(samples::lease_returned())},
        GoldenEvent{"event_spin_dropped", samples::event(samples::spin_dropped())},
        GoldenEvent{"event_unknown", samples::event(UnknownEvent{.type = 999})}),
    [](const auto& sample) { return sample.param.name; });

}  // namespace
}  // namespace perkline::sync
