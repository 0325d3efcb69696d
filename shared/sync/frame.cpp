#include "shared/sync/frame.hpp"

#include <array>
#include <iterator>
#include <optional>
#include <sync.pb.h>

#include <zstd.h>

#include "shared/core/assert.hpp"
#include "shared/core/limits.hpp"
#include "shared/sync/ask_wire.hpp"
#include "shared/sync/down_wire.hpp"
#include "shared/sync/sale_query.hpp"
#include "shared/sync/wire.hpp"

namespace perkline::sync {
namespace {

/// Below it a batch is not worth the processor's time.
constexpr std::size_t compress_from_bytes = 1024;
constexpr int compression_level = 1;
/// Events and what protobuf adds to each.
constexpr std::size_t events_bytes_max = limits::sync_batch_bytes_max + 16 * limits::sync_batch_events_max;

std::unexpected<Error> malformed(const char* what) {
  return fail(Errc::malformed_answer, std::string("frame: ") + what);
}

std::string compressed(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), compression_level);
  PERKLINE_ASSERT(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

std::optional<std::string> decompressed(std::string_view bytes) {
  const auto size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > events_bytes_max)
    return std::nullopt;
  std::string out(static_cast<std::size_t>(size), '\0');
  if (ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size()) != out.size()) return std::nullopt;
  return out;
}

v1::Status wire_of(const Status& status) {
  v1::Status wire;
  wire.set_tail(status.tail);
  wire.set_breaker(status.breaker);
  wire.set_queue_depth(status.queue_depth);
  wire.set_version(status.version);
  if (status.held) write_down(*status.held, *wire.mutable_held());
  wire.set_epoch(status.epoch);
  return wire;
}

void write(const Hello& hello, v1::Frame& out) {
  v1::Hello& wire = *out.mutable_hello();
  wire.set_store(hello.store.str());
  wire.set_epoch(hello.epoch);
  wire.set_boot_id(wire::bytes_of(hello.boot_id));
  wire.set_protocol(hello.protocol);
  wire.set_tail(hello.tail);
  wire.set_tail_hash(wire::bytes_of(hello.tail_hash));
  *wire.mutable_status() = wire_of(hello.status);
}

void write(const Welcome& welcome, v1::Frame& out) {
  v1::Welcome& wire = *out.mutable_welcome();
  wire.set_hub_incarnation(wire::bytes_of(welcome.hub_incarnation));
  wire.set_epoch(welcome.epoch);
  wire.set_cursor(welcome.cursor);
  wire.set_cursor_hash(wire::bytes_of(welcome.cursor_hash));
  wire.set_credit(welcome.credit);
  wire.set_protocol(welcome.protocol);
  if (welcome.signing_key) {
    wire.set_signing_key(std::string(welcome.signing_key->begin(), welcome.signing_key->end()));
  }
}

void write(const Batch& batch, v1::Frame& out) {
  v1::Batch& wire = *out.mutable_batch();
  wire.set_epoch(batch.epoch);
  wire.set_first_sequence(batch.first_sequence);
  wire.set_count(static_cast<std::uint32_t>(batch.events.size()));
  wire.set_previous_hash(wire::bytes_of(batch.previous_hash));
  wire.set_hash(wire::bytes_of(batch.hash));
  v1::Events events;
  for (const std::string& event : batch.events) events.add_event(event);
  if (events.ByteSizeLong() < compress_from_bytes) {
    *wire.mutable_events() = std::move(events);
  } else {
    wire.set_events_zstd(compressed(events.SerializeAsString()));
  }
  if (batch.sent_at) wire.set_sent_at_ms(batch.sent_at->time_since_epoch().count());
}

void write(const Ack& ack, v1::Frame& out) {
  v1::Ack& wire = *out.mutable_ack();
  wire.set_epoch(ack.epoch);
  wire.set_through(ack.through);
  wire.set_hash(wire::bytes_of(ack.hash));
}

void write(const Nack& nack, v1::Frame& out) {
  out.mutable_nack()->set_epoch(nack.epoch);
  out.mutable_nack()->set_expected(nack.expected);
}

