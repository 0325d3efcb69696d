#pragma once

#include <memory>
#include <vector>

#include "tests/simulation/hub.hpp"
#include "tests/simulation/hub_programme.hpp"
#include "tests/simulation/provider.hpp"
#include "tests/simulation/store.hpp"
#include "tests/simulation/tills.hpp"

namespace perkline::simulation {

/// What a run came to, for whoever wants to know that it did something.
struct Figures {
  std::size_t acknowledged = 0;
  std::size_t pending = 0;  ///< Of those, told 202 first.
  std::size_t booked = 0;   ///< At PDI.
  std::size_t refused = 0;
  std::size_t expired = 0;
  std::size_t voided = 0;
  std::size_t reviews = 0;  ///< Each for a reason that calls for a person.
  std::size_t discarded = 0;
  std::size_t returns = 0;
  std::size_t store_crashes = 0;
  std::size_t hub_crashes = 0;
  std::size_t restores = 0;
  std::size_t clones = 0;
  std::size_t epochs = 0;     ///< Granted.
  std::size_t forgotten = 0;  ///< Sales that a restored store, or a clone that is gone, took along.
  std::size_t spins = 0;      ///< Of tills, at the hub.
  std::size_t web_spins = 0;
  std::size_t leased = 0;  ///< Of those, with a unit of a lease.
  std::size_t leases_returned = 0;
  std::size_t claims = 0;          ///< Of tills and the web, credited.
  std::size_t refused_claims = 0;  ///< Of those that a till was told 202.
  Millis virtual_time{};

  Figures& operator+=(const Figures& more);
};

struct Outcome {
  std::uint64_t hash = 0;  ///< The same for the same scenario.
  std::vector<Violation> violations;
  std::vector<std::string> lines;
  Figures figures;
};

/// Runs a scenario to its end: the faults, an hour without them, then every book held against every other.
Outcome run(const Scenario& scenario, bool keep_lines = false);

/// The whole chain of stores, hub and PDI on one thread and in virtual time.
class Chain {
 public:
  Chain(const Scenario& scenario, bool keep_lines);
  ~Chain();
  Outcome run();

 private:
  /// How often somebody looks whether a store is in trouble with the hub.
  static constexpr minutes look_every{1};

  void plan_troubles();
  void plan_windows(std::size_t count, Timeline::Duration longest, std::function<void()> begin,
                    std::function<void()> end);
  void plan_clock_jumps();
  void plan_restores();
  void plan_clones();
  void start_clone(Store& clone, Store& original);
  void stop_clones();
  void jump(std::size_t process);
  void stop_troubles();
  void boot(Store& store);
  void boot_hub();
  void reap();

  bool step();
  void stir_all();
  bool advance();
  bool run_until(const std::function<bool()>& done, Timeline::Duration latest);
  bool is_settled();
  void settle(std::string_view what);
  void let_people_decide();
  void look_after_stores();
  void look_after(Store& store);
  static Task<void> adopt(StoreLife& life, std::uint64_t epoch);
  bool is_original_at_rest(Store& store) const;
  template <class Decide>
  void decide_all(Decide decide);
  std::vector<SessionId> reviews(Store& store);

  void check_store_against_tills(Store& store);
  void check_acks();
  template <class Visit>
  void each_time(Visit visit) {
    for (const auto& store : stores_) visit(store->time);
    visit(hub_.time);
    visit(tills_.time());
    visit(provider_.time());
  }

  const Scenario scenario_;
  Timeline time_;
  Trace trace_;
  SeededRng rng_;
  SeededRng operator_rng_;
  Provider provider_;
  HubLine line_;
  Hub hub_;
  std::vector<std::unique_ptr<Store>> stores_;  ///< Then their clones.
  Tills tills_;
  HubProgramme programme_;
  bool troubled_ = true;
  /// In which processes something may be ready.
  struct Stirred {
    std::vector<bool> stores;
    bool hub = false;
    bool tills = false;
  } stirred_ = {};
  Figures figures_;
};

}  // namespace perkline::simulation
