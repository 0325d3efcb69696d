#pragma once

#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/result.hpp"

namespace perkline::json {

struct Member;

/// One value of a parsed document. A number keeps its text, so that amounts never pass through floating
/// point. Views and pointers live as long as the Document.
class Value {
 public:
  enum class Kind : unsigned char { null, boolean, number, string, array, object };

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  /// boolean: its value.
  bool boolean() const { return boolean_; }
  /// number: as written. string: unescaped, valid UTF-8.
  std::string_view text() const { return text_; }
  std::span<const Value> items() const { return items_; }
  std::span<const Member> members() const;
  /// The member's value; nullptr if absent or if this is no object.
  const Value* find(std::string_view name) const;

 private:
  friend class Parser;
  Kind kind_ = Kind::null;
  bool boolean_ = false;
  std::string_view text_;
  std::vector<Value> items_;
  std::vector<Member> members_;
};

struct Member {
  std::string_view name;
  Value value;
};

inline std::span<const Member> Value::members() const {
  return members_;
}

class Document {
 public:
  const Value& root() const { return root_; }

 private:
  friend class Parser;
  friend Result<Document> parse(std::string_view text, std::size_t values_max);
  std::unique_ptr<char[]> texts_;  ///< What the values' views point into.
  Value root_;
};

/// Strict RFC 8259 in UTF-8: nothing behind the value, no doubled member names, depth up to
/// limits::json_depth_max, values (arrays and objects too) up to `values_max`. The caller bounds the
/// length. Errors: malformed_json. Any thread.
Result<Document> parse(std::string_view text,
                       std::size_t values_max = std::numeric_limits<std::size_t>::max());

}  // namespace perkline::json
