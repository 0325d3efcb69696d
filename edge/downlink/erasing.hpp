#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "edge/jobs/pace.hpp"
#include "edge/journal/outbox.hpp"
#include "edge/session/ports.hpp"
#include "edge/session/session_writer.hpp"
#include "shared/ops/standing_faults.hpp"
#include "shared/sync/down.hpp"

namespace perkline::edge::downlink {

/// What is asked for, with its times by this store's clock, which reads `now`: what is told apart by them was
/// stamped here.
std::vector<sync::Erasure> by_own_clock(const sync::EraseMember& erase, WallTime now);

/// Forgets people whom the hub has told to forget (sync.md, EraseMember): the hub's token stands in the
/// card's place in all their sessions, archived ones too, the snapshot goes, and MemberErased tells the hub.
/// A sale that is not settled yet goes to PDI under its card first: its member waits, and is tried again.
/// Nothing of it is kept here: the hub asks until it is told. Reactor's thread.
class Erasing {
 public:
  /// Between two tries while a sale keeps a member from being forgotten.
  static constexpr seconds try_again{60};

  struct Parts {
    session::Ports ports;
    session::SessionWriter& writer;
    journal::Outbox& outbox;
    /// What else is kept under their card, and where the token is to stand; empty: nothing.
    std::function<Task<Result<void>>(sync::Erasure)> forget_elsewhere = {};
  };
  /// What `parts` refers to must outlive this.
  explicit Erasing(const Parts& parts) : parts_(parts), pace_(parts.ports.clock) {}

  /// Asked for once more, or after it is done, changes nothing.
  void want(const std::vector<sync::Erasure>& erasures);
  /// Until stop().
  Task<void> run();
  void stop();
  std::size_t waiting() const { return wanted_.size(); }

 private:
  /// Those of one pass that have open sessions.
  using Open = std::set<Uuid>;
  using Page = session::SessionStore::Page;
  using PageAt = std::function<Result<Page>(std::string_view from)>;
  Task<Result<void>> pass();
  Task<Result<void>> pass_over(PageAt page_at, const std::vector<sync::Erasure>& erasures, Open& open);
  Task<Result<void>> forget_in(std::vector<SessionId> ids, const std::vector<sync::Erasure>& erasures,
                               Open& open);
  Task<Result<void>> finish(sync::Erasure erasure);

  Parts parts_;
  jobs::Pace pace_;
  std::map<Uuid, sync::Erasure> wanted_;
  std::set<Uuid> done_;  ///< In this life of the process.
  ops::StandingFaults faults_;
  std::shared_ptr<net::Signal> wake_ = std::make_shared<net::Signal>();
};

}  // namespace perkline::edge::downlink