void write(const Fork& fork, v1::Frame& out) {
  out.mutable_fork()->set_epoch(fork.epoch);
  out.mutable_fork()->set_reason(static_cast<std::uint32_t>(fork.reason));
  if (!fork.applied) return;
  v1::Applied& wire = *out.mutable_fork()->mutable_applied();
  wire.set_epoch(fork.applied->epoch);
  wire.set_through(fork.applied->through);
  wire.set_hash(wire::bytes_of(fork.applied->hash));
}

void write(const HistoryLost& lost, v1::Frame& out) {
  v1::HistoryLost& wire = *out.mutable_history_lost();
  wire.set_epoch(lost.epoch);
  wire.set_through(lost.through);
  wire.set_hash(wire::bytes_of(lost.hash));
}

void write(const SaleQuery& query, v1::Frame& out) {
  write_sale_query(query, *out.mutable_sale_query());
}

void write(const SaleAnswer& answer, v1::Frame& out) {
  write_sale_answer(answer, *out.mutable_sale_answer());
}

void write(const Status& status, v1::Frame& out) {
  *out.mutable_status() = wire_of(status);
}

void write(const CatalogueDelta& delta, v1::Frame& out) {
  write_down(delta, *out.mutable_catalogue_delta());
}
void write(const CatalogueSnapshot& snapshot, v1::Frame& out) {
  write_down(snapshot, *out.mutable_catalogue_snapshot());
}
void write(const MemberDelta& delta, v1::Frame& out) {
  write_down(delta, *out.mutable_member_delta());
}
void write(const EraseMember& erase, v1::Frame& out) {
  write_down(erase, *out.mutable_erase_member());
}
void write(const Command& command, v1::Frame& out) {
  write_down(command, *out.mutable_command());
}
void write(const CommandAnswer& answer, v1::Frame& out) {
  write_down(answer, *out.mutable_command_answer());
}

void write(const SpinReserve& reserve, v1::Frame& out) {
  write_ask(reserve, *out.mutable_spin_reserve());
}
void write(const SpinReserved& reserved, v1::Frame& out) {
  write_ask(reserved, *out.mutable_spin_reserved());
}
void write(const ClaimRequest& request, v1::Frame& out) {
  write_ask(request, *out.mutable_claim_request());
}
void write(const ClaimAnswer& answer, v1::Frame& out) {
  write_ask(answer, *out.mutable_claim_answer());
}
void write(const MemberRequest& request, v1::Frame& out) {
  write_ask(request, *out.mutable_member_request());
}
void write(const MemberAnswer& answer, v1::Frame& out) {
  write_ask(answer, *out.mutable_member_answer());
}

void write(const ProtocolRefused& refused, v1::Frame& out) {
  out.mutable_protocol_refused()->set_oldest(refused.oldest);
  out.mutable_protocol_refused()->set_newest(refused.newest);
}

Result<Status> read(const v1::Status& wire) {
  if (!wire::is_number(wire.tail()) || !wire::is_number(wire.queue_depth()) ||
      !wire::is_number(wire.epoch()) || wire.breaker().size() > limits::id_bytes_max ||
      wire.version().size() > limits::id_bytes_max) {
    return malformed("status");
  }
  Status status{.tail = wire.tail(),
                .breaker = wire.breaker(),
                .queue_depth = wire.queue_depth(),
                .version = wire.version()};
  status.epoch = wire.epoch();
  if (!wire.has_held()) return status;
  auto held = read_down(wire.held());
  if (!held) return failure(held);
  status.held = *held;
  return status;
}

Result<Frame> read(const v1::Hello& wire) {
  Hello hello{.store = StoreId(wire.store()),
              .epoch = wire.epoch(),
              .boot_id = {},
              .protocol = wire.protocol(),
              .tail = wire.tail(),
              .tail_hash = {},
              .status = {}};
  auto status = read(wire.status());
  if (!wire::is_name(wire.store()) || !wire::is_ordinal(wire.epoch()) || !wire::is_number(wire.tail()) ||
      wire.protocol() == 0 || !wire::read_fixed(wire.boot_id(), hello.boot_id.bytes) ||
      !wire::read_fixed(wire.tail_hash(), hello.tail_hash) || !status) {
    return malformed("hello");
  }
  hello.status = std::move(*status);
  return hello;
}

