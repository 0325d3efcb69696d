#pragma once

#include "hub/ingest/ingest.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/keyed_lock.hpp"
#include "shared/net/link.hpp"

namespace perkline::hub::ingest {

/// Hands every store's frames to Ingest and its answers back: one store's in order, different stores' side by
/// side.
class Server {
 public:
  /// All must outlive this.
  Server(net::StoreServer& link, Ingest& ingest, net::AsyncClock& clock);
  /// Until the link stops.
  Task<void> run();

 private:
  Task<void> answer(StoreId store, std::string frame);

  net::StoreServer& link_;
  Ingest& ingest_;
  net::KeyedLock turns_;
};

}  // namespace perkline::hub::ingest
