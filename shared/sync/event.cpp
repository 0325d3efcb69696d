#include "shared/sync/event.hpp"

#include <sync.pb.h>

#include "shared/core/limits.hpp"
#include "shared/sync/event_payload.hpp"
#include "shared/sync/wire.hpp"

namespace perkline::sync {
namespace {

std::unexpected<Error> malformed(std::string what) {
  return fail(Errc::malformed_answer, "event: " + std::move(what));
}

WallTime wall_time(std::int64_t millis) {
  return WallTime{Millis{millis}};
}

}  // namespace

std::string encode(const Event& event) {
  v1::Event wire;
  wire.set_store(event.store.str());
  wire.set_epoch(event.epoch);
  wire.set_sequence(event.sequence);
  wire.set_id(wire::bytes_of(event.id));
  wire.set_time_ms(event.time.time_since_epoch().count());
  wire.set_traceparent(event.traceparent);
  wire.set_schema_version(event.schema_version);
  write_payload(event.payload, wire);
  return wire.SerializeAsString();
}

Result<Event> decode_event(std::string_view bytes) {
  v1::Event wire;
  if (bytes.size() > limits::sync_batch_bytes_max ||
      !wire.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return malformed("not an event");
  }
  if (!wire::is_name(wire.store())) return malformed("store");
  if (!wire::is_ordinal(wire.epoch()) || !wire::is_ordinal(wire.sequence()))
    return malformed("epoch or sequence");
  if (!wire::is_time(wire.time_ms())) return malformed("time");
  if (wire.schema_version() == 0) return malformed("schema version");
  if (wire.traceparent().size() > limits::id_bytes_max) return malformed("traceparent");
  Event event{.store = StoreId(wire.store()),
              .epoch = wire.epoch(),
              .sequence = wire.sequence(),
              .id = {},
              .time = wall_time(wire.time_ms()),
              .traceparent = wire.traceparent(),
              .schema_version = wire.schema_version(),
              .payload = UnknownEvent{}};
  if (!wire::read_fixed(wire.id(), event.id.bytes)) return malformed("id");
  auto payload = read_payload(wire);
  if (!payload) return failure(payload);
  event.payload = std::move(*payload);
  return event;
}

Result<std::string> renumbered(std::string_view bytes, std::uint64_t epoch, std::uint64_t sequence) {
  v1::Event wire;
  if (!wire.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return malformed("not an event");
  wire.set_epoch(epoch);
  wire.set_sequence(sequence);
  return wire.SerializeAsString();
}

}  // namespace perkline::sync
