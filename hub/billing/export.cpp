#include "hub/billing/export.hpp"

#include "hub/billing/payments.hpp"

namespace perkline::hub::billing {
namespace {

constexpr std::int64_t page = 1'000;

Result<void> write_all(db::Transaction& transaction, const UserId& user, json::Writer& out) {
  out.begin_array();
  std::string before;
  while (true) {
    const auto some = list(transaction, user, before, page);
    if (!some) return std::unexpected(some.error());
    for (const Payment& payment : *some) write_payment(out, payment);
    if (std::ssize(*some) < page) break;
    before = some->back().id.str();
  }
  out.end_array();
  return {};
}

}  // namespace

void add_hooks(identity::UserHooks& hooks) {
  hooks.exports.push_back({.name = "payments",
                           .write = [](db::Transaction& transaction, const identity::User& user,
                                       json::Writer& out) { return write_all(transaction, user.id, out); }});
}

}  // namespace perkline::hub::billing
