#include "hub/ledger/owner.hpp"

namespace perkline::hub::ledger {

Result<void> rename_member(db::Transaction& transaction, const CustomerId& from, const CustomerId& to) {
  auto renamed =
      transaction.execute("UPDATE account SET owner_id = $2 WHERE owner_kind = 'member' AND owner_id = $1",
                          {from.str(), to.str()});
  if (!renamed) return failure(renamed);
  return {};
}

Result<void> write_entries_of(db::Transaction& transaction, const std::vector<Owner>& owners,
                              json::Writer& out) {
  out.begin_array();
  for (const Owner& owner : owners) {
    auto rows = transaction.query(
        "SELECT entry.id, account.unit, account.code, entry.delta, entry.balance_after, transfer.code,"
        " transfer.external_id, transfer.created_at, transfer.meta FROM account"
        " JOIN entry ON entry.account_id = account.id JOIN transfer ON transfer.seq = entry.transfer_seq"
        " WHERE account.owner_kind = $1 AND account.owner_id = $2 ORDER BY entry.id",
        {owner.kind, owner.id});
    if (!rows) return failure(rows);
    for (const db::Row& row : *rows) {
      out.begin_object().field("id", row.integer(0)).field("unit", row.text(1)).field("account", row.text(2));
      out.field("delta", row.integer(3)).key("balanceAfter");
      row.is_null(4) ? out.null() : out.value(row.integer(4));
      out.field("reason", row.text(5)).field("externalId", row.text(6));
      out.field("createdAt", format_time(WallTime{Millis{row.integer(7)}})).key("meta").raw(row.text(8));
      out.end_object();
    }
  }
  out.end_array();
  return {};
}

}  // namespace perkline::hub::ledger
