#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "shared/core/random.hpp"
#include "shared/net/link.hpp"
#include "shared/net/signal.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::test {

/// How a simulated line treats each frame, drawn anew in both directions.
struct LineFaults {
  double lost = 0;
  double doubled = 0;
  Millis delay_max{0};  ///< Uniform below it, so that frames overtake one another.
};

/// The hub at the other end: what it answers to a frame; nullopt: nothing.
using HubAnswer = std::function<Task<std::optional<std::string>>(std::string frame)>;

/// A store's line to a hub in another simulated process. Frames on their way outlive neither their sender's
/// link nor the hub's world.
class SimLink final : public net::HubLink {
 public:
  /// `store`: where receive() is awaited. `hub`: where frames arrive and are answered. All must outlive the
  /// link.
  SimLink(SimWorld& store, SimWorld& hub, Rng& rng, LineFaults faults, HubAnswer answer);

  Result<void> send(std::string frame) override;
  Task<Result<std::string>> receive(MonoTime deadline) override;
  void reconnect() override;
  net::LinkState state() const override { return net::LinkState::connected; }
  /// A frame reaches the store now that its hub has not sent: late, or forged.
  void deliver(std::string frame);

 private:
  struct Inbox {
    std::deque<std::string> frames;
    net::Signal arrived;
  };
  /// The hub's side, which must not touch a link that is gone.
  struct Hub {
    SimWorld& world;
    Rng& rng;
    LineFaults faults;
    HubAnswer answer;
    std::weak_ptr<Inbox> inbox;
  };
  static Task<void> carry(std::shared_ptr<Hub> hub, std::string frame, Millis there);
  static Task<void> carry_back(std::shared_ptr<Hub> hub, std::string frame, Millis back);

  SimWorld& store_;
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::shared_ptr<Hub> hub_;
};

}  // namespace perkline::test
