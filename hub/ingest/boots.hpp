#pragma once

#include <unordered_map>

#include "shared/core/ids.hpp"

namespace perkline::hub::ingest {

/// Tells a store that was started anew from two processes that speak as one store: a boot id that has been
/// followed by another does not come back while both are heard in turn. Pure.
class Boots {
 public:
  /// Whether `boot` and another take turns.
  bool takes_turns(const StoreId& store, const Uuid& boot) {
    Seen& seen = seen_[store];
    if (boot == seen.latest) return false;
    // One return may be a frame that was late.
    seen.returns = boot == seen.before ? seen.returns + 1 : 0;
    seen.before = seen.latest;
    seen.latest = boot;
    return seen.returns >= returns_of_a_clone;
  }

 private:
  static constexpr unsigned returns_of_a_clone = 2;
  struct Seen {
    Uuid latest = {};
    Uuid before = {};
    unsigned returns = 0;
  };
  std::unordered_map<StoreId, Seen> seen_;
};

}  // namespace perkline::hub::ingest
