#pragma once

#include <string>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/result.hpp"

namespace perkline::hub::identity {

/// Who did what to whom.
struct AuditEntry {
  Uuid id;  ///< UUIDv7.
  WallTime at;
  std::string actor;          ///< `user:<id>`, or `cli:<login name>` for whoever holds the database.
  std::string action;         ///< `admin.created`, `store.added`, …
  std::string subject;        ///< `user:<id>`, `store:<id>`.
  std::string detail = "{}";  ///< A JSON object; never a secret.
};

/// Goes into the transaction of what it tells of, so that neither is there without the other. Errors: the
/// database's.
Result<void> append_audit(db::Transaction& transaction, const AuditEntry& entry);

}  // namespace perkline::hub::identity
