#include "edge/pdi_queue/restoration.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "shared/core/limits.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::pdi_queue {
namespace {

using journal::Batch;
using journal::Family;
using ops::Level;
using session::Fate;
using session::Outcome;
using session::Session;

constexpr std::size_t page_max = limits::sync_query_sessions_max;
constexpr Millis hub_patience{10'000};
constexpr Millis status_timeout{3000};
/// Between two rounds that have brought nothing.
constexpr Millis pause{2000};
/// Before one that gave trouble is tried again.
constexpr Millis trouble_pause{30'000};
/// So many sessions in a row about which PDI says nothing, and it may be that it speaks of none.
constexpr int silent_max = 3;
/// In family meta: this and a session's id → whose word it waits for.
constexpr std::string_view held_prefix = "held/";
/// The restore whose sessions are all held; another one: they are to be held anew.
constexpr std::string_view held_for = "held";
constexpr WallTime for_ever = std::chrono::sys_days{std::chrono::year{9000} / 1 / 1};

std::string key_of(const SessionId& id) {
  return std::string(held_prefix) + id.str();
}

Result<Outcome> plain(Result<Session> session) {
  if (!session) return failure(session);
  return Outcome{.session = std::move(*session)};
}

}  // namespace

Restoration::Restoration(session::Ports ports, journal::Journal& journal, session::SessionWriter& writer,
                         AskHub ask, std::function<void(const SessionId&)> on_open)
    : ports_(ports),
      journal_(journal),
      writer_(writer),
      ask_(std::move(ask)),
      on_open_(std::move(on_open)),
      hub_page_(page_max) {}

bool Restoration::holds(const SessionId& id) const {
  if (!restored_) return false;
  const auto mark = journal_.get(Family::meta, key_of(id));
  return !mark || mark->has_value();  // what cannot be read is not known to be free
}

// ---- the first start after the restore

Task<Result<void>> Restoration::start() {
  auto restored = journal::read_restored(journal_);
  if (!restored) co_return failure(restored);
  restored_ = *restored;
  if (!restored_) co_return Result<void>{};
  const auto done_for = journal_.get(Family::meta, held_for);
  if (!done_for) co_return std::unexpected(done_for.error());
  if (*done_for != journal::encode(*restored_)) {
    if (auto all = co_await hold_all(); !all) co_return all;
  }
  const auto awaited = count_awaited();
  if (!awaited) co_return std::unexpected(awaited.error());
  awaited_ = *awaited;
  writer_.hold_those([this](const SessionId& id) { return holds(id); });
  ops::log(Level::warn, "restoration", "a backup was restored: its open sessions wait for the hub's word",
           {{"backedUpAt", format_time(restored_->backed_up_at)},
            {"sessions", static_cast<std::int64_t>(awaited_)}});
  co_return Result<void>{};
}

Task<Result<void>> Restoration::hold_all() {
  using Page = session::SessionStore::Page;
  const session::SessionStore& store = ports_.store;
  const std::array<std::function<Result<Page>(const std::string&)>, 3> sources{
      [&](const std::string& from) { return store.waiting(from, page_max); },
      [&](const std::string& from) { return store.reviews(from, page_max); },
      [&](const std::string& from) { return store.lapsing({.until = for_ever}, from, page_max); }};
  for (const auto& source : sources) {
    std::string from;
    do {
      auto page = source(from);
      if (!page) co_return failure(page);
      if (auto held = co_await hold_page(page->ids); !held) co_return held;
      from = std::move(page->next);
    } while (!from.empty());
  }
  Batch mark;
  mark.put(Family::meta, std::string(held_for), journal::encode(*restored_));
  co_await journal_.commit(std::move(mark));
  co_return Result<void>{};
}

Task<Result<void>> Restoration::hold_page(const std::vector<SessionId>& ids) {
  Batch batch;
  for (const SessionId& id : ids)
    batch.put(Family::meta, key_of(id), std::string(1, static_cast<char>(Awaits::hub)));
  co_await journal_.commit(std::move(batch));
  co_return Result<void>{};
}

Result<std::vector<SessionId>> Restoration::held(Awaits awaits, std::size_t count_max) const {
  return held_where(awaits, count_max, [](const SessionId&) { return true; });
}

Result<std::vector<SessionId>> Restoration::due(Awaits awaits, std::size_t count_max) const {
  const MonoTime now = ports_.clock.mono_now();
  return held_where(awaits, count_max, [this, now](const SessionId& id) {
    const auto found = put_off_.find(id);
    return found == put_off_.end() || found->second <= now;
  });
}

/// Told in the log the first time.
void Restoration::put_off(const SessionId& id, const Error& error) {
  const MonoTime until = ports_.clock.mono_now() + trouble_pause;
  if (!put_off_.insert_or_assign(id, until).second) return;
  ops::log(Level::error, "restoration", "a restored session is tried again later",
           {{"sessionId", id.str()}, {"error", name_of(error.code)}, {"detail", error.detail}});
}

Result<std::vector<SessionId>> Restoration::held_where(
    Awaits awaits, std::size_t count_max, const std::function<bool(const SessionId&)>& wanted) const {
  std::vector<SessionId> ids;
  const auto scanned =
      journal_.scan(Family::meta, held_prefix, [&](std::string_view key, std::string_view value) {
        if (!key.starts_with(held_prefix) || ids.size() == count_max) return false;
        if (value.empty() || value.front() != static_cast<char>(awaits)) return true;
        if (SessionId id{std::string(key.substr(held_prefix.size()))}; wanted(id))
          ids.push_back(std::move(id));
        return true;
      });
  if (!scanned) return std::unexpected(scanned.error());
  return ids;
}

Result<std::size_t> Restoration::count_awaited() const {
  const auto all = held(Awaits::hub, std::numeric_limits<std::size_t>::max());
  if (!all) return std::unexpected(all.error());
  return all->size();
}

bool Restoration::awaits_hub(const SessionId& id) const {
  const auto mark = journal_.get(Family::meta, key_of(id));
  return mark && *mark == std::string(1, static_cast<char>(Awaits::hub));
}

// ---- finding out

Task<void> Restoration::run() {
  while (restored_ && !stopped_) {
    const auto hub = co_await ask_hub();
    const auto pdi = co_await ask_pdi();
    if (hub && pdi) {
      faults_.over();
    } else if (const Error& error = hub ? pdi.error() : hub.error();
               faults_.is_news(error.detail, ports_.clock.mono_now())) {
      ops::log(Level::error, "restoration", "restored sessions cannot be read or written",
               {{"error", name_of(error.code)}, {"detail", error.detail}});
    }
    const auto open_at_hub = held(Awaits::hub, 1);
    const auto open_at_pdi = held(Awaits::pdi, 1);
    if (open_at_hub && open_at_pdi && open_at_hub->empty() && open_at_pdi->empty()) {
      Batch batch;
      journal::clear_restored(batch);
      batch.erase(Family::meta, std::string(held_for));
      co_await journal_.commit(std::move(batch));
      restored_.reset();
      awaited_ = 0;
      put_off_.clear();
      answered_.clear();
      ops::log(Level::info, "restoration", "what became of every restored session is known");
      co_return;
    }
    const bool moved = (hub && *hub) || (pdi && *pdi);
    if (!moved) co_await ports_.clock.sleep(pause);
  }
}

/// Whether some session's fate is known now.
Task<Result<bool>> Restoration::ask_hub() {
  auto ids = due(Awaits::hub, hub_page_);
  if (!ids) co_return failure(ids);
  if (ids->empty()) co_return false;
  sync::SaleAnswer answer{.known = {}, .unknown = *ids};
  if (ask_) {
    auto told = co_await ask_(*ids, ports_.clock.mono_now() + hub_patience);
    if (!told) {
      // It may be one of them that it cannot answer for.
      if (ids->size() == 1)
        put_off(ids->front(), {.code = Errc::connection_failed, .detail = "no word of the hub's"});
      hub_page_ = std::max<std::size_t>(1, std::min(hub_page_, ids->size()) / 2);
      co_return false;
    }
    hub_page_ = std::min(2 * hub_page_, page_max);
    answer = std::move(*told);
  }
  bool any = false;
  for (const sync::KnownSale& sale : answer.known) any = co_await heard(sale.session, &sale) || any;
  for (const SessionId& id : answer.unknown) any = co_await heard(id, nullptr) || any;
  co_return any;
}

/// The hub's word on a session; `known` nullptr: it has never heard of it. Whether that is carried out.
Task<bool> Restoration::heard(SessionId id, const sync::KnownSale* known) {
  if (!awaits_hub(id)) co_return false;
  const auto done = co_await resolve(id, known);
  if (answered_.insert(id).second) --awaited_;
  if (!done) {
    put_off(id, done.error());
    co_return false;
  }
  answered_.erase(id);
  co_return true;
}

Task<Result<bool>> Restoration::ask_pdi() {
  const auto ids = due(Awaits::pdi, page_max);
  if (!ids) co_return std::unexpected(ids.error());
  bool any = false;
  int silent = 0;
  for (const SessionId& id : *ids) {
    const auto word = co_await ask_pdi_about(id);
    if (word && *word == Word::not_asked) break;
    if (word && *word == Word::told) {
      any = true;
      silent = 0;
      continue;
    }
    put_off(id, word ? Error{.code = Errc::pdi_unavailable, .detail = "no word of PDI's"} : word.error());
    if (word && ++silent == silent_max) break;
  }
  co_return any;
}

Task<Result<Restoration::Word>> Restoration::ask_pdi_about(SessionId id) {
  const auto session = ports_.store.find(id);
  if (!session) co_return std::unexpected(session.error());
  if (!*session || is_end((*session)->status)) {
    co_await release(std::move(id));
    co_return Word::told;
  }
  const auto told = co_await ports_.settlement.status((*session)->provider_session,
                                                      ports_.clock.mono_now() + status_timeout);
  const bool denied = !told && told.error().outcome == pdi::Outcome::rejected;
  if (!told && !denied)
    co_return told.error().outcome == pdi::Outcome::unavailable ? Word::none : Word::not_asked;
  const auto done =
      told && told->finalized ? co_await book(id, nullptr, *told->finalized) : co_await expire(id);
  if (!done) co_return std::unexpected(done.error());
  co_return Word::told;
}

Task<Result<void>> Restoration::resolve(SessionId id, const sync::KnownSale* known) {
  auto session = ports_.store.find(id);
  if (!session) co_return failure(session);
  if (!*session) {
    co_await release(std::move(id));
    co_return Result<void>{};
  }
  const Fate fate = fate_of(**session, known);
  co_return co_await carry_out(std::move(id), fate, known);
}

Task<Result<void>> Restoration::carry_out(SessionId id, Fate fate, const sync::KnownSale* known) {
  switch (fate) {
    case Fate::keep:
      co_await release(std::move(id));
      co_return Result<void>{};
    case Fate::adopt:
      co_return co_await book(std::move(id), known,
                              {.earned = known->earned,
                               .redeemed = known->redeemed,
                               .new_balance = known->new_balance.value_or(Points{}),
                               .receipt = known->receipt});
    case Fate::reject: {
      if (auto referred = co_await refer(id, known); !referred) co_return referred;
      auto closed = co_await change(id, [&](Session session) {
        return session::discarded(std::move(session), known->reason, ports_.clock.wall_now());
      });
      if (closed) co_await release(std::move(id));
      co_return closed;
    }
    case Fate::abandon: {
      auto given_up = co_await change(id, [&](Session session) {
        return session::abandoned(std::move(session), known->reason, {}, known->at);
      });
      if (given_up) co_await release(std::move(id));
      co_return given_up;
    }
    case Fate::doubt: {
      auto doubted = co_await doubt(id, known);
      if (!doubted) co_return doubted;
      co_await release(id);
      on_open_(id);
      co_return doubted;
    }
    case Fate::review: {
      auto referred = co_await refer(id, known);
      if (referred) co_await release(std::move(id));
      co_return referred;
    }
    case Fate::ask_pdi: {
      Batch batch;
      batch.put(Family::meta, key_of(id), std::string(1, static_cast<char>(Awaits::pdi)));
      co_await journal_.commit(std::move(batch));
      co_return Result<void>{};
    }
    case Fate::expire:
      co_return co_await expire(std::move(id));
  }
  std::unreachable();
}

Task<Result<void>> Restoration::doubt(SessionId id, const sync::KnownSale* known) {
  co_return co_await change(std::move(id), [&](Session session) {
    return session::doubted(std::move(session), known, ports_.clock.wall_now());
  });
}

/// Before a person, with what the hub knows of the sale.
Task<Result<void>> Restoration::refer(SessionId id, const sync::KnownSale* known) {
  auto session = ports_.store.find(id);
  if (!session) co_return failure(session);
  if ((*session)->status == session::Status::review) co_return Result<void>{};
  const bool sold = (*session)->status == session::Status::queued;
  // What waited for its first finalize is tried again as such, if the person says so.
  if (!sold) {
    if (auto doubted = co_await doubt(id, known); !doubted) co_return doubted;
  }
  auto referred = co_await change(id, [](Session current) {
    return plain(session::referred(std::move(current),
                                   "restored from a backup: it may have been settled since", std::nullopt));
  });
  if (referred)
    ops::log(Level::error, "restoration", "a person has to decide about a restored sale",
             {{"sessionId", id.str()}});
  co_return referred;
}

/// Through doubt, as everything that PDI has booked without telling us. A crash in between repeats it.
Task<Result<void>> Restoration::book(SessionId id, const sync::KnownSale* known, pdi::Finalized figures) {
  if (auto doubted = co_await doubt(id, known); !doubted) co_return doubted;
  auto booked = co_await change(id, [&](Session session) {
    return session::booked(std::move(session), figures,
                           known != nullptr ? known->at : ports_.clock.wall_now(),
                           ports_.rules.now()->receipt);
  });
  if (booked) co_await release(std::move(id));
  co_return booked;
}

Task<Result<void>> Restoration::expire(SessionId id) {
  auto session = ports_.store.find(id);
  if (!session) co_return failure(session);
  if (may_expire(**session)) {
    if (auto expired = co_await change(id, session::expired); !expired) co_return expired;
  }
  co_await release(std::move(id));
  co_return Result<void>{};
}

Task<void> Restoration::release(SessionId id) {
  Batch batch;
  batch.erase(Family::meta, key_of(id));
  co_await journal_.commit(std::move(batch));
}

Task<Result<void>> Restoration::change(SessionId id, std::function<Result<Outcome>(Session)> next) {
  auto done = co_await writer_.recover(std::move(id), std::move(next));
  if (!done) co_return failure(done);
  co_return Result<void>{};
}

}  // namespace perkline::edge::pdi_queue
