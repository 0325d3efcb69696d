#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
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
  /// When the last one that succeeded began; nullopt: never, as far as the journal knows.
  using OnSuccess = std::function<void(std::optional<WallTime> began)>;
  /// Both must outlive it. `on_success` is told at once, and after each.
  Backups(net::Reactor& reactor, journal::JournalRocks& journal, StoreId store, OnSuccess on_success);
  /// Breaks off what is being made.
  ~Backups();

  /// A verified backup to `folder`, rendered; that it succeeded is durable, where there is room for that.
  /// Errors: session_state (one is being made), journal::back_up's.
  Task<Result<std::string>> make(std::filesystem::path folder);

 private:
  struct Work;
  net::Reactor& reactor_;
  journal::JournalRocks& journal_;
  StoreId store_;
  OnSuccess on_success_;
  std::jthread worker_;
  bool working_ = false;
};

}  // namespace perkline::edge
