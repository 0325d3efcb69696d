#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "edge/journal/lease_holder.hpp"
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
  /// All of them, as if the hub kept them.
  std::set<std::string> one_time() const;

  const Offer& offer() const { return offer_; }

 private:
  const Offer& offer_;
  LeaseStates states_;
  Uuid holder_;
};

/// Today's seed, or the first later one that there is and that is not closed; nullptr: there is none.
const Seed* seed_for(const Offer& offer, std::chrono::sys_days today,
                     std::optional<std::chrono::sys_days> closed);

/// How many days there is a seed for, from today's on, that is not closed.
std::int64_t seeds_left(const Offer& offer, std::chrono::sys_days today,
                        std::optional<std::chrono::sys_days> closed);

/// Through which day seeds are left alone, as a predecessor may have drawn with them: one that drew today, or
/// with a later seed that is known of. nullopt: that cannot be told yet, and nothing is drawn. A clock that
/// is ahead of all seeds there are is wrong, or the catalogue is old: one of them is waited for. One that is
/// behind what it once read is wrong, as long as there are seeds of that day; once that is `waited` for,
/// everything that the catalogue has is closed, and the next day's seed is drawn with. Never later than the
/// last seed: so whatever clocks say, there is one to draw with once the hub has committed to the next.
std::optional<std::chrono::sys_days> seeds_to_close(const Offer& offer,
                                                    const journal::LeaseHolder::Unsettled& known,
                                                    std::chrono::sys_days today, bool waited);

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
/// The odds are those of a draw as it would be made now: `hub_is_up`: for a member who may have every
/// one-time prize, which the hub would keep; else without these.
std::string render_prizes(const Stock& stock, bool hub_is_up);

}  // namespace perkline::edge::programme
