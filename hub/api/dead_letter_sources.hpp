#pragma once

#include <span>

#include "hub/api/dead_letters.hpp"

namespace perkline::hub::api {

/// A kind of dead letters: a module's own table behind the calls that all share. The functions are as those
/// of dead_letters.hpp, less the audit; each sees its own ids alone.
struct DeadLetterSource {
  std::string_view name;
  /// Whether an id is of this source, also when there is none of it. Of no two sources'.
  bool (*owns)(std::string_view id);
  Result<std::vector<DeadLetter>> (*open)(db::Transaction&, const std::optional<DeadLetterPlace>& after,
                                          std::int64_t limit);
  Result<DeadLetter> (*find)(db::Transaction&, const std::string& id);
  Result<DeadLetter> (*retry)(db::Transaction&, const std::string& id, const Decision&, const wheel::Terms&);
  Result<DeadLetter> (*discard)(db::Transaction&, const std::string& id, WallTime now);
};

/// All there are.
std::span<const DeadLetterSource> dead_letter_sources();

}  // namespace perkline::hub::api
