#include "hub/wallet/export.hpp"

#include "hub/wallet/notes.hpp"
#include "hub/wallet/wallet.hpp"

namespace perkline::hub::wallet {
namespace {

constexpr std::int64_t page = 1'000;

Result<void> write_held(db::Transaction& transaction, const UserId& user, Currency programme,
                        json::Writer& out) {
  auto balances = balances_of(transaction, user, programme);
  if (!balances) return failure(balances);
  out.begin_object().key("balances").begin_array();
  for (const Balance& balance : *balances) write_balance(out, balance);
  out.end_array().key("entries").begin_array();
  std::int64_t before = std::numeric_limits<std::int64_t>::max();
  while (true) {
    auto entries = entries_of(transaction, user, page, before);
    if (!entries) return failure(entries);
    for (const Entry& entry : *entries) write_entry(out, entry);
    if (std::ssize(*entries) < page) break;
    before = entries->back().id;
  }
  out.end_array().end_object();
  return {};
}

}  // namespace

void add_hooks(identity::UserHooks& hooks, UuidMaker& ids, Currency programme) {
  hooks.registered.emplace_back([&ids, programme](const identity::Registered& registered) {
    Cause cause = make_cause(ids, registered.at, registered.traceparent);
    return [cause = std::move(cause), user = registered.user.id, programme](db::Transaction& transaction) {
      return open_wallet(transaction, cause, cause.opened[0], user, programme);
    };
  });
  hooks.exports.push_back(
      {.name = "wallet",
       .write = [programme](db::Transaction& transaction, const identity::User& user, json::Writer& out) {
         return write_held(transaction, user.id, programme, out);
       }});
  hooks.erased.emplace_back([](db::Transaction& transaction, const identity::Erased& erased) {
    return erase_notes(transaction, erased.user.id);
  });
}

}  // namespace perkline::hub::wallet
