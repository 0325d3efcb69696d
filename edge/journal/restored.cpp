#include "edge/journal/restored.hpp"

#include <algorithm>

#include "edge/journal/lease_holder.hpp"
#include "shared/core/bytes.hpp"
#include "shared/sync/event.hpp"

namespace perkline::edge::journal {
namespace {

constexpr unsigned char format_newest = 1;
constexpr std::size_t record_bytes = 1 + 2 * sizeof(std::uint64_t);

void append_time(std::string& out, WallTime time) {
  append_u64(out, static_cast<std::uint64_t>(time.time_since_epoch().count()));
}

WallTime time_in(std::string_view bytes) {
  return WallTime(Millis(static_cast<std::int64_t>(read_u64(bytes))));
}

}  // namespace

std::string encode(const Restored& restored) {
  std::string record(1, static_cast<char>(format_newest));
  append_time(record, restored.backed_up_at);
  append_time(record, restored.restored_at);
  return record;
}

Result<Restored> decode_restored(std::string_view record) {
  const unsigned char format = record.empty() ? 0 : static_cast<unsigned char>(record.front());
  if (format > format_newest)
    return fail(Errc::newer_format, "the restore's mark was written by a newer version");
  if (format == 0 || record.size() != record_bytes)
    return fail(Errc::corrupt, "the restore's mark is damaged");
  record.remove_prefix(1);
  return Restored{.backed_up_at = time_in(record),
                  .restored_at = time_in(record.substr(sizeof(std::uint64_t)))};
}

namespace {

Result<std::optional<Restored>> read_at(const JournalReader& journal, std::string_view key) {
  const auto record = journal.get(Family::meta, key);
  if (!record) return std::unexpected(record.error());
  if (!*record) return std::nullopt;
  auto restored = decode_restored(**record);
  if (!restored) return failure(restored);
  return *restored;
}

}  // namespace

Result<std::optional<Restored>> read_restored(const JournalReader& journal) {
  return read_at(journal, restored_key);
}

Result<std::optional<Restored>> read_last_restore(const JournalReader& journal) {
  return read_at(journal, last_restore_key);
}

std::optional<WallTime> last_restored_at(const JournalReader& journal) {
  const auto restored = read_last_restore(journal);
  if (!restored || !*restored) return std::nullopt;
  return (*restored)->restored_at;
}

WallTime newest_time_in(const JournalReader& journal) {
  // More than one: a start by a wrong clock may have told something already.
  constexpr int events_looked_at = 64;
  WallTime newest{};
  std::string before;
  for (int i = 0; i < events_looked_at; ++i) {
    const auto last = journal.last(Family::outbox, before);
    if (!last || !*last) break;
    before = (*last)->key;
    if ((*last)->value.size() < sizeof(Digest)) continue;
    const auto event = sync::decode_event(std::string_view((*last)->value).substr(sizeof(Digest)));
    if (event) newest = std::max(newest, event->time);
  }
  return newest;
}

void put(Batch& batch, const Restored& restored) {
  batch.put(Family::meta, std::string(restored_key), encode(restored));
  batch.put(Family::meta, std::string(last_restore_key), encode(restored));
  disown(batch);
}

void clear_restored(Batch& batch) {
  batch.erase(Family::meta, std::string(restored_key));
}

}  // namespace perkline::edge::journal
