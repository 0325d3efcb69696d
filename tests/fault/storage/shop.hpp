#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "edge/journal/high_water.hpp"
#include "edge/journal/journal.hpp"

namespace perkline::test {

/// All that a journal holds.
using Content = std::map<std::pair<edge::journal::Family, std::string>, std::string>;
/// Errors: the journal's own, the first one.
Result<Content> content_of(const edge::journal::JournalReader& journal);

/// A sum over the entries: another one for other content.
std::uint64_t print_of(const Content& content);

/// A store's journal after a busy day that ended with a kill, made by the production flows.
struct Shop {
  std::filesystem::path folder;  ///< `db` and `high_water`.
  Content content;
  edge::journal::HighWater mark;  ///< Some events behind the end, as the kill leaves it.
  /// What it held after each write from the mark on, by print_of.
  std::vector<std::uint64_t> states;
};

/// Sales that are open, priced, voided, finalized and given back; then PDI goes, and they queue; then it
/// takes finalize and answers nothing, and they are in doubt. The hub has acknowledged a part, and some of
/// that was removed. In several logs and tables of the database. `folder` is made.
Shop make_shop(const std::filesystem::path& folder, std::size_t sales);

}  // namespace perkline::test
