#include "hub/ledger/findings.hpp"

namespace perkline::hub::ledger {
namespace {

struct Rule {
  std::string_view sql;  ///< Gives the transfers that break it.
  std::string_view says;
};

constexpr Rule rules[] = {
    {"SELECT c.seq FROM transfer c LEFT JOIN transfer h ON h.seq = c.pending_of WHERE c.pending_of IS NOT "
     "NULL"
     " AND c.seq > $1 AND (h.seq IS NULL OR h.state <> 'captured' OR c.state <> 'posted'"
     " OR c.amount > h.amount OR c.debit_account <> h.debit_account OR c.credit_account <> h.credit_account)"
     " ORDER BY c.seq LIMIT $2",
     " captures no hold of its accounts and amount"},
    {"SELECT h.seq FROM transfer h LEFT JOIN transfer c ON c.pending_of = h.seq WHERE h.state = 'captured'"
     " AND h.seq > $1 AND c.seq IS NULL ORDER BY h.seq LIMIT $2",
     " is captured by no transfer"},
    {"SELECT r.seq FROM transfer r LEFT JOIN transfer m ON m.seq = r.reverses WHERE r.reverses IS NOT NULL"
     " AND r.seq > $1 AND (m.seq IS NULL OR m.state <> 'posted' OR r.state <> 'posted'"
     " OR r.amount <> m.amount OR r.debit_account <> m.credit_account OR r.credit_account <> m.debit_account)"
     " ORDER BY r.seq LIMIT $2",
     " is not the opposite of what it reverses"},
    {"SELECT x.seq FROM transfer x LEFT JOIN transfer c ON c.seq = x.lapses WHERE x.lapses IS NOT NULL"
     " AND x.seq > $1 AND (c.seq IS NULL OR c.state <> 'posted' OR x.state <> 'posted'"
     " OR x.amount > c.amount OR x.debit_account <> c.credit_account) ORDER BY x.seq LIMIT $2",
     " lapses no credit of its account and amount"},
};

}  // namespace

Result<void> verify_links(db::Transaction& transaction, Findings& findings) {
  for (const Rule& rule : rules) {
    auto done = for_each_row(transaction, rule.sql, [&](const db::Row& row) {
      findings.mismatch("transfer " + std::to_string(row.integer(0)) + std::string(rule.says));
    });
    if (!done) return done;
  }
  return {};
}

}  // namespace perkline::hub::ledger
