#include "edge/journal/journal.hpp"
#include "edge/journal/lease_holder.hpp"
#include "edge/journal/outbox_records.hpp"
#include "edge/journal/restored.hpp"
#include "edge/programme/claim_store.hpp"
#include "edge/programme/wheel_book.hpp"
#include "edge/session/session_record.hpp"
#include "edge/standin/members.hpp"
#include "shared/core/assert.hpp"
#include "tests/fuzz/targets.hpp"

namespace perkline::fuzz {
namespace {

/// A record that is read can be written, and is read the same.
template <class Value, class Encode, class Decode>
void check_round_trip(const Result<Value>& value, Encode encode, Decode decode) {
  if (!value) {
    PERKLINE_ASSERT(value.error().code == Errc::corrupt || value.error().code == Errc::newer_format);
    return;
  }
  const auto again = decode(encode(*value));
  PERKLINE_ASSERT(again && *again == *value);
}

/// A journal that holds nothing else.
class EmptyJournal final : public edge::journal::JournalReader {
 public:
  Result<std::optional<std::string>> get(edge::journal::Family, std::string_view) const override {
    return std::nullopt;
  }
  Result<std::optional<edge::journal::Entry>> last(edge::journal::Family, std::string_view) const override {
    return std::nullopt;
  }
  Result<void> scan(edge::journal::Family, std::string_view,
                    const std::function<bool(std::string_view, std::string_view)>&) const override {
    return {};
  }
};

/// Keys are the journal's own words; they are here the first line.
void check_keyed(std::string_view key, std::string_view record) {
  (void)edge::programme::check_wheel_record(key, record);
  if (edge::programme::is_claim_key(key))
    (void)edge::programme::check_claim_record(EmptyJournal(), key, record);
  (void)edge::journal::record_of(key, record);
}

}  // namespace

void journal_record(std::string_view input) {
  namespace session = edge::session;
  check_round_trip(
      session::decode(input), [](const session::Session& value) { return session::encode(value); },
      [](const std::string& record) { return session::decode(record); });
  check_round_trip(
      session::decode_foreign_return(input),
      [](const session::ForeignReturn& value) { return session::encode(value); },
      [](const std::string& record) { return session::decode_foreign_return(record); });
  (void)session::decode_archived(input);
  check_round_trip(
      edge::standin::decode_member(input),
      [](const edge::standin::Member& value) { return edge::standin::encode(value); },
      [](const std::string& record) { return edge::standin::decode_member(record); });
  check_round_trip(
      edge::journal::decode_lease_holder(input),
      [](const edge::journal::LeaseHolder& value) { return edge::journal::encode(value); },
      [](const std::string& record) { return edge::journal::decode_lease_holder(record); });
  check_round_trip(
      edge::journal::decode_restored(input),
      [](const edge::journal::Restored& value) { return edge::journal::encode(value); },
      [](const std::string& record) { return edge::journal::decode_restored(record); });
  const std::size_t end = input.find('\n');
  if (end != std::string_view::npos) check_keyed(input.substr(0, end), input.substr(end + 1));
}

}  // namespace perkline::fuzz
