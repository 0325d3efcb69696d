#pragma once

#include <memory>

#include "edge/config.hpp"
#include "edge/journal/journal_rocks.hpp"
#include "edge/journal/outbox.hpp"
#include "edge/session/session_store.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::edge {

/// The data of a daemon that does not run, opened for as long as this lives. `reactor` is to be run for what
/// commits; reading needs no run.
struct ClosedShop {
  EdgeConfig config;
  StoreId store_id;
  net::Reactor reactor;
  std::unique_ptr<journal::JournalRocks> journal;
  std::unique_ptr<journal::Outbox> outbox;
  std::unique_ptr<session::SessionStore> store;
};

/// Root becomes the folder's owner, for good: RocksDB writes even when it is only read, and what root would
/// write the daemon could not open again. Errors: io_failed.
Result<void> become_owner_of(const std::string& folder);

/// Acts as the data's owner from then on. Errors: io_failed (no data, or a daemon holds it), what the journal
/// and the outbox give.
Result<std::unique_ptr<ClosedShop>> open_data(const EdgeConfig& config);

}  // namespace perkline::edge
