#include "hub/ledger/account.hpp"

namespace perkline::hub::ledger {
namespace {

Account account_of_store(const StoreId& store, std::string code, std::string_view unit) {
  return {.owner_kind = "store",
          .owner_id = store.str(),
          .code = std::move(code),
          .unit = std::string(unit),
          .keeps_balance = false,
          .may_be_negative = true};
}

}  // namespace

std::string money_unit(Currency currency) {
  return "money:" + std::string(currency.code());
}

Account rewards_of(const CustomerId& customer) {
  return {.owner_kind = "member",
          .owner_id = customer.str(),
          .code = "rewards",
          .unit = std::string(rewards_unit),
          .may_be_negative = true};
}

Account points_of(const UserId& user) {
  return {.owner_kind = "user",
          .owner_id = user.str(),
          .code = "points",
          .unit = std::string(programme_unit),
          .keeps_lots = true};
}

Account owed_points_of(const UserId& user) {
  return {.owner_kind = "user",
          .owner_id = user.str(),
          .code = "owed",
          .unit = std::string(programme_unit),
          .may_be_negative = true};
}

Account wallet_of(const UserId& user, Currency currency) {
  return {.owner_kind = "user", .owner_id = user.str(), .code = "wallet", .unit = money_unit(currency)};
}

Account issued_by(const StoreId& store) {
  return account_of_store(store, "issued", rewards_unit);
}

Account redeemed_at(const StoreId& store) {
  return account_of_store(store, "redeemed", rewards_unit);
}

Account standin_loss_of(const StoreId& store) {
  return account_of_store(store, "standin_loss", rewards_unit);
}

Account points_issued_by(const StoreId& store) {
  return account_of_store(store, "issued", programme_unit);
}

Account system_account(std::string code, std::string unit) {
  return {.owner_kind = "system",
          .owner_id = "hub",
          .code = std::move(code),
          .unit = std::move(unit),
          .keeps_balance = false,
          .may_be_negative = true};
}

}  // namespace perkline::hub::ledger
