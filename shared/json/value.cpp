#include "shared/json/value.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <simdjson.h>

#include "shared/core/limits.hpp"

namespace perkline::json {
namespace {

namespace sj = simdjson;

constexpr const char* not_json = "not JSON";
/// Room made at once for what an object usually holds.
constexpr std::size_t members_usual = 4;
/// Of a name from outside, in a fault.
constexpr std::size_t name_bytes_told = 64;

/// RFC 8259 §6. simdjson's on-demand front end checks a number only when it is converted, and we keep the
/// text.
bool is_number(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t start = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - start;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const bool leading_zero = at < text.size() && text[at] == '0';
  const std::size_t whole = digits();
  if (whole == 0 || (leading_zero && whole > 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

/// Nothing but white space is left: only then has the cursor no location.
bool at_end(sj::ondemand::document& source) {
  return source.current_location().error() == sj::OUT_OF_BOUNDS;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

}  // namespace

/// Walks simdjson's on-demand document once and builds our values; every method returns false on malformed
/// input.
class Parser {
 public:
  Parser(char* texts, std::size_t values_max) : texts_(texts), values_left_(values_max) {}

  /// What is wrong with what was read.
  const std::string& fault() const { return fault_; }

  template <class Source>
  bool read(Source source, Value& out, std::size_t depth) {
    if (values_left_ == 0) {
      fault_ = "too many values";
      return false;
    }
    --values_left_;
    sj::ondemand::json_type type{};
    if (source.type().get(type) != sj::SUCCESS) return false;
    switch (type) {
      case sj::ondemand::json_type::null:
        return read_null(source);
      case sj::ondemand::json_type::boolean:
        out.kind_ = Value::Kind::boolean;
        return source.get_bool().get(out.boolean_) == sj::SUCCESS;
      case sj::ondemand::json_type::number:
        return read_number(source, out);
      case sj::ondemand::json_type::string:
        return read_string(source, out);
      case sj::ondemand::json_type::array:
        return depth < limits::json_depth_max && read_array(source, out, depth);
      case sj::ondemand::json_type::object:
        return depth < limits::json_depth_max && read_object(source, out, depth);
    }
    return false;
  }

  /// Puts an array's one item in its place; false if it does not hold exactly one.
  static bool unwrap(Value& array) {
    if (array.items_.size() != 1) return false;
    Value item = std::move(array.items_.front());
    array = std::move(item);
    return true;
  }

 private:
  template <class Source>
  static bool read_null(Source& source) {
    bool null = false;
    return sj::simdjson_result<bool>(source.is_null()).get(null) == sj::SUCCESS && null;
  }

  template <class Source>
  bool read_number(Source& source, Value& out) {
    std::string_view token;
    if (sj::simdjson_result<std::string_view>(source.raw_json_token()).get(token) != sj::SUCCESS)
      return false;
    token = trimmed(token);
    if (!is_number(token)) return false;
    out.kind_ = Value::Kind::number;
    out.text_ = keep(token);
    // Moves the cursor past the token; the conversion's own range errors (1e400) are of no interest.
    double ignored = 0;
    const auto error = source.get_double().get(ignored);
    return error == sj::SUCCESS || error == sj::NUMBER_ERROR;
  }

  template <class Source>
  bool read_string(Source& source, Value& out) {
    std::string_view text;
    if (source.get_string().get(text) != sj::SUCCESS) return false;
    out.kind_ = Value::Kind::string;
    out.text_ = keep(text);
    return true;
  }

  template <class Source>
  bool read_array(Source& source, Value& out, std::size_t depth) {
    out.kind_ = Value::Kind::array;
    sj::ondemand::array array;
    if (source.get_array().get(array) != sj::SUCCESS) return false;
    for (auto element : array) {
      sj::ondemand::value value;
      if (element.get(value) != sj::SUCCESS) return false;
      if (!read(value, out.items_.emplace_back(), depth + 1)) return false;
    }
    return true;
  }

  template <class Source>
  bool read_object(Source& source, Value& out, std::size_t depth) {
    out.kind_ = Value::Kind::object;
    sj::ondemand::object object;
    if (source.get_object().get(object) != sj::SUCCESS) return false;
    for (auto field : object) {
      std::string_view name;
      if (field.unescaped_key().get(name) != sj::SUCCESS) return false;
      name = keep(name);
      sj::ondemand::value value;
      if (field.value().get(value) != sj::SUCCESS) return false;
      if (out.members_.empty()) out.members_.reserve(members_usual);
      if (!read(value, out.members_.emplace_back(Member{name, {}}).value, depth + 1)) return false;
    }
    return names_differ(out);
  }

  bool names_differ(const Value& object) {
    std::vector<std::string_view>& names = names_;
    names.clear();
    names.reserve(object.members_.size());
    for (const Member& member : object.members_) names.push_back(member.name);
    std::ranges::sort(names);
    const auto doubled = std::ranges::adjacent_find(names);
    if (doubled == names.end()) return true;
    fault_ = "the key \"" + std::string(doubled->substr(0, name_bytes_told)) + "\" is given twice";
    return false;
  }

  std::string_view keep(std::string_view text) {
    if (!text.empty()) std::memcpy(texts_ + used_, text.data(), text.size());
    const std::string_view kept{texts_ + used_, text.size()};
    used_ += text.size();
    return kept;
  }

  char* texts_;  ///< As long as the input: unescaping never lengthens a text.
  std::size_t values_left_;
  std::size_t used_ = 0;
  std::vector<std::string_view> names_;  ///< Of the object that has just ended.
  std::string fault_{not_json};
};

const Value* Value::find(std::string_view name) const {
  for (const Member& member : members_) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

Result<Document> parse(std::string_view text, std::size_t values_max) {
  // simdjson's on-demand front end is lax about what follows a scalar at the root (`false0`) and refuses some
  // that are right (`null` and a tab); inside an array it is neither.
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  const bool scalar = start == std::string_view::npos || (text[start] != '{' && text[start] != '[');
  const std::string in_array = scalar ? '[' + std::string(text) + ']' : std::string();
  if (scalar) text = in_array;

  thread_local sj::ondemand::parser parser;
  const sj::padded_string padded(text);
  sj::ondemand::document source;
  if (parser.iterate(padded).get(source) != sj::SUCCESS) return fail(Errc::malformed_json, not_json);

  Document document;
  document.texts_ = std::make_unique_for_overwrite<char[]>(text.size() + 1);
  Parser reader(document.texts_.get(), values_max);
  if (!reader.read<sj::ondemand::document&>(source, document.root_, 0) || !at_end(source)) {
    return fail(Errc::malformed_json, reader.fault());
  }
  if (scalar && !Parser::unwrap(document.root_)) return fail(Errc::malformed_json, not_json);
  return document;
}

}  // namespace perkline::json
