#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "edge/downlink/held_catalogue.hpp"
#include "edge/journal/outbox.hpp"
#include "edge/standin/members.hpp"
#include "shared/net/task.hpp"
#include "shared/ops/standing_faults.hpp"
#include "shared/sync/frame.hpp"

namespace perkline::edge::downlink {

/// Takes in what the hub sends down (sync.md, "Down") and keeps how far: the hub goes by what is told of it.
/// A flow over ports: runs on the reactor and in the simulation alike. One thread.
class Downlink {
 public:
  struct Parts {
    journal::Journal& journal;
    const journal::Outbox& outbox;
    standin::Members& members;
    const Clock& clock;
    StoreId store;
    /// Tells the hub what is held by now.
    std::function<void()> tell = {};
    /// Somebody is to be forgotten.
    std::function<void(const sync::EraseMember&)> on_erase = {};
    std::function<void(const sync::Command&)> on_command = {};
    /// The catalogue is another one.
    std::function<void(const sync::Catalogue&)> on_catalogue = {};
  };
  /// What `parts` refers to must outlive it. Errors: corrupt, newer_format, io_failed.
  static Result<std::unique_ptr<Downlink>> open(Parts parts);

  sync::Held held() const;
  const sync::Catalogue& catalogue() const { return catalogue_->items(); }

  /// A Welcome, or a frame that goes down; any other is ignored. One at a time, in the order in which they
  /// came.
  Task<void> hear(sync::Frame frame);

 private:
  explicit Downlink(Parts parts) : parts_(std::move(parts)) {}
  Result<void> read();
  Task<void> on(sync::Welcome welcome);
  template <class Frame>
  Task<void> on_catalogue(Frame frame);
  Task<void> on(sync::MemberDelta delta);
  Task<Result<void>> take_in(sync::MemberDelta delta);
  void tell() const {
    if (parts_.tell) parts_.tell();
  }

  Parts parts_;
  std::unique_ptr<HeldCatalogue> catalogue_;
  std::optional<sync::Position> members_;
  std::optional<Uuid> hub_;  ///< The incarnation last told.
  ops::StandingFaults faults_;
};

}  // namespace perkline::edge::downlink
