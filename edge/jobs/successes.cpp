#include "edge/jobs/successes.hpp"

#include <algorithm>

#include "shared/core/bytes.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::jobs {
namespace {

using journal::Family;

std::string success_key(std::string_view name) {
  return "job." + std::string(name);
}

}  // namespace

std::optional<WallTime> last_success(const journal::JournalReader& journal, std::string_view name) {
  const auto stored = journal.get(Family::meta, success_key(name));
  if (!stored || (*stored && (*stored)->size() != sizeof(std::uint64_t))) {
    ops::log(ops::Level::error, "jobs", "a job's last success cannot be read", {{"job", name}});
    return std::nullopt;
  }
  if (!*stored) return std::nullopt;
  return WallTime{Millis{static_cast<std::int64_t>(read_u64(**stored))}};
}

Task<void> keep_success(journal::Journal& journal, std::string_view name, WallTime began) {
  std::string time;
  append_u64(time, static_cast<std::uint64_t>(std::max<std::int64_t>(0, began.time_since_epoch().count())));
  journal::Batch batch;
  batch.put(Family::meta, success_key(name), std::move(time));
  co_await journal.commit(std::move(batch));
}

}  // namespace perkline::edge::jobs
