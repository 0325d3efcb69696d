#include "hub/db/postgres_error.hpp"

#include <algorithm>
#include <array>

namespace perkline::hub::db {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::chrono::milliseconds retry_after{1'000};

Error with_retry(Errc code, const char* detail) {
  return {.code = code, .detail = detail, .retry_after = retry_after};
}

/// Integrity constraints (class 23).
Error constraint_error(std::string_view state) {
  if (state == "23505" || state == "23P01")
    return {.code = Errc::already_exists, .detail = "a unique key is taken"};
  return {.code = Errc::validation_failed, .detail = "a rule of the schema is broken"};
}

}  // namespace

bool is_conflict(std::string_view state) {
  return state == "40001" || state == "40P01";
}

bool ends_connection(std::string_view state) {
  // 26000: a name that the server does not know, where we have prepared it.
  constexpr std::array ends{"57P01"sv, "57P02"sv, "57P03"sv, "57P05"sv, "25P03"sv, "26000"sv};
  return state.empty() || state.starts_with("08") || std::ranges::find(ends, state) != ends.end();
}

Error postgres_error(std::string_view state) {
  const std::string_view of_class = state.substr(0, 2);
  if (state.empty() || of_class == "08") {
    return with_retry(Errc::database_unavailable, "the database cannot be reached");
  }
  if (is_conflict(state)) return with_retry(Errc::overloaded, "too many change the same at once");
  if (of_class == "23") return constraint_error(state);
  if (of_class == "22") return {.code = Errc::validation_failed, .detail = "a value does not fit"};
  if (of_class == "28") return with_retry(Errc::database_unavailable, "the database refuses the login");
  if (state == "3D000") return {.code = Errc::not_found, .detail = "there is no such database"};
  if (state == "53100") return with_retry(Errc::storage_full, "the database's disk is full");
  if (state == "53300") return with_retry(Errc::database_unavailable, "the database has no connection free");
  if (of_class == "53") return with_retry(Errc::database_unavailable, "the database lacks resources");
  if (state == "57014" || state == "55P03") {
    return with_retry(Errc::database_unavailable, "the database takes too long");
  }
  if (of_class == "57" || of_class == "58" || state == "25P03") {
    return with_retry(Errc::database_unavailable, "the database ends, or starts");
  }
  if (of_class == "XX" && state != "XX000")
    return {.code = Errc::corrupt, .detail = "the database is damaged"};
  if (state == "42501") return {.code = Errc::internal, .detail = "the database's user may not do this"};
  return {.code = Errc::internal, .detail = "a statement is wrong"};
}

}  // namespace perkline::hub::db
