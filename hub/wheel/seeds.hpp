#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/clock/clock_guard.hpp"
#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/random.hpp"
#include "shared/loyalty/wheel.hpp"

/// The seeds draws are made with: one for each day (UTC) and whoever draws, committed to up to 30 days ahead,
/// revealed after it. Errors: the database's, as everywhere here.
namespace perkline::hub::wheel {

using Day = std::chrono::sys_days;

/// The hub's own seeds, among those of stores.
inline const StoreId the_hub{};

inline constexpr days seeds_ahead{30};
/// A seed stays secret for so long after its day: longer than any draw of that day may still be under way.
inline constexpr minutes reveal_after{10};
/// A store's stays secret until it has told all that it drew by then, or for so long where it does not.
inline constexpr days reveal_untold_after{30};

inline Day day_of(WallTime at) {
  return std::chrono::floor<days>(at);
}
/// `2026-11-21`
std::string day_text(Day day);

/// A seed that nobody knows yet.
struct OpenSeed {
  std::int64_t id = 0;
  Day day;
  std::string commitment;  ///< Hex.
  loyalty::ServerSeed seed;
};
/// What the hub draws with on that day. Where that is revealed already (this clock is behind another
/// replica's) or closed, the next one that is not. Errors: overloaded (nothing is committed yet).
Result<OpenSeed> seed_for_draw(db::Transaction& transaction, Day today);
/// The member's next nonce with it: 1, 2, … Until the end of the transaction the seed cannot be revealed.
/// Errors: overloaded (it was revealed meanwhile).
Result<std::int64_t> next_nonce(db::Transaction& transaction, const OpenSeed& seed,
                                const std::string& member);
/// The hub draws with its seeds up to that day no more: for a database that was restored, as members may know
/// from draws it has forgotten what their next nonces come to.
Result<void> close_seeds(db::Transaction& transaction, Day through);

/// The last day that the store has a seed of, as far as the hub knows: of those made before it was heard
/// last. nullopt: none.
Result<std::optional<Day>> seeds_told_through(db::Transaction& transaction, const StoreId& store);

/// The secret of a commitment of `store`, revealed or not; nullopt: the store has no such seed.
Result<std::optional<OpenSeed>> find_seed(db::Transaction& transaction, const StoreId& store,
                                          const std::string& commitment);

/// The name of the database's secret that MemberKeys are made of.
inline constexpr std::string_view member_secret = "wheel_member_key";

/// What a store's draws with a seed name their members by (loyalty::till_member): another one for each seed,
/// so that a member's spins of two days are not known to be one's. Made of a secret of the database's.
class MemberKeys {
 public:
  static Result<MemberKeys> load(db::Transaction& transaction);
  /// `commitment`: hex.
  loyalty::MemberKey of(const std::string& commitment) const;

 private:
  explicit MemberKeys(std::string secret) : secret_(std::move(secret)) {}
  std::string secret_;
};

/// What anybody may know of a seed.
struct SeedNotice {
  Day day;
  std::string commitment;           ///< Hex.
  std::optional<std::string> seed;  ///< Hex; nullopt: not revealed.
  std::optional<WallTime> revealed_at;
};
/// A store's, latest day first: `count` of those before `before`; nullopt: from the last one made.
Result<std::vector<SeedNotice>> list_seeds(db::Transaction& transaction, const StoreId& store,
                                           std::int64_t count, std::optional<Day> before);

/// Makes whatever seeds are missing of today and seeds_ahead, for these who draw; how many. `rng` must be fit
/// for keys.
Task<Result<std::int64_t>> commit_seeds(db::Database& database, std::vector<StoreId> stores, WallTime now,
                                        Rng& rng);
/// The same for the hub and all stores that are open, and reveals every seed whose day is over; none while
/// the clock is in doubt. For the job `wheel-seeds`, and for a hub that starts.
Task<Result<std::int64_t>> keep_seeds(db::Database& database, const Clock& clock,
                                      const hub::clock::ClockGuard& guard, Rng& rng);

/// Reveals up to `count` seeds whose day was over reveal_after ago, of stores that are open only those whose
/// draws they have told or that are reveal_untold_after old, and takes them away from who draws with them;
/// how many. Waits for draws under way here.
Result<std::int64_t> reveal_seeds(db::Transaction& transaction, WallTime now, std::int64_t count);

}  // namespace perkline::hub::wheel
