#include "hub/ledger/ledger.hpp"

#include "hub/ledger/history.hpp"
#include "hub/ledger/posting.hpp"
#include "shared/core/assert.hpp"

namespace perkline::hub::ledger {

Result<void> post_all(db::Transaction& transaction, std::span<const Transfer> transfers) {
  auto book = AccountBook::load(transaction, transfers);
  if (!book) return failure(book);
  auto posted = post_over(transaction, transfers, *book);
  if (!posted) return failure(posted);
  return {};
}

Result<void> post(db::Transaction& transaction, const Transfer& transfer) {
  return post_all(transaction, std::span(&transfer, 1));
}

Result<bool> post_once(db::Transaction& transaction, const Transfer& transfer) {
  auto book = AccountBook::load(transaction, {&transfer, 1});
  if (!book) return failure(book);
  const auto fresh = post_over(transaction, {&transfer, 1}, *book);
  if (!fresh) return std::unexpected(fresh.error());
  return *fresh == 1;
}

Result<Standing> post_for(db::Transaction& transaction, const Transfer& transfer, const Account& of) {
  auto book = AccountBook::load(transaction, {&transfer, 1});
  if (!book) return failure(book);
  auto posted = post_over(transaction, {&transfer, 1}, *book);
  if (!posted) return failure(posted);
  const AccountBook::Line& line = book->line(of);
  PERKLINE_ASSERT(line.keeps_balance);
  return Standing{.balance = line.balance, .held = line.held};
}

Result<void> reverse(db::Transaction& transaction, const Reversal& reversal) {
  const auto found = find_transfer(transaction, reversal.of);
  if (!found) return std::unexpected(found.error());
  if (!*found) return fail(Errc::not_found, "no such transfer");
  const TransferRecord& mistake = **found;
  if (mistake.state != "posted") return fail(Errc::session_state, "the transfer is not posted");
  if (mistake.is_reversal) return fail(Errc::session_state, "a reversal is not reversed");
  const Transfer opposite{.id = reversal.id,
                          .external_id = "reversal:" + reversal.of,
                          .debit = mistake.credit,
                          .credit = mistake.debit,
                          .amount = mistake.amount,
                          .code = "reversal",
                          .created_at = reversal.created_at,
                          .meta = reversal.meta,
                          .expires_at = reversal.expires_at};
  auto book = AccountBook::load(transaction, {&opposite, 1});
  if (!book) return failure(book);
  auto posted = post_over(transaction, {&opposite, 1}, *book, {.reverses = mistake.sequence});
  if (!posted) return failure(posted);
  return {};
}

}  // namespace perkline::hub::ledger
