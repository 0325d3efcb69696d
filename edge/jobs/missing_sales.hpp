#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/jobs/pace.hpp"
#include "edge/jobs/report.hpp"
#include "edge/journal/outbox.hpp"
#include "edge/pdi_queue/restoration.hpp"
#include "edge/session/ports.hpp"

namespace perkline::edge::jobs {

/// Names the sales that the hub has lost for good: it was restored from a backup to before the oldest event
/// that this store keeps (Outbox::has_lost). The events are gone, the sessions are not: the hub is asked
/// about each that is booked, archived ones too, page by page, and what it has never heard of is told once,
/// as an event, by `on_difference` and in the log. Reactor's thread.
class MissingSales {
 public:
  using OnDifference = std::function<void(std::string_view ours, std::string_view pdi)>;
  /// What stands for PDI's word in such a difference.
  static constexpr std::string_view word = "missing_at_hub";

  /// All must outlive it. `ask` empty: there is no hub, and nothing is ever missing there.
  MissingSales(session::Ports ports, journal::Journal& journal, journal::Outbox& outbox,
               pdi_queue::AskHub ask, OnDifference on_difference);

  /// How many were named now; nullopt: the hub does not go on with this store's history yet, lags behind it
  /// or does not answer. The next run begins anew, and names none twice. Errors: cancelled, SessionStore's.
  Task<Result<std::optional<std::uint64_t>>> run(Pace& pace);

 private:
  using Page = session::SessionStore::Page;
  using ReadPage = std::function<Result<Page>(const std::string& from)>;
  Task<Result<bool>> look_at(ReadPage read, Pace& pace);
  Result<std::vector<SessionId>> booked_of(const std::vector<SessionId>& ids) const;
  Task<std::optional<std::vector<SessionId>>> unknown_of(std::vector<SessionId> sessions);
  Task<Result<void>> name(SessionId id);
  Task<Result<void>> finish(Pace& pace);

  session::Ports ports_;
  journal::Journal& journal_;
  journal::Outbox& outbox_;
  pdi_queue::AskHub ask_;
  OnDifference on_difference_;
  std::uint64_t named_ = 0;
};

}  // namespace perkline::edge::jobs
