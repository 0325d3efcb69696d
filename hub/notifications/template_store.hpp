#pragma once

#include <map>
#include <optional>
#include <string>

#include "hub/db/database.hpp"
#include "hub/notifications/words.hpp"
#include "shared/core/ids.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::notifications {

/// A kind's words as they stand.
struct Template {
  const Kind* kind = nullptr;
  Words words;
  /// Set where they are staff's own.
  struct Change {
    WallTime at;
    std::string by;
  };
  std::optional<Change> changed;
};

/// Errors: not_found (no such template), the database's.
Result<Template> find_template(db::Transaction& transaction, const std::string& name);

/// Who changes a template, and the id of the row that it leaves in the audit.
struct TemplateChange {
  std::string actor;
  Uuid audit;
  WallTime at;
};
/// Puts staff's words in the place of what is there; nullopt: the built-in ones again. Leaves a row in the
/// audit. `words` have no faults. Errors: not_found, the database's.
Result<Template> put_template(db::Transaction& transaction, const std::string& name,
                              const std::optional<Words>& words, const TemplateChange& change);

/// What staff gave, by name. Errors: the database's.
Result<std::map<std::string, Words, std::less<>>> changed_templates(db::Transaction& transaction);

/// `{name, type, event, names, builtIn, inApp, email, updatedAt, updatedBy}`
void write_template(json::Writer& out, const Template& shown);

}  // namespace perkline::hub::notifications
