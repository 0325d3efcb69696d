#include <algorithm>
#include <map>
#include <unordered_map>

#include "hub/ledger/findings.hpp"

namespace perkline::hub::ledger {
namespace {

/// An account as stored, and what its entries say so far.
struct Checked {
  std::string unit;
  bool keeps_balance = true;
  bool may_be_negative = false;
  std::int64_t stored = 0;
  std::int64_t held = 0;
  __int128 sum = 0;
  __int128 pending = 0;  ///< What its pending transfers would take.
  std::int64_t newest_at = 0;
};

class Verifier {
 public:
  explicit Verifier(db::Transaction& transaction) : transaction_(transaction) {}

  Result<Verification> run() {
    if (auto done = read_accounts(); !done) return failure(done);
    if (auto done = walk_entries(); !done) return failure(done);
    if (auto done = count_transfers(); !done) return failure(done);
    if (auto done = walk_pending(); !done) return failure(done);
    if (auto done = verify_links(transaction_, findings_); !done) return failure(done);
    if (auto done = verify_lots(transaction_, findings_); !done) return failure(done);
    check_balances();
    return std::move(found_);
  }

 private:
  void mismatch(std::string what) { findings_.mismatch(std::move(what)); }

  Result<void> read_accounts() {
    return for_each_row(
        transaction_,
        "SELECT id, unit, keeps_balance, may_be_negative, balance, held FROM account WHERE id > $1"
        " ORDER BY id LIMIT $2",
        [&](const db::Row& row) {
          ++found_.accounts;
          accounts_.emplace(row.integer(0), Checked{.unit = row.text(1),
                                                    .keeps_balance = row.integer(2) != 0,
                                                    .may_be_negative = row.integer(3) != 0,
                                                    .stored = row.integer(4),
                                                    .held = row.integer(5)});
        });
  }

  /// Checkpoints come along with the entries they go through.
  Result<void> walk_entries() {
    auto done = for_each_row(
        transaction_,
        "SELECT e.id, e.account_id, e.delta, e.balance_after, e.transfer_seq, t.amount, t.debit_account,"
        " t.credit_account, t.unit, t.created_at, c.account_id, c.balance, c.newest_at FROM entry e"
        " LEFT JOIN transfer t ON t.seq = e.transfer_seq AND t.state = 'posted'"
        " LEFT JOIN ledger_checkpoint c ON c.through_entry = e.id WHERE e.id > $1 ORDER BY e.id LIMIT $2",
        [&](const db::Row& row) { check_entry(row); });
    if (!done) return done;
    return for_each_row(transaction_,
                        "SELECT c.through_entry FROM ledger_checkpoint c LEFT JOIN entry e"
                        " ON e.id = c.through_entry WHERE c.through_entry > $1 AND e.id IS NULL"
                        " ORDER BY c.through_entry LIMIT $2",
                        [&](const db::Row& row) {
                          mismatch("checkpoint " + std::to_string(row.integer(0)) + " goes through no entry");
                        });
  }

  void check_entry(const db::Row& row) {
    ++found_.entries;
    const std::string name = "entry " + std::to_string(row.integer(0));
    const auto account = accounts_.find(row.integer(1));
    if (account == accounts_.end()) return mismatch(name + " is of an account that is not there");
    Checked& checked = account->second;
    checked.sum += row.integer(2);
    if (!row.is_null(9)) checked.newest_at = std::max(checked.newest_at, row.integer(9));
    if (!row.is_null(10)) check_checkpoint(row, checked);
    if (checked.keeps_balance ? row.is_null(3) || row.integer(3) != checked.sum : !row.is_null(3)) {
      mismatch(name + " has another balance than the entries before it give");
    }
    if (row.is_null(5)) return mismatch(name + " is of no posted transfer");
    const bool is_debit = row.integer(0) % 2 == 0;
    const std::int64_t amount = row.integer(5);
    if (row.integer(0) != 2 * row.integer(4) + (is_debit ? 0 : 1) ||
        row.integer(1) != row.integer(is_debit ? 6 : 7) || row.integer(2) != (is_debit ? -amount : amount) ||
        row.text(8) != checked.unit) {
      mismatch(name + " is not what its transfer says");
    }
  }

  void check_checkpoint(const db::Row& row, const Checked& checked) {
    if (checked.keeps_balance || row.integer(10) != row.integer(1) || row.integer(11) != checked.sum ||
        row.integer(12) != checked.newest_at) {
      mismatch("checkpoint " + std::to_string(row.integer(0)) + " is not what the entries before it give");
    }
  }

  /// An entry's id is its transfer's and its side, so none is there twice, and their number tells whether one
  /// is missing.
  Result<void> count_transfers() {
    auto rows = transaction_.query("SELECT COUNT(*) FROM transfer WHERE state = 'posted'");
    if (!rows) return failure(rows);
    const std::int64_t posted = rows->front().integer(0);
    if (found_.entries != 2 * posted) {
      mismatch(std::to_string(posted) + " posted transfers have " + std::to_string(found_.entries) +
               " entries");
    }
    return {};
  }

  /// That they have no entries shows in walk_entries.
  Result<void> walk_pending() {
    return for_each_row(transaction_,
                        "SELECT seq, debit_account, credit_account, amount, unit FROM transfer WHERE seq > $1"
                        " AND state = 'pending' ORDER BY seq LIMIT $2",
                        [&](const db::Row& row) {
                          const auto debit = accounts_.find(row.integer(1));
                          const auto credit = accounts_.find(row.integer(2));
                          if (debit == accounts_.end() || credit == accounts_.end() ||
                              debit->second.unit != row.text(4) || credit->second.unit != row.text(4)) {
                            return mismatch("pending transfer " + std::to_string(row.integer(0)) +
                                            " is not between two accounts of its unit");
                          }
                          debit->second.pending += row.integer(3);
                        });
  }

  void check_balances() {
    std::map<std::string, __int128> units;
    for (const auto& [id, account] : accounts_) {
      units[account.unit] += account.sum;
      const std::string name = "account " + std::to_string(id);
      if (account.stored != (account.keeps_balance ? account.sum : 0)) {
        mismatch(name + " has another balance than its entries give");
      }
      if (account.held != (account.keeps_balance ? account.pending : 0)) {
        mismatch(name + " holds another amount than its pending transfers take");
      }
      if (!account.may_be_negative && account.sum < account.held) mismatch(name + " is below what it may be");
    }
    for (const auto& [unit, sum] : units) {
      if (sum != 0) mismatch("debits and credits of " + unit + " differ");
    }
  }

  db::Transaction& transaction_;
  Verification found_;
  Findings findings_{found_.mismatches};
  std::unordered_map<std::int64_t, Checked> accounts_;
};

}  // namespace

Result<Verification> verify(db::Transaction& transaction) {
  return Verifier(transaction).run();
}

}  // namespace perkline::hub::ledger
