#include "edge/journal/epoch_bases.hpp"

#include <algorithm>
#include <iterator>

#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"

namespace perkline::edge::journal {
namespace {

constexpr std::size_t number_bytes = sizeof(std::uint64_t);

}  // namespace

Result<std::vector<EpochBase>> read_bases(const JournalReader& journal, std::uint64_t present_epoch) {
  const auto stored = journal.get(Family::meta, bases_key);
  if (!stored) return std::unexpected(stored.error());
  if (!*stored) return std::vector{EpochBase{.epoch = present_epoch, .position = 0}};
  std::vector<EpochBase> bases;
  for (std::string_view rest = **stored; rest.size() >= 2 * number_bytes;
       rest.remove_prefix(2 * number_bytes))
    bases.push_back({.epoch = read_u64(rest), .position = read_u64(rest.substr(number_bytes))});
  const bool whole = (*stored)->size() % (2 * number_bytes) == 0;
  if (bases.empty() || !whole || bases.back().epoch != present_epoch ||
      !std::ranges::is_sorted(bases, {}, &EpochBase::position))
    return fail(Errc::corrupt, "the outbox's epochs do not decode");
  return bases;
}

std::string encode(const std::vector<EpochBase>& bases) {
  std::string bytes;
  for (const EpochBase& base : bases) {
    append_u64(bytes, base.epoch);
    append_u64(bytes, base.position);
  }
  return bytes;
}

const EpochBase& base_of(const std::vector<EpochBase>& bases, std::uint64_t position) {
  PERKLINE_ASSERT(!bases.empty());
  const auto after = std::ranges::lower_bound(bases, position, {}, &EpochBase::position);
  return after == bases.begin() ? *after : *std::prev(after);
}

}  // namespace perkline::edge::journal
