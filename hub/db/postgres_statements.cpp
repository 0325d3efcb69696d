#include "hub/db/postgres_statements.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <libpq-fe.h>

namespace perkline::hub::db {
namespace {

// PostgreSQL's pg_type.dat.
constexpr TypeId type_bool = 16;
constexpr TypeId type_name = 19;
constexpr TypeId type_int2 = 21;
constexpr TypeId type_int4 = 23;
constexpr TypeId type_text = 25;
constexpr TypeId type_varchar = 1043;
constexpr TypeId type_void = 2278;

bool takes(TypeId type, const Value& value) {
  if (std::holds_alternative<std::nullptr_t>(value)) return true;
  if (std::holds_alternative<std::int64_t>(value)) return type == type_integer;
  if (std::holds_alternative<Blob>(value)) return type == type_bytes;
  return type != type_integer && type != type_bytes;
}

bool takes_all(const PostgresStatements::Prepared& prepared, std::span<const Value> values) {
  return std::ranges::equal(prepared.types, values, takes);
}

std::optional<Value> column_of(const PGresult* result, int row, int column) {
  if (PQgetisnull(result, row, column) == 1) return Value(nullptr);
  const std::string_view text(PQgetvalue(result, row, column),
                              static_cast<std::size_t>(PQgetlength(result, row, column)));
  switch (PQftype(result, column)) {
    case type_integer:
    case type_int4:
    case type_int2: {
      std::int64_t number = 0;
      std::from_chars(text.data(), text.data() + text.size(), number);
      return Value(number);
    }
    case type_bool:
      return Value(std::int64_t{text == "t"});
    case type_text:
    case type_varchar:
    case type_name:
      return Value(std::string(text));
    case type_bytes: {
      std::size_t size = 0;
      unsigned char* bytes = PQunescapeBytea(reinterpret_cast<const unsigned char*>(text.data()), &size);
      if (bytes == nullptr) return std::nullopt;
      Blob blob{std::string(reinterpret_cast<const char*>(bytes), size)};
      PQfreemem(bytes);
      return Value(std::move(blob));
    }
    case type_void:
      return Value(nullptr);
    default:
      return std::nullopt;
  }
}

}  // namespace

PostgresStatements::Prepared* PostgresStatements::find(std::string_view sql, std::span<const Value> values) {
  const auto known = by_text_.find(sql);
  if (known == by_text_.end()) return nullptr;
  const auto fit =
      std::ranges::find_if(known->second, [&](const Prepared& each) { return takes_all(each, values); });
  return fit == known->second.end() ? nullptr : &*fit;
}

PostgresStatements::Prepared& PostgresStatements::keep(std::string_view sql, Prepared prepared) {
  auto place = by_text_.find(sql);
  if (place == by_text_.end()) place = by_text_.emplace(sql, std::vector<Prepared>{}).first;
  ++kept_;
  return place->second.emplace_back(std::move(prepared));
}

std::vector<TypeId> types_of(std::span<const Value> values) {
  std::vector<TypeId> types;
  types.reserve(values.size());
  for (const Value& value : values) {
    types.push_back(std::holds_alternative<std::int64_t>(value) ? type_integer
                    : std::holds_alternative<Blob>(value)       ? type_bytes
                                                                : type_unknown);
  }
  return types;
}

std::size_t parameters_in(std::string_view sql) {
  std::size_t highest = 0;
  for (std::size_t at = 0; at < sql.size(); ++at) {
    if (sql[at] == '\'' || sql[at] == '"') {
      at = std::min(sql.find(sql[at], at + 1), sql.size());
    } else if (sql[at] == '$') {
      std::size_t number = 0;
      std::from_chars(sql.data() + at + 1, sql.data() + sql.size(), number);
      highest = std::max(highest, number);
    }
  }
  return highest;
}

bool is_prepared(std::string_view sql) {
  constexpr std::array<std::string_view, 5> first_words{"SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "};
  return std::ranges::any_of(first_words, [&](std::string_view word) { return sql.starts_with(word); });
}

std::optional<std::vector<Value>> columns_of(const pg_result* result, int row) {
  std::vector<Value> columns;
  const int count = PQnfields(result);
  columns.reserve(static_cast<std::size_t>(count));
  for (int column = 0; column < count; ++column) {
    auto value = column_of(result, row, column);
    if (!value) return std::nullopt;
    columns.push_back(std::move(*value));
  }
  return columns;
}

}  // namespace perkline::hub::db
