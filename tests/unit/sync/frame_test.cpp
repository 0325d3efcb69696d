#include "shared/sync/frame.hpp"

#include <functional>
#include <sync.pb.h>

#include <gtest/gtest.h>
#include <zstd.h>

#include "shared/core/limits.hpp"
#include "tests/unit/sync/samples.hpp"

namespace perkline::sync {
namespace {

v1::Frame wire_of(const Frame& frame) {
  v1::Frame wire;
  EXPECT_TRUE(wire.ParseFromString(encode(frame)));
  return wire;
}

std::string changed(const Frame& frame, const std::function<void(v1::Frame&)>& change) {
  v1::Frame wire = wire_of(frame);
  change(wire);
  return wire.SerializeAsString();
}

void expect_malformed(const std::string& bytes) {
  const auto frame = decode_frame(bytes);
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().code, Errc::malformed_answer);
}

std::string compressed(const v1::Events& events) {
  const std::string raw = events.SerializeAsString();
  std::string packed(ZSTD_compressBound(raw.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), raw.data(), raw.size(), 1));
  return packed;
}

TEST(Frame, TheSameValueIsTheSameBytes) {
  EXPECT_EQ(encode(Frame(samples::long_batch())), encode(Frame(samples::long_batch())));
}

TEST(Frame, BytesThatAreNoFrameAreMalformed) {
  expect_malformed("");
  expect_malformed("no frame at all");
  expect_malformed(v1::Frame().SerializeAsString());
}

TEST(Frame, AKindOfALaterProtocolIsMalformed) {
  // Field 30, an empty message.
  expect_malformed(std::string("\xf2\x01\x00", 3));
}

TEST(Frame, OverFourMebibytesIsNotEvenParsed) {
  Batch batch = samples::batch({std::string(limits::sync_frame_bytes_max, 'x')});
  const std::string bytes = changed(samples::batch(), [&](v1::Frame& wire) {
    wire.mutable_batch()->mutable_events()->set_event(0, batch.events.front());
  });
  ASSERT_GT(bytes.size(), limits::sync_frame_bytes_max);
  expect_malformed(bytes);
}

TEST(Batch, IsCompressedWhereThatPays) {
  EXPECT_TRUE(wire_of(samples::batch()).batch().has_events());
  const v1::Frame wire = wire_of(samples::long_batch());
  EXPECT_FALSE(wire.batch().events_zstd().empty());
  EXPECT_LT(wire.ByteSizeLong(), 400u);
}

TEST(Batch, OfFullSizeIsReadBack) {
  std::vector<std::string> events(
      limits::sync_batch_events_max,
      std::string(limits::sync_batch_bytes_max / limits::sync_batch_events_max, 'x'));
  const Frame full = samples::batch(std::move(events));
  EXPECT_EQ(decode_frame(encode(full)).value(), full);
}

TEST(Batch, OfMoreEventsThanMayBeIsMalformed) {
  const Frame over = samples::batch(std::vector<std::string>(limits::sync_batch_events_max + 1, "x"));
  expect_malformed(encode(over));
}

TEST(Batch, OfMoreBytesThanMayBeIsMalformed) {
  const std::string half(limits::sync_batch_bytes_max / 2 + limits::kib * 8, 'x');
  expect_malformed(encode(Frame(samples::batch({half, half}))));
  expect_malformed(changed(samples::batch(), [&](v1::Frame& wire) {
    wire.mutable_batch()->mutable_events()->set_event(0, half);
    wire.mutable_batch()->mutable_events()->set_event(1, half);
  }));
}

TEST(Batch, ThatSwellsWhenDecompressedIsMalformed) {
  v1::Events bomb;
  bomb.add_event(std::string(64 * limits::mib, '\0'));
  bomb.add_event("");
  const std::string packed = compressed(bomb);
  ASSERT_LT(packed.size(), 64 * limits::kib);
  expect_malformed(changed(samples::batch(), [&](v1::Frame& wire) {
    wire.mutable_batch()->clear_events();
    wire.mutable_batch()->set_events_zstd(packed);
  }));
}

TEST(Batch, CompressedBytesMustBeWholeAndTheOnlyOnes) {
  const auto with_block = [](std::string block) {
    return changed(samples::long_batch(),
                   [&](v1::Frame& wire) { wire.mutable_batch()->set_events_zstd(std::move(block)); });
  };
  const std::string block = wire_of(samples::long_batch()).batch().events_zstd();
  ASSERT_TRUE(decode_frame(with_block(block)));
  expect_malformed(with_block(block.substr(0, block.size() - 1)));
  expect_malformed(with_block("no zstd"));
  expect_malformed(changed(samples::long_batch(), [](v1::Frame& wire) {
    wire.mutable_batch()->mutable_events()->add_event("and another");
  }));
}

