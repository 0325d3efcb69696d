#include "hub/identity/loyalty_link.hpp"

#include "hub/identity/audit.hpp"

namespace perkline::hub::identity {
namespace {

constexpr days receipt_age_max{30};

Result<bool> is_seen(db::Transaction& transaction, const CustomerId& card) {
  auto rows = transaction.query("SELECT 1 FROM member WHERE customer_id = $1", {card.str()});
  if (!rows) return failure(rows);
  return !rows->empty();
}

/// PDI's receipt, or the one the till printed before PDI had booked the sale.
Result<bool> is_of_its_sales(db::Transaction& transaction, const CustomerId& card, const ReceiptId& receipt,
                             WallTime since) {
  auto rows = transaction.query(
      "SELECT 1 FROM sale WHERE customer_id = $1 AND (receipt_id = $2 OR provisional_receipt = $2)"
      " AND COALESCE(finalized_at, pending_at) >= $3 LIMIT 1",
      {card.str(), receipt.str(), since.time_since_epoch().count()});
  if (!rows) return failure(rows);
  return !rows->empty();
}

struct Holder {
  UserId user;
  bool verified = false;
};

Result<std::optional<Holder>> holder_of(db::Transaction& transaction, const CustomerId& card) {
  auto rows = transaction.query("SELECT id, loyalty_verified FROM users WHERE loyalty_id = $1", {card.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  return Holder{.user = UserId(rows->front().text(0)), .verified = rows->front().integer(1) != 0};
}

}  // namespace

Result<LinkVerdict> judge_link(db::Transaction& transaction, const CustomerId& card,
                               const std::optional<ReceiptId>& receipt, const std::optional<UserId>& self,
                               WallTime now) {
  const auto seen = is_seen(transaction, card);
  if (!seen) return std::unexpected(seen.error());
  auto holder = holder_of(transaction, card);
  if (!holder) return failure(holder);
  const bool is_own = *holder && self && (*holder)->user == *self;
  if (is_own && (*holder)->verified) return LinkVerdict{.verified = true, .displaced = std::nullopt};

  bool proven = false;
  if (*seen) {
    // Before whose it is: without a receipt nobody learns that.
    const auto shown =
        receipt ? is_of_its_sales(transaction, card, *receipt, now - receipt_age_max) : Result<bool>(false);
    if (!shown) return std::unexpected(shown.error());
    proven = *shown;
    if (!proven) {
      return fail(Errc::receipt_required,
                  "this loyalty id was used at a till: the receipt of one of its last 30 days is needed");
    }
  }
  if (!*holder || is_own) return LinkVerdict{.verified = proven, .displaced = std::nullopt};
  if (!proven || (*holder)->verified)
    return fail(Errc::already_registered, "this loyalty id is another user's");
  return LinkVerdict{.verified = true, .displaced = (*holder)->user};
}

Result<void> displace(db::Transaction& transaction, const Displacement& displaced) {
  auto updated = transaction.execute(
      "UPDATE users SET loyalty_id = NULL WHERE id = $1 AND loyalty_id = $2 AND loyalty_verified = 0",
      {displaced.user.str(), displaced.card.str()});
  if (!updated) return failure(updated);
  if (*updated == 0) return {};
  return append_audit(transaction, {.id = displaced.audit_id,
                                    .at = displaced.at,
                                    .actor = displaced.by,
                                    .action = "user.card_lost",
                                    .subject = "user:" + displaced.user.str()});
}

}  // namespace perkline::hub::identity
