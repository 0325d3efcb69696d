#pragma once

#include <map>
#include <set>
#include <string>

#include "edge/journal/journal.hpp"
#include "tests/simulation/fate.hpp"
#include "tests/simulation/scenario.hpp"

namespace perkline::simulation {

/// What a store lets its members redeem while PDI is away, as its own journal has it.
class OfflineRedemptions {
 public:
  /// `record`: a session as it was committed.
  void note(const std::string& record);
  struct Day {
    std::string member;  ///< Empty: the whole store.
    std::int64_t day = 0;
    auto operator<=>(const Day&) const = default;
  };
  const std::map<Day, std::int64_t>& days() const { return days_; }

 private:
  std::set<std::string> told_of_;
  std::map<Day, std::int64_t> days_;
};

/// The journal of a store that may die before and after each commit.
class WatchedJournal final : public edge::journal::Journal {
 public:
  WatchedJournal(edge::journal::Journal& journal, Fate& fate, OfflineRedemptions& redemptions, Plant plant)
      : journal_(journal), fate_(fate), redemptions_(redemptions), plant_(plant) {}

  Task<void> commit(edge::journal::Batch batch) override;
  Result<std::optional<std::string>> get(edge::journal::Family family, std::string_view key) const override {
    return journal_.get(family, key);
  }
  Result<std::optional<edge::journal::Entry>> last(edge::journal::Family family,
                                                   std::string_view before) const override {
    return journal_.last(family, before);
  }
  Result<void> scan(
      edge::journal::Family family, std::string_view from,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const override {
    return journal_.scan(family, from, visit);
  }

 private:
  edge::journal::Journal& journal_;
  Fate& fate_;
  OfflineRedemptions& redemptions_;
  Plant plant_;
};

}  // namespace perkline::simulation
