#include "edge/journal/lease_holder.hpp"

#include <algorithm>

#include "shared/core/bytes.hpp"

namespace perkline::edge::journal {
namespace {

using std::chrono::sys_days;

constexpr unsigned char format_settled = 1;
constexpr unsigned char format_unsettled = 2;
constexpr std::size_t day_bytes = sizeof(std::uint64_t);

void append_day(std::string& record, sys_days day) {
  append_u64(record, static_cast<std::uint64_t>(day.time_since_epoch().count()));
}

sys_days day_in(std::string_view bytes) {
  return sys_days{days{static_cast<int>(static_cast<std::int64_t>(read_u64(bytes)))}};
}

}  // namespace

std::string encode(const LeaseHolder& holder) {
  std::string record(1, static_cast<char>(holder.unsettled ? format_unsettled : format_settled));
  record.append(reinterpret_cast<const char*>(holder.id.bytes.data()), holder.id.bytes.size());
  if (holder.unsettled) {
    append_day(record, holder.unsettled->drawn);
    append_day(record, holder.unsettled->clock_read);
  } else if (holder.seeds_closed) {
    append_day(record, *holder.seeds_closed);
  }
  return record;
}

Result<LeaseHolder> decode_lease_holder(std::string_view record) {
  const unsigned char format = record.empty() ? 0 : static_cast<unsigned char>(record.front());
  if (format > format_unsettled) return fail(Errc::newer_format, "the leases' holder is a newer version's");
  LeaseHolder holder;
  const std::size_t id_end = 1 + holder.id.bytes.size();
  const std::size_t day_count = record.size() < id_end ? 0 : (record.size() - id_end) / day_bytes;
  const bool is_whole = record.size() == id_end + day_count * day_bytes;
  const bool fits = format == format_settled ? day_count <= 1 : format == format_unsettled && day_count == 2;
  if (!is_whole || !fits) return fail(Errc::corrupt, "the leases' holder does not decode");
  std::ranges::copy(record.substr(1, holder.id.bytes.size()), holder.id.bytes.begin());
  const std::string_view days_told = record.substr(id_end);
  if (format == format_unsettled) {
    holder.unsettled = {.drawn = day_in(days_told), .clock_read = day_in(days_told.substr(day_bytes))};
  } else if (day_count == 1) {
    holder.seeds_closed = day_in(days_told);
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
