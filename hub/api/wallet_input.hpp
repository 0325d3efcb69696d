#pragma once

#include <optional>
#include <string>

#include "hub/wallet/holds.hpp"
#include "hub/wallet/wallet.hpp"
#include "shared/json/fields.hpp"

/// The bodies of the wallet's calls, every fault of each at once. Pure.
namespace perkline::hub::api {

/// What names another member. RFC 5321 §4.5.3.1.3; ids and mobile numbers are shorter.
inline constexpr std::size_t payee_bytes_max = 254;

/// Notes what is wrong with an `amount` whose currency is not known here: it can only be told to be none at
/// all.
void check_bare_amount(json::Fields& fields, const json::Value& root);

/// `amount` and `currency`: more than 0, by the currency's own decimals. The first currency there is where a
/// fault is noted.
Money read_money(json::Fields& fields, const json::Value& root);

/// `{to, amount, currency, note?}`, from `from`.
wallet::Transfer read_transfer(json::Fields& fields, const json::Value& root, UserId from);
/// `{userId, amount, currency, reason}`
wallet::Adjustment read_adjustment(json::Fields& fields, const json::Value& root);
/// The same with `expiresInS?`.
wallet::HoldOrder read_hold_order(json::Fields& fields, const json::Value& root);
/// `{amount?}` as it is written: its currency is the hold's. An empty body says nothing. Errors:
/// malformed_json, validation_failed.
Result<std::optional<std::string>> read_capture(const std::string& body);

}  // namespace perkline::hub::api
