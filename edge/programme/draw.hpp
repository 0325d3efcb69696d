#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "edge/programme/offer.hpp"
#include "shared/core/result.hpp"

/// What a store draws from, and the draw (sync.md, "Spins at the till"). Pure.
namespace perkline::edge::programme {

/// What became of a lease here. Its ordinals up to `drawn` are given away.
struct LeaseState {
  std::uint32_t drawn = 0;
  std::uint32_t returned = 0;
  bool operator==(const LeaseState&) const = default;
};
using LeaseStates = std::map<std::string, LeaseState>;

/// One unit of a stocked prize.
struct Unit {
  std::string lease;
  LeaseState after;  ///< The lease's, once it is given away.
  std::uint32_t ordinal() const { return after.drawn; }
  bool operator==(const Unit&) const = default;
};

/// How many of the lease `holder` may still give away; 0: it is another's.
std::uint32_t left_of(const Lease& lease, const LeaseStates& states, const Uuid& holder);

/// What there is to be given away here: the offer, as far as leases cover it.
class Stock {
 public:
  /// `offer` must outlive it.
  Stock(const Offer& offer, LeaseStates states, const Uuid& holder);

  /// nullopt: any number.
  std::optional<std::int64_t> units(const Prize& prize) const;
  /// The unit that goes next: of the lease that is to be given back first. nullopt: none is left.
  std::optional<Unit> next_unit(const Prize& prize) const;
  /// How many units of leases are left in all.
  std::int64_t units_left() const;

  /// Of what can be drawn; of one-time prizes those alone that are `kept` for this very spin.
  loyalty::PrizeTable table(const std::set<std::string>& kept) const;
  /// Whether any one-time prize could be drawn, if the hub kept it.
  bool has_one_time() const;

  const Offer& offer() const { return offer_; }

 private:
  const Offer& offer_;
  LeaseStates states_;
  Uuid holder_;
};

/// Today's seed, or the first later one that there is and that is not closed; nullptr: there is none.
const Seed* seed_for(const Offer& offer, std::chrono::sys_days today,
                     std::optional<std::chrono::sys_days> closed);

/// A draw that is made, and all that proves it.
struct Drawn {
  Uuid spin;
  StoreId store;
  Seed seed;
  loyalty::Draw draw;
  loyalty::PrizeTable table;
  Prize prize;
  std::optional<Unit> unit = std::nullopt;  ///< Of a stocked prize.
};

/// What a draw is made of, besides what can be won.
struct Ticket {
  Uuid spin;
  StoreId store;
  Seed seed;
  loyalty::Draw draw;
};
/// Errors: no_prize_available.
Result<Drawn> drawn_of(Ticket ticket, const Stock& stock, const std::set<std::string>& kept);

/// The bodies that tills get (contract.md §5); the proof as the hub shows it at `/spins/{id}/proof`, its seed
/// unknown as yet.
std::string render_spin(const Drawn& drawn);
/// The odds are those of a draw that the hub keeps nothing for.
std::string render_prizes(const Stock& stock);

}  // namespace perkline::edge::programme
