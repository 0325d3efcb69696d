#include "edge/journal/outbox_records.hpp"

#include <algorithm>

#include "shared/sync/event.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::edge::journal {
namespace {

constexpr std::size_t number_bytes = sizeof(std::uint64_t);
/// Events whose chain opening verifies: more than a crash can have touched, however many there are.
constexpr std::uint64_t checked_at_open = 512;

/// What does not decode is the hub's to put aside; here only the chain vouches for it. Errors: corrupt.
Result<void> check_owner(const StoreId& store, std::uint64_t epoch, const Placed& last) {
  const auto event = sync::decode_event(last.event);
  if (!event || (event->store == store && event->epoch == epoch)) return {};
  return fail(Errc::corrupt, "the outbox is that of store " + event->store.str() + ", epoch " +
                                 std::to_string(event->epoch) + ", not of store " + store.str() + ", epoch " +
                                 std::to_string(epoch));
}

/// The last records of the epoch that begins at `base`, up to position `last`, must continue one another
/// without a gap, and the first of them the one before it, or the chain's start. Errors: corrupt, io_failed.
Result<void> check_chain(const JournalReader& journal, const StoreId& store, const EpochBase& base,
                         std::uint64_t last) {
  const bool from_start = last - base.position <= checked_at_open;
  std::optional<Placed> before;
  if (from_start)
    before = Placed{.position = base.position, .hash = sync::chain_start(store, base.epoch), .event = {}};
  std::uint64_t expected = from_start ? base.position + 1 : last - checked_at_open;
  Result<void> sound;
  const auto scanned =
      journal.scan(Family::outbox, key_of(expected), [&](std::string_view key, std::string_view value) {
        auto record = record_of(key, value);
        if (!record) return sound = failure(record), false;
        if (record->position > last) return false;
        // What is missing at the front was removed as acknowledged.
        const bool first = !before || before->position == base.position;
        if (record->position != expected && !first)
          return sound = fail(Errc::corrupt, "the outbox has a gap at " + std::to_string(expected)), false;
        const bool follows = before && before->position + 1 == record->position;
        if (follows && sync::chain_next(before->hash, record->event) != record->hash) {
          sound = fail(Errc::corrupt, "the outbox's chain is broken at " + std::to_string(record->position));
          return false;
        }
        expected = record->position + 1;
        before = std::move(*record);
        return true;
      });
  if (!scanned) return scanned;
  return sound;
}

}  // namespace

std::string key_of(std::uint64_t position) {
  std::string key;
  append_u64(key, position);
  return key;
}

Result<Placed> record_of(std::string_view key, std::string_view value) {
  Placed record{};
  if (key.size() != number_bytes || value.size() < record.hash.size())
    return fail(Errc::corrupt, "an outbox record is cut short");
  record.position = read_u64(key);
  std::copy_n(value.begin(), record.hash.size(), record.hash.begin());
  record.event = value.substr(record.hash.size());
  return record;
}

Result<std::uint64_t> read_number(const JournalReader& journal, std::string_view key, std::uint64_t missing) {
  const auto stored = journal.get(Family::meta, key);
  if (!stored) return std::unexpected(stored.error());
  if (!*stored) return missing;
  if ((*stored)->size() != sizeof(std::uint64_t)) return fail(Errc::corrupt, "meta " + std::string(key));
  return read_u64(**stored);
}

Digest digest_of(std::string_view bytes) {
  Digest digest{};
  std::copy_n(bytes.begin(), digest.size(), digest.begin());
  return digest;
}

std::string bytes_of(const Granted& granted) {
  std::string bytes = key_of(granted.epoch);
  if (!granted.applied) return bytes;
  return bytes + key_of(granted.applied->epoch) + key_of(granted.applied->through) +
         std::string(as_chars(granted.applied->hash));
}

Result<std::optional<Granted>> read_granted(const JournalReader& journal) {
  const auto stored = journal.get(Family::meta, granted_key);
  if (!stored) return std::unexpected(stored.error());
  if (!*stored) return std::nullopt;
  const std::string_view bytes = **stored;
  const bool told = bytes.size() == 3 * number_bytes + Digest{}.size();
  if (!told && bytes.size() != number_bytes) return fail(Errc::corrupt, "meta granted");
  Granted granted{.epoch = read_u64(bytes)};
  if (told) {
    granted.applied = {.epoch = read_u64(bytes.substr(number_bytes)),
                       .through = read_u64(bytes.substr(2 * number_bytes)),
                       .hash = digest_of(bytes.substr(3 * number_bytes))};
  }
  return granted;
}

Result<void> check_end(const JournalReader& journal, const StoreId& store, const EpochBase& base,
                       const Placed& last) {
  if (auto owner = check_owner(store, base.epoch, last); !owner) return owner;
  return check_chain(journal, store, base, last.position);
}

}  // namespace perkline::edge::journal
