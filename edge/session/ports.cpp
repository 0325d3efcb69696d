#include "edge/session/ports.hpp"

#include <span>

#include "shared/core/bytes.hpp"

namespace perkline::edge::session {
namespace {

constexpr std::size_t span_id_bytes = 8;

std::string hex_of(std::span<const std::uint8_t> bytes) {
  return to_hex(std::string(bytes.begin(), bytes.end()));
}

/// W3C Trace Context, level 1.
std::string new_trace(UuidMaker& uuids) {
  const Uuid trace = uuids.next();
  const Uuid span = uuids.next();
  return "00-" + hex_of(trace.bytes) + '-' + hex_of(std::span(span.bytes).last<span_id_bytes>()) + "-01";
}

}  // namespace

journal::NewEvent new_event(const Ports& ports, std::string traceparent, sync::EventPayload payload) {
  if (traceparent.empty()) traceparent = new_trace(ports.uuids);
  return {.id = ports.uuids.next(),
          .time = ports.clock.wall_now(),
          .traceparent = std::move(traceparent),
          .payload = std::move(payload)};
}

}  // namespace perkline::edge::session
