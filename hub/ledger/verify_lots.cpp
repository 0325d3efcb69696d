#include <algorithm>
#include <deque>

#include "hub/ledger/findings.hpp"

namespace perkline::hub::ledger {
namespace {

/// Rows in the order of two columns, the first two of each, read a page at a time.
class Stream {
 public:
  Stream(db::Transaction& transaction, std::string_view sql) : transaction_(transaction), sql_(sql) {}

  /// nullptr: there are no more. Valid until the next call of advance(). Errors: the database's.
  Result<const db::Row*> front() {
    if (next_ == rows_.size() && !at_end_) {
      const std::int64_t first = rows_.empty() ? -1 : rows_.back().integer(0);
      const std::int64_t second = rows_.empty() ? -1 : rows_.back().integer(1);
      auto rows = transaction_.query(sql_, {first, second, verify_page_rows});
      if (!rows) return failure(rows);
      at_end_ = rows->size() < static_cast<std::size_t>(verify_page_rows);
      rows_ = std::move(*rows);
      next_ = 0;
    }
    return next_ == rows_.size() ? nullptr : &rows_[next_];
  }
  void advance() { ++next_; }

 private:
  db::Transaction& transaction_;
  std::string_view sql_;
  db::Rows rows_;
  std::size_t next_ = 0;
  bool at_end_ = false;
};

struct Lot {
  std::int64_t credit = 0;
  std::int64_t remaining = 0;
  bool operator==(const Lot&) const = default;
};

/// An account's lots as its entries give them.
class Replay {
 public:
  void credit(std::int64_t sequence, std::int64_t amount) { lots_.push_back({sequence, amount}); }

  void spend(std::int64_t amount) {
    while (amount > 0 && !lots_.empty()) {
      const std::int64_t taken = std::min(amount, lots_.front().remaining);
      amount -= taken;
      lots_.front().remaining -= taken;
      if (lots_.front().remaining == 0) lots_.pop_front();
    }
    sound_ = sound_ && amount == 0;
  }

  void lapse(std::int64_t sequence, std::int64_t amount) {
    const auto lot = std::ranges::find(lots_, Lot{sequence, amount});
    sound_ = sound_ && lot != lots_.end();
    if (lot != lots_.end()) lots_.erase(lot);
  }

  /// The oldest, which must be this one; it is done with.
  void match(const Lot& stored) {
    sound_ = sound_ && !lots_.empty() && lots_.front() == stored;
    if (!lots_.empty()) lots_.pop_front();
  }
  bool came_out() const { return sound_ && lots_.empty(); }

 private:
  std::deque<Lot> lots_;
  bool sound_ = true;
};

class LotVerifier {
 public:
  LotVerifier(db::Transaction& transaction, Findings& findings)
      : findings_(findings), entries_(transaction, entries_sql), lots_(transaction, lots_sql) {}

  /// Account by account, whichever of the two streams names it first.
  Result<void> run() {
    while (true) {
      const auto entry = entries_.front();
      if (!entry) return std::unexpected(entry.error());
      const auto lot = lots_.front();
      if (!lot) return std::unexpected(lot.error());
      if (*entry == nullptr && *lot == nullptr) return {};
      std::int64_t account = *entry != nullptr ? (*entry)->integer(0) : (*lot)->integer(0);
      if (*lot != nullptr) account = std::min(account, (*lot)->integer(0));
      if (auto done = check(account); !done) return done;
    }
  }

 private:
  static constexpr std::string_view entries_sql =
      "SELECT e.account_id, e.id, e.delta, e.transfer_seq, t.lapses FROM account a"
      " JOIN entry e ON e.account_id = a.id LEFT JOIN transfer t ON t.seq = e.transfer_seq"
      " WHERE a.keeps_lots = 1 AND (e.account_id, e.id) > ($1, $2) ORDER BY e.account_id, e.id LIMIT $3";
  static constexpr std::string_view lots_sql =
      "SELECT account_id, transfer_seq, remaining FROM lot WHERE (account_id, transfer_seq) > ($1, $2)"
      " ORDER BY account_id, transfer_seq LIMIT $3";

  /// Calls `take` with the rows of `account` that are next in `stream`.
  template <class Take>
  static Result<void> for_account(Stream& stream, std::int64_t account, Take&& take) {
    while (true) {
      const auto row = stream.front();
      if (!row) return std::unexpected(row.error());
      if (*row == nullptr || (*row)->integer(0) != account) return {};
      take(**row);
      stream.advance();
    }
  }

  Result<void> check(std::int64_t account) {
    Replay replay;
    auto walked = for_account(entries_, account, [&](const db::Row& entry) {
      const std::int64_t delta = entry.integer(2);
      if (delta > 0) {
        replay.credit(entry.integer(3), delta);
      } else if (entry.is_null(4)) {
        replay.spend(-delta);
      } else {
        replay.lapse(entry.integer(4), -delta);
      }
    });
    if (!walked) return walked;
    auto matched = for_account(lots_, account,
                               [&](const db::Row& lot) { replay.match({lot.integer(1), lot.integer(2)}); });
    if (!matched) return matched;
    if (!replay.came_out())
      findings_.mismatch("account " + std::to_string(account) + " has other lots than its entries give");
    return {};
  }

  Findings& findings_;
  Stream entries_;
  Stream lots_;
};

}  // namespace

Result<void> verify_lots(db::Transaction& transaction, Findings& findings) {
  return LotVerifier(transaction, findings).run();
}

}  // namespace perkline::hub::ledger
