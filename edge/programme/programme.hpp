#pragma once

#include <memory>
#include <optional>

#include "edge/jobs/pace.hpp"
#include "edge/programme/claims.hpp"
#include "edge/programme/spins.hpp"
#include "shared/ops/standing_faults.hpp"

namespace perkline::edge::programme {

/// The wheel and the promotions at this store's tills, and what goes on beside the tills' calls: leases are
/// given back when their time is over, and nonces of days long past are forgotten. Reactor's thread.
class Programme {
 public:
  /// Between two looks at leases and nonces.
  static constexpr seconds look_every{60};
  /// For how long a spin that came to nothing stays the sale's, before the hub forgets it.
  static constexpr hours refused_spins_kept{1};
  /// Of claims that the hub is asked about at one look.
  static constexpr std::size_t claims_at_once = 32;
  /// For how long a clock that is behind is waited for (seeds_to_close()).
  static constexpr minutes clock_wait{15};
  /// For how long after their day nonces are kept, whatever a clock says.
  static constexpr days nonces_kept{7};

  /// What `parts` refers to must outlive it.
  Programme(Parts parts, Watch watch = {});

  /// The line to the hub; without one nobody is asked.
  void connect(HubDesk::Line line) { hub_.connect(std::move(line)); }
  /// Whether the frame is an answer that was asked for: it is taken then.
  bool hear(const sync::Frame& frame) { return hub_.hear(frame); }
  /// Another one is held; `held`: the hub has ever sent one.
  void use(const sync::Catalogue& catalogue, bool held);

  /// Finds out who the journal is to the hub, and ends what the process before has begun. Before any till is
  /// served. Errors: corrupt, newer_format, io_failed.
  Task<Result<void>> start();
  /// Until stop().
  Task<void> run();
  void stop() { pace_.stop(); }

  /// To whom leases are to be granted; nullopt: nobody, as yet.
  std::optional<Uuid> lease_holder() const;
  /// The journal goes on as another one, if it has been disowned. Errors: as start().
  Task<Result<void>> renew_holder();

  Task<Result<void>> forget_member(sync::Erasure erasure);
  Task<Result<std::size_t>> forget_claims(WallTime until, std::size_t count_max);

  SeedStanding seeds() const { return spins_.seeds(); }
  Spins& spins() { return spins_; }
  Claims& claims() { return claims_; }

 private:
  Result<journal::LeaseHolder> new_holder(bool after_another) const;
  Millis phase() const;
  Task<Result<void>> look();
  void tell_unusable();
  void tell_seeds();

  Parts parts_;
  State state_;
  HubDesk hub_;
  ClaimStore claim_store_;
  Spins spins_;
  Claims claims_;
  std::function<void(std::int64_t left)> on_seeds_;
  ops::StandingFaults faults_;       ///< Of looking.
  ops::StandingFaults item_faults_;  ///< Of the catalogue.
  ops::StandingFaults seed_faults_;
  jobs::Pace pace_;
};

}  // namespace perkline::edge::programme