Result<Frame> read(const v1::Welcome& wire) {
  Welcome welcome{.hub_incarnation = {},
                  .epoch = wire.epoch(),
                  .cursor = wire.cursor(),
                  .cursor_hash = {},
                  .credit = wire.credit(),
                  .protocol = wire.protocol()};
  if (!wire::is_ordinal(wire.epoch()) || !wire::is_number(wire.cursor()) || wire.credit() == 0 ||
      wire.protocol() == 0 || !wire::read_fixed(wire.hub_incarnation(), welcome.hub_incarnation.bytes) ||
      !wire::read_fixed(wire.cursor_hash(), welcome.cursor_hash)) {
    return malformed("welcome");
  }
  if (!wire.signing_key().empty() && !wire::read_fixed(wire.signing_key(), welcome.signing_key.emplace()))
    return malformed("welcome's signing key");
  return welcome;
}

Result<std::vector<std::string>> read_events(v1::Batch& wire) {
  v1::Events events;
  if (wire.events_zstd().empty()) {
    events = std::move(*wire.mutable_events());
  } else {
    const auto bytes = decompressed(wire.events_zstd());
    if (wire.has_events() || !bytes || !events.ParseFromString(*bytes)) return malformed("compressed events");
  }
  if (events.ByteSizeLong() > events_bytes_max) return malformed("too many bytes of events");
  auto& all = *events.mutable_event();
  return std::vector<std::string>(std::move_iterator(all.begin()), std::move_iterator(all.end()));
}

Result<Frame> read(v1::Batch& wire) {
  Batch batch{.epoch = wire.epoch(),
              .first_sequence = wire.first_sequence(),
              .previous_hash = {},
              .hash = {},
              .events = {}};
  if (!wire::is_ordinal(wire.epoch()) || !wire::is_ordinal(wire.first_sequence()) ||
      wire.count() > limits::sync_batch_events_max ||
      !wire::is_number(wire.first_sequence() + wire.count()) ||
      !wire::read_fixed(wire.previous_hash(), batch.previous_hash) ||
      !wire::read_fixed(wire.hash(), batch.hash)) {
    return malformed("batch");
  }
  // A clock that is out of all bounds keeps no event back.
  if (wire.sent_at_ms() != 0 && wire::is_time(wire.sent_at_ms()))
    batch.sent_at = WallTime{Millis{wire.sent_at_ms()}};
  auto events = read_events(wire);
  if (!events) return failure(events);
  if (events->size() != wire.count()) return malformed("batch's count");
  batch.events = std::move(*events);
  return batch;
}

Result<Frame> read(const v1::Ack& wire) {
  Ack ack{.epoch = wire.epoch(), .through = wire.through(), .hash = {}};
  if (!wire::is_ordinal(wire.epoch()) || !wire::is_number(wire.through()) ||
      !wire::read_fixed(wire.hash(), ack.hash)) {
    return malformed("ack");
  }
  return ack;
}

Result<Frame> read(const v1::Nack& wire) {
  if (!wire::is_ordinal(wire.epoch()) || !wire::is_ordinal(wire.expected())) return malformed("nack");
  return Nack{.epoch = wire.epoch(), .expected = wire.expected()};
}

Result<Frame> read(const v1::Fork& wire) {
  if (!wire::is_ordinal(wire.epoch()) ||
      wire.reason() < static_cast<std::uint32_t>(ForkReason::hash_differs) ||
      wire.reason() > static_cast<std::uint32_t>(ForkReason::epoch_unknown)) {
    return malformed("fork");
  }
  Fork fork{.epoch = wire.epoch(), .reason = static_cast<ForkReason>(wire.reason())};
  if (!wire.has_applied()) return fork;
  Applied& applied = fork.applied.emplace();
  applied.epoch = wire.applied().epoch();
  applied.through = wire.applied().through();
  if (!wire::is_ordinal(applied.epoch) || !wire::is_number(applied.through) ||
      !wire::read_fixed(wire.applied().hash(), applied.hash)) {
    return malformed("fork's applied");
  }
  return fork;
}

Result<Frame> read(const v1::HistoryLost& wire) {
  HistoryLost lost{.epoch = wire.epoch(), .through = wire.through(), .hash = {}};
  if (!wire::is_ordinal(wire.epoch()) || !wire::is_ordinal(wire.through()) ||
      !wire::read_fixed(wire.hash(), lost.hash)) {
    return malformed("history lost");
  }
  return lost;
}

