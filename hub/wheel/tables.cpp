#include "hub/wheel/tables.hpp"

namespace perkline::hub::wheel {

Result<std::int64_t> keep_table(db::Transaction& transaction, const loyalty::PrizeTable& table) {
  const std::string version = to_hex(loyalty::version_of(table));
  constexpr std::string_view find = "SELECT id FROM wheel_table WHERE version = $1";
  auto known = transaction.query(find, {version});
  if (!known) return failure(known);
  if (!known->empty()) return known->front().integer(0);
  auto added = transaction.query(
      "INSERT INTO wheel_table (version, content) VALUES ($1, $2) ON CONFLICT (version) DO NOTHING"
      " RETURNING id",
      {version, loyalty::text_of(table)});
  if (!added) return failure(added);
  if (!added->empty()) return added->front().integer(0);
  // Somebody else's by now.
  known = transaction.query(find, {version});
  if (!known) return failure(known);
  if (known->empty()) return fail(Errc::internal, "a prize table is neither there nor new");
  return known->front().integer(0);
}

}  // namespace perkline::hub::wheel
