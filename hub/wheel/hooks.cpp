#include "hub/wheel/hooks.hpp"

#include "hub/wheel/one_time.hpp"
#include "hub/wheel/spins.hpp"

namespace perkline::hub::wheel {
namespace {

constexpr std::int64_t page = 1'000;

/// One person's from here on.
Result<void> join(db::Transaction& transaction, const Terms& terms, const points::Cause& cause,
                  const UserId& user, const CustomerId& card) {
  if (auto joined = join_one_time(transaction, user, card); !joined) return joined;
  return claim_spins(transaction, terms, cause, user, card);
}

Result<void> write_spins(db::Transaction& transaction, const UserId& user, json::Writer& out) {
  out.begin_array();
  std::string before;
  while (true) {
    auto spins = spins_of(transaction, user, page, before);
    if (!spins) return failure(spins);
    for (const Spin& spin : *spins) write_spin(out, spin);
    if (std::ssize(*spins) < page) break;
    before = spins->back().id;
  }
  out.end_array();
  return {};
}

}  // namespace

void add_hooks(identity::UserHooks& hooks, UuidMaker& ids, const Terms& terms) {
  hooks.registered.emplace_back([&ids, terms](const identity::Registered& registered) {
    return [terms, user = registered.user, cause = points::Cause{.id = ids.next(), .at = registered.at}](
               db::Transaction& transaction) -> Result<void> {
      if (!user.loyalty_id || !user.loyalty_verified) return {};
      return join(transaction, terms, cause, user.id, *user.loyalty_id);
    };
  });
  hooks.card_verified.emplace_back([&ids, terms](const identity::CardVerified& verified) {
    return [terms, verified,
            cause = points::Cause{.id = ids.next(), .at = verified.at}](db::Transaction& transaction) {
      return join(transaction, terms, cause, verified.user, verified.card);
    };
  });
  hooks.exports.push_back(
      {.name = "spins",
       .write = [](db::Transaction& transaction, const identity::User& user, json::Writer& out) {
         return write_spins(transaction, user.id, out);
       }});
  hooks.erased.emplace_back([](db::Transaction& transaction, const identity::Erased& erased) -> Result<void> {
    if (erased.card) {
      auto erasing = erase_card_of_spins(transaction, *erased.card, *erased.token);
      if (!erasing) return erasing;
      if (auto gone = forget_one_time(transaction, winner_name(*erased.card)); !gone) return gone;
    }
    return forget_one_time(transaction, winner_name(erased.user.id));
  });
}

}  // namespace perkline::hub::wheel
