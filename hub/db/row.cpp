#include "hub/db/database.hpp"
#include "shared/core/assert.hpp"

namespace perkline::hub::db {

std::int64_t Row::integer(std::size_t column) const {
  const auto* value = std::get_if<std::int64_t>(&columns_.at(column));
  PERKLINE_ASSERT(value != nullptr);
  return *value;
}

const std::string& Row::text(std::size_t column) const {
  const auto* value = std::get_if<std::string>(&columns_.at(column));
  PERKLINE_ASSERT(value != nullptr);
  return *value;
}

const std::string& Row::blob(std::size_t column) const {
  const auto* value = std::get_if<Blob>(&columns_.at(column));
  PERKLINE_ASSERT(value != nullptr);
  return value->bytes;
}

std::optional<std::int64_t> Row::optional_integer(std::size_t column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

std::optional<std::string> Row::optional_text(std::size_t column) const {
  if (is_null(column)) return std::nullopt;
  return text(column);
}

}  // namespace perkline::hub::db
