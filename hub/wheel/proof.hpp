#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/json/writer.hpp"
#include "shared/loyalty/wheel.hpp"

namespace perkline::hub::wheel {

/// What anybody needs to make a draw again (README.md).
struct Proof {
  std::string spin;
  loyalty::Draw draw;
  std::optional<StoreId> store;     ///< Whose seed it was; nullopt: the hub's.
  std::chrono::sys_days day;        ///< The seed's.
  std::string commitment;           ///< Hex.
  std::optional<std::string> seed;  ///< Hex; nullopt: its day is not over.
  loyalty::PrizeTable table;
  std::string prize;
};

/// nullopt: there is no such spin. Errors: corrupt, the database's.
Result<std::optional<Proof>> find_proof(db::Transaction& transaction, const Uuid& spin);

/// As an object of the API.
void write_proof(json::Writer& out, const Proof& proof);

}  // namespace perkline::hub::wheel
