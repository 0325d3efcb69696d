#include "hub/promotions/hooks.hpp"

#include "hub/promotions/assignments.hpp"
#include "hub/promotions/till_claim.hpp"

namespace perkline::hub::promotions {
namespace {

constexpr std::int64_t page = 1'000;

Result<void> write_all(db::Transaction& transaction, const UserId& user, json::Writer& out) {
  AssignmentFilter filter{.user = user, .limit = page};
  out.begin_array();
  while (true) {
    const auto some = list_assignments(transaction, filter);
    if (!some) return std::unexpected(some.error());
    for (const Assignment& assignment : *some) write_assignment(out, assignment);
    if (std::ssize(*some) < page) break;
    filter.before = some->back().promotion.id.str();
  }
  out.end_array();
  return {};
}

}  // namespace

void add_hooks(identity::UserHooks& hooks, UuidMaker& ids) {
  hooks.registered.emplace_back([&ids](const identity::Registered& registered) {
    return [joining = Joining{.user = registered.user.id,
                              .at = registered.at,
                              .traceparent = registered.traceparent,
                              .event = ids.next()}](db::Transaction& transaction) {
      return welcome(transaction, joining);
    };
  });
  hooks.exports.push_back({.name = "promotions",
                           .write = [](db::Transaction& transaction, const identity::User& user,
                                       json::Writer& out) { return write_all(transaction, user.id, out); }});
  hooks.exports.push_back(
      {.name = "refusedClaims",
       .write = [](db::Transaction& transaction, const identity::User& user, json::Writer& out) {
         return write_refused_claims(transaction, user.id, out);
       }});
  hooks.erased.emplace_back([](db::Transaction& transaction, const identity::Erased& erased) -> Result<void> {
    auto gone =
        transaction.execute("DELETE FROM promotion_assignment WHERE user_id = $1", {erased.user.id.str()});
    if (!gone) return failure(gone);
    auto nobodys = transaction.execute("UPDATE promotion_claim_refused SET user_id = NULL WHERE user_id = $1",
                                       {erased.user.id.str()});
    if (!nobodys) return failure(nobodys);
    return {};
  });
}

}  // namespace perkline::hub::promotions
