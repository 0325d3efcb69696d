#include "shared/core/assert.hpp"
#include "shared/sync/event.hpp"
#include "shared/sync/frame.hpp"
#include "tests/fuzz/targets.hpp"

namespace perkline::fuzz {

/// Frames of either direction, and journalled events: what is read can be written and is read the same.
void sync_frame(std::string_view input) {
  (void)sync::is_ask(input);
  if (const auto frame = sync::decode_frame(input)) {
    const std::string written = sync::encode(*frame);
    const auto again = sync::decode_frame(written);
    PERKLINE_ASSERT(again && sync::encode(*again) == written);
    if (const auto* batch = std::get_if<sync::Batch>(&*frame)) {
      for (const std::string& event : batch->events) (void)sync::decode_event(event);
    }
  } else {
    PERKLINE_ASSERT(frame.error().code == Errc::malformed_answer);
  }
  if (const auto event = sync::decode_event(input)) {
    const std::string written = sync::encode(*event);
    const auto again = sync::decode_event(written);
    PERKLINE_ASSERT(again && sync::encode(*again) == written);
  }
}

}  // namespace perkline::fuzz
