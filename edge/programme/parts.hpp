#pragma once

#include <functional>
#include <optional>

#include "edge/journal/lease_holder.hpp"
#include "edge/journal/outbox.hpp"
#include "edge/programme/hub_desk.hpp"
#include "edge/programme/offer.hpp"
#include "edge/session/flows.hpp"

namespace perkline::edge::programme {

/// What the wheel and the promotions at a till stand on. What is referred to outlives every flow.
struct Parts {
  session::Ports ports;
  session::Flows& flows;
  session::SessionWriter& writer;
  journal::Journal& journal;
  journal::Outbox& outbox;
  StoreId store;
};

/// What changes while the daemon runs.
struct State {
  Offer offer = {};
  bool has_catalogue = false;  ///< One has come from the hub, whatever is in it.
  /// nullopt: the journal holds no lease, and draws with no seed.
  std::optional<journal::LeaseHolder> holder = std::nullopt;
  /// Until then a clock that is behind may still be put right, before that is settled without it.
  MonoTime clock_awaited_until = {};
  /// The journal's latest restore: of other sales than those that began after it the journal may have lost
  /// that they had their spin; nullopt: nothing was ever lost.
  std::optional<WallTime> restored_at = std::nullopt;
};

/// Who watches; what is empty is not told.
struct Watch {
  /// `result`: won, or nothing (a prize of type none); `reserve`: none (nothing to ask), kept, late, away.
  std::function<void(std::string_view result, std::string_view reserve)> on_spin = {};
  /// `result`: claimed, pending, refused.
  std::function<void(std::string_view result)> on_claim = {};
  /// How many units of leases may still be given away here.
  std::function<void(std::int64_t left)> on_units = {};
  /// How many days there is a seed for to draw with.
  std::function<void(std::int64_t left)> on_seeds = {};
};

/// The lock of what draws take: leases' units and nonces.
inline constexpr std::string_view wheel_key = "wheel";
/// The lock of who changes claims that lie in the journal.
inline constexpr std::string_view claims_key = "claims";

}  // namespace perkline::edge::programme
