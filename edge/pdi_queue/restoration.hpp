#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "edge/journal/restored.hpp"
#include "edge/session/ports.hpp"
#include "edge/session/recovery.hpp"
#include "edge/session/session_writer.hpp"
#include "shared/ops/standing_faults.hpp"

namespace perkline::edge::pdi_queue {

/// The hub's word on sessions; nullopt: it has not said by the deadline.
using AskHub =
    std::function<Task<std::optional<sync::SaleAnswer>>(std::vector<SessionId> sessions, MonoTime deadline)>;

/// Finds out what became of the sessions that are open in a restored backup, before anything of them goes to
/// PDI: the hub is asked about each, and PDI about what the hub has not heard of (edge.md, "Restore"). Each
/// is held, durably, from the first start after the restore until its fate is known; nobody else changes it
/// meanwhile, while tills are served with new ones. Settlement begins when the hub has answered for all. One
/// that cannot be dealt with, or about which nothing is said, holds up no other: it is tried again later.
/// Reactor's thread.
class Restoration {
 public:
  /// `ask` empty: there is no hub, and every answer counts as unknown. `on_open` is told of what is to be
  /// settled. All of `ports`, `journal` and `writer` must outlive it.
  Restoration(session::Ports ports, journal::Journal& journal, session::SessionWriter& writer, AskHub ask,
              std::function<void(const SessionId&)> on_open);

  /// Whether the journal is a restored one; if so, holds what is open in it. Before any till is served, and
  /// before run(). Errors: corrupt, newer_format, io_failed.
  Task<Result<void>> start();
  /// Until all is known; at once where nothing was restored.
  Task<void> run();
  void stop() { stopped_ = true; }

  /// Whether the hub has yet to answer for some session.
  bool holds_settlement() const { return awaited_ > 0; }
  bool holds(const SessionId& id) const;

 private:
  /// Whose word a held session waits for. Stored: never renumber.
  enum class Awaits : char { hub = 'h', pdi = 'p' };
  Task<Result<void>> hold_all();
  Task<Result<void>> hold_page(const std::vector<SessionId>& ids);
  Result<std::vector<SessionId>> held(Awaits awaits, std::size_t count_max) const;
  /// Of those, the ones that are not put off.
  Result<std::vector<SessionId>> due(Awaits awaits, std::size_t count_max) const;
  Result<std::vector<SessionId>> held_where(Awaits awaits, std::size_t count_max,
                                            const std::function<bool(const SessionId&)>& wanted) const;
  void put_off(const SessionId& id, const Error& error);
  Result<std::size_t> count_awaited() const;
  bool awaits_hub(const SessionId& id) const;
  Task<Result<bool>> ask_hub();
  Task<Result<bool>> ask_pdi();
  /// What came of asking PDI about a session.
  enum class Word : std::uint8_t { told, none, not_asked };
  Task<Result<Word>> ask_pdi_about(SessionId id);
  Task<bool> heard(SessionId id, const sync::KnownSale* known);
  Task<Result<void>> resolve(SessionId id, const sync::KnownSale* known);
  Task<Result<void>> carry_out(SessionId id, session::Fate fate, const sync::KnownSale* known);
  Task<Result<void>> doubt(SessionId id, const sync::KnownSale* known);
  Task<Result<void>> refer(SessionId id, const sync::KnownSale* known);
  Task<Result<void>> book(SessionId id, const sync::KnownSale* known, pdi::Finalized figures);
  Task<Result<void>> expire(SessionId id);
  Task<void> release(SessionId id);
  Task<Result<void>> change(SessionId id, std::function<Result<session::Outcome>(session::Session)> next);

  session::Ports ports_;
  journal::Journal& journal_;
  session::SessionWriter& writer_;
  AskHub ask_;
  std::function<void(const SessionId&)> on_open_;
  std::optional<journal::Restored> restored_;
  std::size_t awaited_ = 0;  ///< How many wait for the hub's word.
  std::size_t hub_page_;     ///< How many it is asked about at once.
  ops::StandingFaults faults_;
  std::map<SessionId, MonoTime> put_off_;  ///< Until when; what is past stays, as told in the log.
  std::set<SessionId> answered_;           ///< By the hub, and what follows from it could not be done yet.
  bool stopped_ = false;
};

}  // namespace perkline::edge::pdi_queue
