#pragma once

#include <array>
#include <string_view>

#include "hub/db/database.hpp"
#include "shared/core/stamp.hpp"
#include "shared/sync/event.hpp"

/// What the parts of apply() share.
namespace perkline::hub::ingest {

/// The ids an event's effects need, made before the transaction, which may run more than once.
using EffectIds = std::array<Uuid, 2>;

/// A payload as a store told it. Refers to what its maker holds.
template <class Payload>
struct Told {
  const sync::Event* event;
  const Payload* payload;
  const EffectIds* ids;
  std::string_view bytes;  ///< The event as journalled.
};
using ToldSale = Told<sync::SaleFinalized>;
using ToldPending = Told<sync::SalePending>;
using ToldRejected = Told<sync::SaleRejected>;
using ToldReturn = Told<sync::SaleReturned>;

}  // namespace perkline::hub::ingest
