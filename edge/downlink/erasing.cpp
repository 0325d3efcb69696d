#include "edge/downlink/erasing.hpp"

#include <algorithm>

#include "shared/ops/log.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::edge::downlink {
namespace {

using session::Kept;
using session::Session;
using session::SessionStore;

/// Of sessions that are read, and written anew, at a time.
constexpr std::size_t page_max = 64;

/// Everything there is, by when it was opened.
SessionStore::Period always() {
  return {.since = WallTime{}, .until = std::chrono::sys_days{std::chrono::year{9999} / 1 / 1}};
}

/// A session that somebody has opened since is somebody new's.
bool is_of(const Session& session, const Digest& member, const sync::Erasure& erasure) {
  return member == erasure.member && session.created_at < erasure.requested_at;
}

}  // namespace

std::vector<sync::Erasure> by_own_clock(const sync::EraseMember& erase, WallTime now) {
  std::vector<sync::Erasure> erasures = erase.erasures;
  if (!erase.sent_at) return erasures;
  for (sync::Erasure& erasure : erasures) erasure.requested_at += now - *erase.sent_at;
  return erasures;
}

void Erasing::want(const std::vector<sync::Erasure>& erasures) {
  for (const sync::Erasure& erasure : erasures) {
    if (!done_.contains(erasure.id) && wanted_.try_emplace(erasure.id, erasure).second) wake_->notify();
  }
}

void Erasing::stop() {
  pace_.stop();
  wake_->notify();
}

Task<void> Erasing::run() {
  while (!pace_.stopped()) {
    if (!wanted_.empty()) {
      const auto done = co_await pass();
      if (done) faults_.over();
      if (!done && !pace_.stopped() && faults_.is_news(done.error().detail, parts_.ports.clock.mono_now())) {
        ops::log(ops::Level::error, "downlink", "members cannot be forgotten",
                 {{"error", perkline::name_of(done.error().code)}, {"detail", done.error().detail}});
      }
    }
    const MonoTime again = parts_.ports.clock.mono_now() + try_again;
    (void)co_await parts_.ports.clock.wait_for(*wake_, again);
  }
}

/// Through all sessions once, for all that are wanted.
Task<Result<void>> Erasing::pass() {
  std::vector<sync::Erasure> erasures;
  for (const auto& [id, erasure] : wanted_) erasures.push_back(erasure);
  Open open;
  const SessionStore& store = parts_.ports.store;
  // What is archived meanwhile has been seen among the others, or is seen in the archive.
  auto done = co_await pass_over(
      [&store](std::string_view from) { return store.opened_in(always(), from, page_max); }, erasures, open);
  if (done) {
    done = co_await pass_over(
        [&store](std::string_view from) { return store.archived_of(always(), from, page_max); }, erasures,
        open);
  }
  if (!done) co_return done;
  for (sync::Erasure& erasure : erasures) {
    if (open.contains(erasure.id)) continue;
    if (auto finished = co_await finish(std::move(erasure)); !finished) co_return finished;
  }
  co_return Result<void>{};
}

Task<Result<void>> Erasing::pass_over(PageAt page_at, const std::vector<sync::Erasure>& erasures,
                                      Open& open) {
  std::string from;
  do {
    auto page = page_at(from);
    if (!page) co_return failure(page);
    from = std::move(page->next);
    if (auto done = co_await forget_in(std::move(page->ids), erasures, open); !done) co_return done;
    if (!co_await pace_.step()) co_return fail(Errc::cancelled, "the daemon ends");
  } while (!from.empty());
  co_return Result<void>{};
}

Task<Result<void>> Erasing::forget_in(std::vector<SessionId> ids, const std::vector<sync::Erasure>& erasures,
                                      Open& open) {
  std::map<Uuid, std::vector<SessionId>> theirs;
  for (const SessionId& id : ids) {
    const auto kept = parts_.ports.store.look_up(id);
    if (!kept) co_return std::unexpected(kept.error());
    if (!*kept) continue;
    const Session& found = (*kept)->session;
    const Digest member = sync::member_hash(found.customer);
    for (const sync::Erasure& erasure : erasures) {
      if (!is_of(found, member, erasure)) continue;
      if (is_end(found.status)) {
        theirs[erasure.id].push_back(id);
      } else {
        open.insert(erasure.id);
      }
      break;
    }
  }
  for (const sync::Erasure& erasure : erasures) {
    const auto found = theirs.find(erasure.id);
    if (found == theirs.end()) continue;
    const std::size_t wanted = found->second.size();
    const auto done =
        co_await parts_.writer.forget_member(std::move(found->second), erasure.token,
                                             [](const Kept& kept) { return is_end(kept.session.status); });
    if (!done) co_return std::unexpected(done.error());
    // One that is being changed right now is for the next pass.
    if (*done < wanted) open.insert(erasure.id);
  }
  co_return Result<void>{};
}

Task<Result<void>> Erasing::finish(sync::Erasure erasure) {
  if (parts_.forget_elsewhere) {
    if (auto done = co_await parts_.forget_elsewhere(erasure); !done) co_return done;
  }
  journal::Batch batch;
  const auto writing = parts_.ports.members.forget(batch, erasure.member);
  if (!writing) co_return std::unexpected(writing.error());
  std::vector<journal::NewEvent> events;
  events.push_back(session::new_event(
      parts_.ports, "",
      sync::MemberErased{.erasure = erasure.id, .erased_at = parts_.ports.clock.wall_now()}));
  co_await parts_.outbox.commit(std::move(batch), std::move(events));
  wanted_.erase(erasure.id);
  done_.insert(erasure.id);
  ops::log(ops::Level::info, "downlink", "a member is forgotten", {{"erasure", erasure.id.str()}});
  co_return Result<void>{};
}

}  // namespace perkline::edge::downlink
