#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/identity/audit.hpp"
#include "hub/wheel/terms.hpp"
#include "shared/core/ids.hpp"
#include "shared/json/writer.hpp"
#include "shared/loyalty/wheel.hpp"

/// What can be won. In the caller's transaction. Errors: the database's, as everywhere here.
namespace perkline::hub::wheel {

/// How many prizes may be active at a time: so many are read for each draw.
inline constexpr std::int64_t active_prizes_max = 1'000;
inline constexpr std::int64_t stock_max = 1'000'000'000;
inline constexpr std::size_t prize_name_bytes_max = 100;

/// Stored and shown by name.
enum class PrizeType : std::uint8_t { cash = 1, coupon, points, lottery_ticket, none };
std::string_view name_of(PrizeType type);
std::optional<PrizeType> find_prize_type(std::string_view name);

struct Prize {
  std::string id;  ///< UUIDv7.
  std::string name;
  PrizeType type = PrizeType::none;
  std::int64_t tickets = 0;            ///< Weight × loyalty::tickets_per_weight.
  std::optional<std::int64_t> points;  ///< Its own; nullopt: what the programme gives for its type.
  bool one_time = false;
  bool active = true;
  std::optional<std::int64_t> stock;  ///< nullopt: any number.
  std::int64_t leased = 0;            ///< Of the stock: at stores.
  std::int64_t awarded = 0;           ///< Of the stock: given away.

  /// What is left to give away from here; nullopt: any number.
  std::optional<std::int64_t> free() const;
  bool operator==(const Prize&) const = default;
};

/// What whoever wins the prize gets in points. Pure.
std::int64_t points_for(const Terms& terms, const Prize& prize);
/// The prize in a draw; `withheld` as loyalty::Prize has it. Pure.
loyalty::Prize in_draw(const Prize& prize, bool withheld);

/// While a restored hub waits for stores (stores/awaited.hpp), nothing that is stocked or one-time can be
/// drawn.

/// The prizes that can be drawn by somebody, without those one-time ones that stand under one of `winners`:
/// by rising id.
Result<std::vector<Prize>> drawable(db::Transaction& transaction, const std::vector<std::string>& winners);
/// Whether or not they can be drawn; by rising id.
Result<std::vector<Prize>> active_prizes(db::Transaction& transaction);
/// Of all that can be drawn by who has won nothing yet: their tickets together.
Result<std::int64_t> tickets_in_draw(db::Transaction& transaction);
/// Newest first: `count` of those with an id below `before`; empty: from the newest.
Result<std::vector<Prize>> list_prizes(db::Transaction& transaction, std::int64_t count,
                                       const std::string& before);
/// nullopt: there is none.
Result<std::optional<Prize>> find_prize(db::Transaction& transaction, const std::string& id);

/// Takes one unit of a stocked prize for good. False: none was left, or it is stocked no more; nothing has
/// changed.
Result<bool> take_unit(db::Transaction& transaction, const std::string& id);

/// What staff sets; what is not given stays.
struct PrizeChange {
  std::optional<std::string> name = std::nullopt;
  std::optional<PrizeType> type = std::nullopt;
  std::optional<std::int64_t> tickets = std::nullopt;
  std::optional<std::optional<std::int64_t>> points = std::nullopt;
  std::optional<bool> one_time = std::nullopt;
  std::optional<bool> active = std::nullopt;
  std::optional<std::optional<std::int64_t>> stock = std::nullopt;
};
/// The prize as it is to become. Pure.
Prize changed(Prize prize, const PrizeChange& change);
/// What it may not be, whoever made it so. Pure.
std::vector<FieldFault> faults_of(const Prize& prize);

/// Who sets it, with ids drawn before the transaction.
struct PrizeCause {
  Uuid id;  ///< Of the audit's row.
  WallTime at;
  std::string actor;
};
/// Errors: validation_failed naming the fields.
Result<void> add_prize(db::Transaction& transaction, const PrizeCause& cause, const Prize& prize);
/// Gives the prize as it is then. The audit has what was and what is of all that changed; what changes
/// nothing leaves no row. Errors: not_found, validation_failed naming the fields.
Result<Prize> change_prize(db::Transaction& transaction, const PrizeCause& cause, const std::string& id,
                           const PrizeChange& change);

}  // namespace perkline::hub::wheel
