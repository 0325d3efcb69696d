#include "edge/jobs/archive.hpp"

#include "shared/ops/log.hpp"

namespace perkline::edge::jobs {
namespace {

using session::Kept;
using session::SessionStore;

/// Of sessions that move in one batch.
constexpr std::size_t page_max = 64;

/// An id's time is the wall clock's of its making, so that none of that age or older is left out.
SessionStore::Period opened_by(WallTime time) {
  return {.until = time + Millis{1}};
}

}  // namespace

Task<Result<Report>> Archive::run(Pace& pace, std::optional<WallTime> last_success, bool by_hand) {
  const WallTime now = writer_.aged_now();
  const auto moved = co_await move(pace, now);
  if (!moved) co_return std::unexpected(moved.error());
  const ClockTrust trust = by_hand ? ClockTrust::vouched : trust_in(now, last_success);
  if (trust == ClockTrust::none) {
    const auto old = store_.archived_of(opened_by(now - keep_), "", 1);
    if (old && !old->ids.empty())
      ops::log(ops::Level::warn, "jobs", "the clock is not as it was at the last run: nothing is forgotten");
    co_return Report{{"archived", *moved}, {"removed", 0}, {"returnsRemoved", 0}, {"claimsRemoved", 0}};
  }
  const auto gone = co_await forget(pace, now, trust);
  if (!gone) co_return std::unexpected(gone.error());
  const auto returns = co_await forget_returns(pace, now);
  if (!returns) co_return std::unexpected(returns.error());
  const auto claims = co_await forget_claims(pace, now);
  if (!claims) co_return std::unexpected(claims.error());
  co_return Report{
      {"archived", *moved}, {"removed", *gone}, {"returnsRemoved", *returns}, {"claimsRemoved", *claims}};
}

Task<Result<std::uint64_t>> Archive::move(Pace& pace, WallTime now) {
  std::uint64_t count = 0;
  std::string from;
  do {
    auto page = store_.opened_in(opened_by(now - archive_age), from, page_max);
    if (!page) co_return failure(page);
    const auto moved = co_await writer_.archive(
        std::move(page->ids), [now](const Kept& kept) { return may_archive(kept.session, now); });
    if (!moved) co_return std::unexpected(moved.error());
    count += *moved;
    from = std::move(page->next);
    if (!co_await pace.step()) co_return stopped_early();
  } while (!from.empty());
  co_return count;
}

Task<Result<std::uint64_t>> Archive::forget(Pace& pace, WallTime now, ClockTrust trust) {
  std::uint64_t count = 0;
  std::string from;
  do {
    auto page = store_.archived_of(opened_by(now - keep_), from, page_max);
    if (!page) co_return failure(page);
    const auto gone = co_await writer_.remove(std::move(page->ids), [this, now, trust](const Kept& kept) {
      return may_forget(kept, now, keep_, trust);
    });
    if (!gone) co_return std::unexpected(gone.error());
    count += *gone;
    from = std::move(page->next);
    if (!co_await pace.step()) co_return stopped_early();
  } while (!from.empty());
  co_return count;
}

Task<Result<std::uint64_t>> Archive::forget_returns(Pace& pace, WallTime now) {
  std::uint64_t count = 0;
  while (true) {
    const auto gone = co_await store_.remove_foreign_returns(now - keep_, page_max);
    if (!gone) co_return std::unexpected(gone.error());
    count += *gone;
    if (*gone < page_max) co_return count;
    if (!co_await pace.step()) co_return stopped_early();
  }
}

Task<Result<std::uint64_t>> Archive::forget_claims(Pace& pace, WallTime now) {
  std::uint64_t count = 0;
  while (forget_claims_) {
    const auto gone = co_await forget_claims_(now - keep_, page_max);
    if (!gone) co_return std::unexpected(gone.error());
    count += *gone;
    if (*gone < page_max) break;
    if (!co_await pace.step()) co_return stopped_early();
  }
  co_return count;
}

}  // namespace perkline::edge::jobs