Result<Frame> read(const v1::ProtocolRefused& wire) {
  if (wire.oldest() == 0 || wire.newest() < wire.oldest()) return malformed("protocol refused");
  return ProtocolRefused{.oldest = wire.oldest(), .newest = wire.newest()};
}

Result<Frame> read_status(const v1::Status& wire) {
  auto status = read(wire);
  if (!status) return failure(status);
  return std::move(*status);
}

}  // namespace

std::string_view name_of(ForkReason reason) {
  switch (reason) {
    case ForkReason::hash_differs:
      return "hash_differs";
    case ForkReason::beyond_tail:
      return "beyond_tail";
    case ForkReason::superseded:
      return "superseded";
    case ForkReason::epoch_unknown:
      return "epoch_unknown";
  }
  return {};
}

bool is_ask(std::string_view bytes) {
  // The one field of a Frame: its number and the wire type of a message, as a varint.
  const auto begins_with = [bytes](std::uint32_t field) {
    constexpr std::uint32_t length_delimited = 2;
    const std::uint32_t tag = (field << 3U) | length_delimited;
    if (tag < 0x80) return bytes.starts_with(static_cast<char>(tag));
    const std::array<char, 2> varint{static_cast<char>((tag & 0x7fU) | 0x80U), static_cast<char>(tag >> 7U)};
    return bytes.starts_with(std::string_view(varint.data(), varint.size()));
  };
  return begins_with(v1::Frame::kSpinReserve) || begins_with(v1::Frame::kClaimRequest) ||
         begins_with(v1::Frame::kMemberRequest);
}

std::string encode(const Frame& frame) {
  v1::Frame wire;
  std::visit([&](const auto& kind) { write(kind, wire); }, frame);
  return wire.SerializeAsString();
}

Result<Frame> decode_frame(std::string_view bytes) {
  v1::Frame wire;
  if (bytes.size() > limits::sync_frame_bytes_max ||
      !wire.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return malformed("not a frame");
  }
  switch (wire.kind_case()) {
    case v1::Frame::kHello:
      return read(wire.hello());
    case v1::Frame::kWelcome:
      return read(wire.welcome());
    case v1::Frame::kBatch:
      return read(*wire.mutable_batch());
    case v1::Frame::kAck:
      return read(wire.ack());
    case v1::Frame::kNack:
      return read(wire.nack());
    case v1::Frame::kFork:
      return read(wire.fork());
    case v1::Frame::kStatus:
      return read_status(wire.status());
    case v1::Frame::kProtocolRefused:
      return read(wire.protocol_refused());
    case v1::Frame::kSaleQuery:
      return read_sale_query(wire.sale_query());
    case v1::Frame::kSaleAnswer:
      return read_sale_answer(wire.sale_answer());
    case v1::Frame::kHistoryLost:
      return read(wire.history_lost());
    case v1::Frame::kCatalogueDelta:
      return read_down(wire.catalogue_delta());
    case v1::Frame::kCatalogueSnapshot:
      return read_down(wire.catalogue_snapshot());
    case v1::Frame::kMemberDelta:
      return read_down(wire.member_delta());
    case v1::Frame::kEraseMember:
      return read_down(wire.erase_member());
    case v1::Frame::kCommand:
      return read_down(wire.command());
    case v1::Frame::kCommandAnswer:
      return read_down(wire.command_answer());
    case v1::Frame::kSpinReserve:
      return read_ask(wire.spin_reserve());
    case v1::Frame::kSpinReserved:
      return read_ask(wire.spin_reserved());
    case v1::Frame::kClaimRequest:
      return read_ask(wire.claim_request());
    case v1::Frame::kClaimAnswer:
      return read_ask(wire.claim_answer());
    case v1::Frame::kMemberRequest:
      return read_ask(wire.member_request());
    case v1::Frame::kMemberAnswer:
      return read_ask(wire.member_answer());
    case v1::Frame::KIND_NOT_SET:
      break;
  }
  return malformed("of an unknown kind");
}

}  // namespace perkline::sync
