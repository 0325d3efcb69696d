#pragma once

#include <optional>
#include <string>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/rules/chain_rules.hpp"

/// The chain's rules, as staff change them. Inside a caller's transaction.
namespace perkline::hub::rules {

using perkline::rules::ChainRules;

/// As stores get them and staff see them: JSON, one spelling for one content.
std::string text_of(const ChainRules& rules);

struct InForce {
  std::string version;
  std::string text;
  /// Since when, and who put them in force, as the audit names them; nullopt: nobody did, and stores go by
  /// their own files.
  struct Setting {
    WallTime at = {};
    std::string by = {};
  };
  std::optional<Setting> setting = {};
};
/// Errors: the database's.
Result<InForce> in_force(db::Transaction& transaction);
/// Likewise, to be priced with. Errors: corrupt, the database's.
Result<ChainRules> read_in_force(db::Transaction& transaction);

struct Order {
  WallTime at = {};
  std::string by;
  Uuid audit_id;
};
/// Puts them in force, from the tills' next sales on. Those that are in force change nothing. Errors:
/// version_conflict (that version is another content's), the database's.
Result<InForce> put_in_force(db::Transaction& transaction, const ChainRules& rules, const Order& order);

}  // namespace perkline::hub::rules
