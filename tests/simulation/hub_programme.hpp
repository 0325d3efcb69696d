#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "hub/wheel/prizes.hpp"
#include "tests/simulation/hub.hpp"
#include "tests/simulation/tills.hpp"

namespace perkline::simulation {

/// What was told on the web.
struct WebSpin {
  UserId user;
  std::string spin;
  std::string prize;
};
struct WebClaim {
  UserId user;
  Uuid promotion;
};

/// The members' programme at the hub: what staff put into it, before and while stores draw from it, and what
/// members do on the web. All members but the last have proven that their card is theirs.
class HubProgramme {
 public:
  struct Around {
    const Scenario& scenario;
    Timeline& time;
    Trace& trace;
    Hub& hub;
    Tills& tills;
  };
  explicit HubProgramme(const Around& around);

  /// Before the hub's first start.
  void open();
  void plan();

  const std::vector<WebSpin>& web_spins() const { return web_spins_; }
  const std::vector<WebClaim>& web_claims() const { return web_claims_; }
  /// Whose card that is: the user's id, or the card itself while it is nobody's.
  std::string owner_of(const CustomerId& card) const;

 private:
  static Task<void> spin(HubLife& life, Fate& fate, UserId user, std::vector<WebSpin>& told);
  static Task<void> claim(HubLife& life, Fate& fate, WebClaim what, std::vector<WebClaim>& told);
  void add_prize(std::string name, std::int64_t tickets, bool one_time, std::optional<std::int64_t> stock);
  void add_member(std::size_t number);
  void add_promotion();
  void change_prizes();
  void call();
  void write(const std::function<Result<void>(hub::db::Transaction&)>& work);
  WallTime now() const { return around_.tills.time().wall; }
  hub::wheel::PrizeCause prize_cause();

  Around around_;
  SeededRng rng_;
  UuidMaker uuids_;
  std::vector<UserId> users_;  ///< By the number of their card.
  std::string scarce_;
  std::vector<WebSpin> web_spins_;
  std::vector<WebClaim> web_claims_;
};

}  // namespace perkline::simulation
