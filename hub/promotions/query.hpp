#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"

namespace perkline::hub::promotions {

/// Above every UUID, in whatever order the database puts letters.
inline constexpr std::string_view behind_all = "z";

/// The conditions of a list and their parameters, one after the other.
class Query {
 public:
  /// `condition` ends where its parameter stands.
  void where(std::string_view condition, db::Value value) {
    text_ += text_.empty() ? " WHERE " : " AND ";
    text_ += std::string(condition) + place(std::move(value));
  }
  /// Where the next parameter stands.
  std::string place(db::Value value) {
    parameters_.push_back(std::move(value));
    return '$' + std::to_string(parameters_.size());
  }
  void where(std::string_view condition) {
    text_ += text_.empty() ? " WHERE " : " AND ";
    text_ += condition;
  }
  const std::string& text() const { return text_; }
  std::vector<db::Value> parameters() && { return std::move(parameters_); }

 private:
  std::string text_;
  std::vector<db::Value> parameters_;
};

}  // namespace perkline::hub::promotions
