#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hub/db/database.hpp"

namespace perkline::hub::db {

/// A column of many rows as one parameter.
struct ArrayText {
  std::string_view type;  ///< `TEXT[]` or `BIGINT[]`; empty: there are only nulls.
  std::string text;       ///< As PostgreSQL reads an array: `{1,NULL,3}`.
};

/// Column `column` of `rows`, which have `columns` each, row after row. nullopt: it is of bytes, or of more
/// than one kind. Pure.
std::optional<ArrayText> array_of(std::span<const Value> rows, std::size_t column, std::size_t columns);

}  // namespace perkline::hub::db
