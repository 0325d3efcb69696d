#pragma once

#include <deque>
#include <string>
#include <unordered_map>

#include "hub/ingest/ingest.hpp"
#include "shared/net/link.hpp"

namespace perkline::hub::ingest {

/// Hands every store's frames to Ingest and its answers back: one store's in order, different stores' side by
/// side, so that their batches share a commit. What is asked while a till waits goes beside the store's other
/// frames, so that no batch delays it. A store that sends more than its credit allows has the rest dropped
/// and counted; it sends again.
class Server {
 public:
  /// Both must outlive this, and this whatever still runs of run().
  Server(net::StoreServer& link, Ingest& ingest) : link_(link), ingest_(ingest) {}
  /// Until the link stops.
  Task<void> run();

 private:
  Task<void> serve(StoreId store);
  Task<void> answer(net::StoreServer::Incoming asked);

  net::StoreServer& link_;
  Ingest& ingest_;
  /// The frames of a store that wait behind the one being handled. A store is here exactly while it is
  /// served.
  std::unordered_map<StoreId, std::deque<net::StoreServer::Incoming>> waiting_;
  std::unordered_map<StoreId, std::size_t> asked_;  ///< Questions that are being answered.
};

}  // namespace perkline::hub::ingest
