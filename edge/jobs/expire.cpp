#include "edge/jobs/expire.hpp"

namespace perkline::edge::jobs {
namespace {

using session::Session;

constexpr std::size_t page_max = 64;
/// What is looked at again: a session may have been with its till, or with PDI, when its turn came.
constexpr hours look_back{1};
/// In family meta: sessions from before there was a family `expiry` have their places in it.
constexpr std::string_view indexed_key = "expiry.indexed";

}  // namespace

Task<Result<Report>> Expire::run(Pace& pace) {
  if (auto indexed = co_await index_older(pace); !indexed) co_return failure(indexed);
  const session::SessionStore::Period over{.since = done_until_ - look_back,
                                           .until = writer_.aged_now() + Millis{1}};
  std::uint64_t count = 0;
  std::string from;
  do {
    const auto page = ports_.store.lapsing(over, from, page_max);
    if (!page) co_return std::unexpected(page.error());
    for (const SessionId& id : page->ids) {
      auto done = co_await expire(id);
      if (!done) co_return failure(done);
      count += *done ? 1 : 0;
    }
    from = page->next;
    if (!co_await pace.step()) co_return stopped_early();
  } while (!from.empty());
  done_until_ = over.until;
  co_return Report{{"expired", count}};
}

Task<Result<bool>> Expire::expire(SessionId id) {
  if (ports_.locks.is_held(id.str())) co_return false;
  auto session = ports_.store.find(id);
  if (!session) co_return failure(session);
  if (!*session || !writer_.is_old(**session)) co_return false;
  auto done = co_await writer_.change(std::move(id), session::expired);
  if (done) co_return true;
  // A till was quicker, or it is held after a restore.
  if (done.error().code == Errc::session_state || done.error().code == Errc::session_busy) co_return false;
  co_return failure(done);
}

/// Once in a journal's life.
Task<Result<void>> Expire::index_older(Pace& pace) {
  const auto indexed = journal_.get(journal::Family::meta, indexed_key);
  if (!indexed) co_return std::unexpected(indexed.error());
  if (*indexed) co_return Result<void>{};
  std::string from;
  do {
    const auto page = ports_.store.opened_since({}, from, page_max);
    if (!page) co_return std::unexpected(page.error());
    for (const SessionId& id : page->ids) {
      const auto session = ports_.store.find(id);
      if (!session) co_return std::unexpected(session.error());
      if (!*session || !session::may_expire(**session)) continue;
      if (auto placed = co_await writer_.index_expiry(id); !placed) co_return failure(placed);
    }
    from = page->next;
    if (!co_await pace.step()) co_return stopped_early();
  } while (!from.empty());
  journal::Batch batch;
  batch.put(journal::Family::meta, std::string(indexed_key), "1");
  co_await journal_.commit(std::move(batch));
  co_return Result<void>{};
}

}  // namespace perkline::edge::jobs
