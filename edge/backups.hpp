#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "edge/journal/journal_rocks.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/reactor.hpp"
#include "shared/net/signal.hpp"

namespace perkline::edge {

/// `{folder, number, store, madeAt, tail, bytes, removed}`
std::string render(const std::filesystem::path& folder, const journal::BackedUp& made);

/// Backups of a running daemon, one at a time, on a thread of their own: tills do not wait for them.
/// Reactor's thread.
class Backups {
 public:
  /// Both must outlive it.
  Backups(net::Reactor& reactor, const journal::JournalRocks& journal, StoreId store);
  /// Breaks off what is being made.
  ~Backups();

  /// A backup to `folder`, rendered. Errors: session_state (one is being made), journal::back_up's.
  Task<Result<std::string>> make(std::filesystem::path folder);

 private:
  struct Work;
  net::Reactor& reactor_;
  const journal::JournalRocks& journal_;
  StoreId store_;
  std::jthread worker_;
  bool working_ = false;
};

}  // namespace perkline::edge
