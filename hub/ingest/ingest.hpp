#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/ids.hpp"
#include "shared/sync/cursor.hpp"

namespace perkline::hub::ingest {

/// What became of a frame, for metrics.
struct IngestObserver {
  std::function<void(std::string_view verdict)> on_frame =
      {};                                                    ///< applied, repeated, nack, fork, malformed …
  std::function<void(std::string_view type)> on_event = {};  ///< Applied; dead letters as `dead_letter`.
};

/// Takes a store's frames in, exactly once: a batch's events and the store's cursor move in one transaction,
/// whoever answers and however often a batch comes (sync.md, "Up"). A flow over the database alone; reactor's
/// thread.
class Ingest {
 public:
  /// All must outlive this.
  Ingest(db::Database& database, const Clock& clock, Rng& rng, IngestObserver observer = {});

  /// The answer to `frame`, sent by `store` (as its key tells); nullopt: none. A frame that is malformed or
  /// claims another store is dropped; while the database cannot be had nothing is answered, and the store
  /// sends again.
  Task<std::optional<std::string>> handle(StoreId store, std::string frame);

 private:
  Task<std::optional<sync::Frame>> on(StoreId store, sync::Hello hello);
  Task<std::optional<sync::Frame>> on(StoreId store, sync::Batch batch);
  Task<std::optional<sync::Frame>> on(StoreId store, sync::Status status);
  void count(std::string_view verdict) const;

  db::Database& database_;
  const Clock& clock_;
  UuidMaker uuids_;
  IngestObserver observer_;
};

}  // namespace perkline::hub::ingest
