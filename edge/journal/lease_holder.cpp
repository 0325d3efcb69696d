#include "edge/journal/lease_holder.hpp"

#include <algorithm>

#include "shared/core/bytes.hpp"

namespace perkline::edge::journal {
namespace {

constexpr unsigned char format_newest = 1;

}  // namespace

std::string encode(const LeaseHolder& holder) {
  std::string record(1, static_cast<char>(format_newest));
  record.append(reinterpret_cast<const char*>(holder.id.bytes.data()), holder.id.bytes.size());
  if (holder.seeds_closed)
    append_u64(record, static_cast<std::uint64_t>(holder.seeds_closed->time_since_epoch().count()));
  return record;
}

Result<LeaseHolder> decode_lease_holder(std::string_view record) {
  const unsigned char format = record.empty() ? 0 : static_cast<unsigned char>(record.front());
  if (format > format_newest) return fail(Errc::newer_format, "the leases' holder is a newer version's");
  LeaseHolder holder;
  const std::size_t without_day = 1 + holder.id.bytes.size();
  const bool has_day = record.size() == without_day + sizeof(std::uint64_t);
  if (format == 0 || (record.size() != without_day && !has_day))
    return fail(Errc::corrupt, "the leases' holder does not decode");
  std::ranges::copy(record.substr(1, holder.id.bytes.size()), holder.id.bytes.begin());
  if (has_day) {
    const auto day = static_cast<std::int64_t>(read_u64(record.substr(without_day)));
    holder.seeds_closed = std::chrono::sys_days{days{static_cast<int>(day)}};
  }
  return holder;
}

Result<std::optional<LeaseHolder>> read_lease_holder(const JournalReader& journal) {
  const auto record = journal.get(Family::meta, lease_holder_key);
  if (!record) return std::unexpected(record.error());
  if (!*record) return std::nullopt;
  auto holder = decode_lease_holder(**record);
  if (!holder) return failure(holder);
  return *holder;
}

Result<bool> is_disowned(const JournalReader& journal) {
  const auto mark = journal.get(Family::meta, disowned_key);
  if (!mark) return std::unexpected(mark.error());
  return mark->has_value();
}

void disown(Batch& batch) {
  batch.put(Family::meta, std::string(disowned_key), "");
}

void put(Batch& batch, const LeaseHolder& holder) {
  batch.put(Family::meta, std::string(lease_holder_key), encode(holder));
  batch.erase(Family::meta, std::string(disowned_key));
}

}  // namespace perkline::edge::journal
