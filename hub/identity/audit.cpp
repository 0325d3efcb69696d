#include "hub/identity/audit.hpp"

namespace perkline::hub::identity {

Result<void> append_audit(db::Transaction& transaction, const AuditEntry& entry) {
  auto appended = transaction.execute(
      "INSERT INTO audit (id, at, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6)",
      {entry.id.str(), entry.at.time_since_epoch().count(), entry.actor, entry.action, entry.subject,
       entry.detail});
  if (!appended) return failure(appended);
  return {};
}

}  // namespace perkline::hub::identity