TEST(Batch, CountMustBeThatOfItsEvents) {
  expect_malformed(changed(samples::batch(), [](v1::Frame& wire) { wire.mutable_batch()->set_count(1); }));
  expect_malformed(changed(samples::batch(), [](v1::Frame& wire) { wire.mutable_batch()->set_count(3); }));
}

TEST(Frame, NumbersKeepToTheirRange) {
  constexpr std::uint64_t too_large = 1ULL << 63;
  expect_malformed(changed(samples::hello(), [](v1::Frame& wire) { wire.mutable_hello()->set_epoch(0); }));
  expect_malformed(
      changed(samples::hello(), [](v1::Frame& wire) { wire.mutable_hello()->set_tail(too_large); }));
  expect_malformed(changed(samples::hello(), [](v1::Frame& wire) { wire.mutable_hello()->set_protocol(0); }));
  expect_malformed(changed(samples::hello(), [](v1::Frame& wire) {
    wire.mutable_hello()->mutable_status()->set_queue_depth(too_large);
  }));
  expect_malformed(
      changed(samples::welcome(), [](v1::Frame& wire) { wire.mutable_welcome()->set_epoch(0); }));
  expect_malformed(
      changed(samples::welcome(), [](v1::Frame& wire) { wire.mutable_welcome()->set_cursor(too_large); }));
  expect_malformed(
      changed(samples::welcome(), [](v1::Frame& wire) { wire.mutable_welcome()->set_credit(0); }));
  expect_malformed(
      changed(samples::welcome(), [](v1::Frame& wire) { wire.mutable_welcome()->set_protocol(0); }));
  expect_malformed(changed(samples::batch(), [](v1::Frame& wire) { wire.mutable_batch()->set_epoch(0); }));
  expect_malformed(
      changed(samples::batch(), [](v1::Frame& wire) { wire.mutable_batch()->set_first_sequence(0); }));
  expect_malformed(changed(samples::batch(),
                           [](v1::Frame& wire) { wire.mutable_batch()->set_first_sequence(too_large - 1); }));
  expect_malformed(changed(samples::ack(), [](v1::Frame& wire) { wire.mutable_ack()->set_epoch(0); }));
  expect_malformed(
      changed(samples::ack(), [](v1::Frame& wire) { wire.mutable_ack()->set_through(too_large); }));
  expect_malformed(changed(samples::nack(), [](v1::Frame& wire) { wire.mutable_nack()->set_expected(0); }));
  expect_malformed(changed(samples::fork(), [](v1::Frame& wire) { wire.mutable_fork()->set_epoch(0); }));
  expect_malformed(changed(samples::fork(), [](v1::Frame& wire) { wire.mutable_fork()->set_reason(0); }));
  expect_malformed(changed(samples::fork(), [](v1::Frame& wire) { wire.mutable_fork()->set_reason(5); }));
  expect_malformed(
      changed(samples::refused(), [](v1::Frame& wire) { wire.mutable_protocol_refused()->set_newest(1); }));
}

TEST(Frame, FixedBytesHaveTheirLength) {
  expect_malformed(
      changed(samples::hello(), [](v1::Frame& wire) { wire.mutable_hello()->set_boot_id("short"); }));
  expect_malformed(
      changed(samples::hello(), [](v1::Frame& wire) { wire.mutable_hello()->clear_tail_hash(); }));
  expect_malformed(
      changed(samples::welcome(), [](v1::Frame& wire) { wire.mutable_welcome()->clear_hub_incarnation(); }));
  expect_malformed(changed(samples::welcome(), [](v1::Frame& wire) {
    wire.mutable_welcome()->mutable_cursor_hash()->push_back('x');
  }));
  expect_malformed(
      changed(samples::batch(), [](v1::Frame& wire) { wire.mutable_batch()->clear_previous_hash(); }));
  expect_malformed(changed(samples::batch(), [](v1::Frame& wire) { wire.mutable_batch()->clear_hash(); }));
  expect_malformed(changed(samples::ack(), [](v1::Frame& wire) { wire.mutable_ack()->clear_hash(); }));
}

TEST(Frame, TextsHaveABound) {
  const std::string too_long(65, 'x');
  expect_malformed(changed(samples::hello(), [](v1::Frame& wire) { wire.mutable_hello()->clear_store(); }));
  expect_malformed(
      changed(samples::hello(), [&](v1::Frame& wire) { wire.mutable_hello()->set_store(too_long); }));
  expect_malformed(
      changed(samples::status(), [&](v1::Frame& wire) { wire.mutable_status()->set_breaker(too_long); }));
  expect_malformed(
      changed(samples::status(), [&](v1::Frame& wire) { wire.mutable_status()->set_version(too_long); }));
}

}  // namespace
}  // namespace perkline::sync
