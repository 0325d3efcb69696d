#include "hub/points/joining.hpp"

#include "hub/points/purchase_rule.hpp"
#include "hub/points/purse.hpp"

namespace perkline::hub::points {
namespace {

/// Of one cause, each a cause of its own.
enum class Part : std::uint64_t { signup = 1, referred, referrer };

Cause part_of(const Cause& cause, Part part) {
  Cause own = cause;
  own.id = derived_id(cause.id, static_cast<std::uint64_t>(part));
  return own;
}

Result<void> give_if_any(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                         const Movement& movement) {
  if (movement.amount == 0) return {};
  const auto given = give(transaction, terms, cause, movement);
  if (!given) return std::unexpected(given.error());
  return {};
}

/// A user registers once, so its own id names the pair.
Result<void> reward_referral(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                             const UserId& user, const UserId& referrer) {
  const auto side = [&](const UserId& whose, const UserId& other, const std::string& prefix) {
    return Movement{.user = whose,
                    .amount = terms.referral,
                    .other = programme_account("referral"),
                    .external_id = prefix + user.str(),
                    .code = "referral",
                    .meta = R"({"userId":")" + other.str() + "\"}"};
  };
  auto given =
      give_if_any(transaction, terms, part_of(cause, Part::referred), side(user, referrer, "referred:"));
  if (!given) return given;
  return give_if_any(transaction, terms, part_of(cause, Part::referrer), side(referrer, user, "referral:"));
}

/// A receipt may have been shown at once.
Result<std::optional<CustomerId>> verified_card_of(db::Transaction& transaction, const UserId& user) {
  auto rows =
      transaction.query("SELECT loyalty_id FROM users WHERE id = $1 AND loyalty_verified = 1", {user.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  return rows->front().optional_text(0).transform([](std::string id) { return CustomerId(std::move(id)); });
}

}  // namespace

Result<void> on_registered(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                           const Registered& registered) {
  auto given = give_if_any(transaction, terms, part_of(cause, Part::signup),
                           {.user = registered.user,
                            .amount = terms.signup,
                            .other = programme_account("signup"),
                            .external_id = "signup:" + registered.user.str(),
                            .code = "signup"});
  if (given && registered.referrer && *registered.referrer != registered.user)
    given = reward_referral(transaction, terms, cause, registered.user, *registered.referrer);
  if (!given) return given;
  const auto card = verified_card_of(transaction, registered.user);
  if (!card) return std::unexpected(card.error());
  if (!*card) return {};
  return on_card_verified(transaction, terms, cause, {registered.user, **card});
}

Result<void> on_card_verified(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                              const CardVerified& verified) {
  // A sale that is being booked holds this row: afterwards either it sees the owner, or this sees the sale.
  auto locked =
      transaction.query("SELECT 1 FROM member WHERE customer_id = $1" + std::string(transaction.for_update()),
                        {verified.card.str()});
  if (!locked) return failure(locked);
  return book_unclaimed(transaction, terms, cause, verified.user, verified.card);
}

}  // namespace perkline::hub::points
