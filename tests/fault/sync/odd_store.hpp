#pragma once

#include <optional>
#include <string>

#include "shared/core/random.hpp"
#include "shared/net/link.hpp"
#include "shared/sync/frame.hpp"
#include "tests/support/running_reactor.hpp"
#include "tests/unit/hub/store_history.hpp"

namespace perkline::test {

/// A store that says to a real hub what no store should: our own end of the line, with whatever it is told
/// to say. One thread.
class OddStore {
 public:
  struct Options {
    std::string hub;  ///< `tcp://host:port`
    std::string hub_public_key;
    StoreId says_it_is;
    net::CurveKeys keys = net::make_curve_keys();
  };
  explicit OddStore(Options options);
  ~OddStore() { link_.reset(); }

  const std::string& public_key() const { return options_.keys.public_key; }
  /// What it has to tell: events of its own history.
  StoreHistory& history() { return history_; }
  net::LinkState state() const { return link_->state(); }
  /// Whether the hub lets it in; asked again for a while, as the hub reads its stores' keys twice a second.
  bool comes_in();

  void say(const std::string& bytes);
  void say(const sync::Frame& frame) { say(sync::encode(frame)); }
  /// The hub's next answer; nullopt: it says nothing for a while.
  std::optional<sync::Frame> hear(Millis at_most = seconds{15});
  /// The hub's answer to it.
  std::optional<sync::Frame> ask(const sync::Frame& frame);
  /// The hub's cursor, as it answers a Hello; nullopt: it does not welcome this store.
  std::optional<std::uint64_t> cursor();

 private:
  Options options_;
  SystemClock clock_;
  SystemRng rng_;
  UuidMaker uuids_{clock_, rng_};
  StoreHistory history_;
  RunningReactor reactor_;
  std::unique_ptr<net::HubLink> link_;
};

}  // namespace perkline::test
