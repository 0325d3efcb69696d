#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/db/postgres_wire.hpp"

namespace perkline::hub::db {

/// What is prepared on one connection, by text and by the parameters' types: the server settles a type once,
/// by the statement or by the first values, and takes no other afterwards.
class PostgresStatements {
 public:
  struct Prepared {
    std::string name;
    std::vector<TypeId> types;  ///< Of the parameters, as the server has settled them.
    bool has_run = false;
  };

  /// The one that takes `values`; nullptr: it is still to be prepared.
  Prepared* find(std::string_view sql, std::span<const Value> values);
  /// A name for one more.
  std::string next_name() { return "p" + std::to_string(++count_); }
  Prepared& keep(std::string_view sql, Prepared prepared);
  /// Our statements are few and fixed; more than this means that somebody puts values into their text.
  bool is_full() const { return kept_ >= kept_max; }
  void forget() {
    by_text_.clear();
    kept_ = 0;
  }

 private:
  static constexpr std::size_t kept_max = 512;
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, std::vector<Prepared>, TextHash, std::equal_to<>> by_text_;
  std::size_t count_ = 0;  ///< Ever prepared.
  std::size_t kept_ = 0;
};

/// The types to ask for: those of integers and bytes are ours to say, texts fit whatever there is.
std::vector<TypeId> types_of(std::span<const Value> values);

/// The highest n of the `$n` outside quotes. Pure.
std::size_t parameters_in(std::string_view sql);

/// Whether it reads or changes rows, and so is worth preparing. Pure.
bool is_prepared(std::string_view sql);

/// A row of the server's answer. nullopt: a floating-point number, or something else our schema does not
/// know.
std::optional<std::vector<Value>> columns_of(const pg_result* result, int row);

}  // namespace perkline::hub::db
