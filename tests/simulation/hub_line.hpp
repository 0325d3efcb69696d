#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>

#include "shared/net/link.hpp"
#include "tests/simulation/fate.hpp"
#include "tests/simulation/scenario.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::simulation {

/// The lines between the stores and the hub. They lose, double, delay and reorder frames, and forget what is
/// on its way when either end dies or reconnects; a partition lets nothing through.
class HubLine {
 public:
  HubLine(const Scenario& scenario, Timeline& time, Trace& trace)
      : time_(time),
        trace_(trace),
        rng_(derived_seed(scenario.seed, "line")),
        lost_(scenario.line_lost),
        doubled_(scenario.line_doubled),
        delay_max_(scenario.line_delay),
        frames_max_factor_(1 + scenario.clones),
        plant_(scenario.plant) {}

  /// One process's ends. `clock` and `fate` must outlive them, and this line both.
  std::unique_ptr<net::HubLink> link_of(StoreId store, net::AsyncClock& clock, Fate& fate);
  std::unique_ptr<net::StoreServer> server(Fate& fate);

  void part(const StoreId& store) { parted_.insert(store); }
  void rejoin(const StoreId& store) { parted_.erase(store); }
  /// Nothing goes wrong any more.
  void behave() {
    lost_ = doubled_ = 0;
    parted_.clear();
  }

 private:
  class Link;
  class Server;
  struct StoreInbox {
    std::deque<std::string> frames;
    net::Signal arrived;
  };
  struct HubInbox {
    std::deque<net::StoreServer::Incoming> frames;
    net::Signal arrived;
  };

  void to_hub(const StoreId& store, std::string frame, std::weak_ptr<StoreInbox> from);
  void to_store(const StoreId& store, std::string frame);
  /// How late each copy of a frame arrives.
  std::vector<Millis> arrivals();

  Timeline& time_;
  Trace& trace_;
  SeededRng rng_;
  double lost_;
  double doubled_;
  Millis delay_max_;
  std::size_t frames_max_factor_;  ///< Processes that speak under one name.
  Plant plant_;
  std::set<StoreId> parted_;
  std::weak_ptr<HubInbox> hub_;  ///< Nothing while the hub is down.
  /// Where each store was last heard, or has last connected: there its answers go, which may be a clone.
  std::map<StoreId, std::weak_ptr<StoreInbox>> stores_;
  std::map<StoreId, std::size_t> on_their_way_;
};

}  // namespace perkline::simulation
