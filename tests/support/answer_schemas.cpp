#include "tests/support/answer_schemas.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <mutex>
#include <optional>
#include <regex>
#include <utility>

#include <yaml-cpp/yaml.h>

#include "shared/core/ids.hpp"
#include "shared/json/value.hpp"

namespace perkline::test {

using json::Value;

namespace {

/// Tells people something and decides nothing.
constexpr std::array annotations{"description", "default", "example", "examples", "title", "deprecated"};

/// A sentence a fault, each with where it is.
using Faults = std::vector<std::string>;

const char* word_of(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::null:
      return "null";
    case Value::Kind::boolean:
      return "boolean";
    case Value::Kind::number:
      return "number";
    case Value::Kind::string:
      return "string";
    case Value::Kind::array:
      return "array";
    case Value::Kind::object:
      return "object";
  }
  return "";
}

bool is_of_type(const Value& value, const std::string& type) {
  if (type == "integer")
    return value.is(Value::Kind::number) && value.text().find_first_of(".eE") == std::string_view::npos;
  return type == word_of(value.kind());
}

bool is_equal(const Value& value, const YAML::Node& wanted) {
  if (wanted.IsNull()) return value.is(Value::Kind::null);
  if (!wanted.IsScalar()) return false;
  if (value.is(Value::Kind::boolean)) return wanted.Scalar() == (value.boolean() ? "true" : "false");
  return (value.is(Value::Kind::string) || value.is(Value::Kind::number)) && value.text() == wanted.Scalar();
}

std::size_t characters_in(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool has_format(std::string_view text, const std::string& format) {
  static const std::regex date_time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))");
  static const std::regex date(R"(\d{4}-\d\d-\d\d)");
  const auto matches = [&](const std::regex& wanted) {
    return std::regex_match(text.begin(), text.end(), wanted);
  };
  if (format == "date-time") return matches(date_time);
  if (format == "date") return matches(date);
  if (format == "uuid") return parse_uuid(text).has_value();
  if (format == "email") return text.contains('@');
  return format == "uri-reference" || format == "uri" ? !text.contains(' ') : false;
}

/// One value against one schema.
class SchemaCheck {
 public:
  SchemaCheck(const YAML::Node& root, Faults& faults) : root_(root), faults_(faults) {}

  YAML::Node resolved(const YAML::Node& node) const {
    if (!node.IsMap() || !node["$ref"]) return node;
    std::string_view rest = node["$ref"].Scalar();
    rest.remove_prefix(std::min<std::size_t>(rest.size(), 2));  // "#/"
    YAML::Node at;
    at.reset(root_);
    while (!rest.empty()) {
      const std::string name(rest.substr(0, rest.find('/')));
      rest.remove_prefix(std::min(name.size() + 1, rest.size()));
      at.reset(std::as_const(at)[name]);
    }
    return at;
  }

  void check(const YAML::Node& schema, const Value& value, const std::string& where) {
    if (schema.IsScalar() && schema.Scalar() == "true") return;
    if (!schema.IsMap()) return note(where, "has no schema");
    for (const auto& keyword : schema) {
      check_keyword(keyword.first.Scalar(), keyword.second, value, where, schema);
    }
    if (value.is(Value::Kind::object) && (schema["properties"] || schema["additionalProperties"]))
      check_no_others(schema, value, where);
  }

 private:
  void note(const std::string& where, const std::string& what) { faults_.push_back(where + ' ' + what); }

  bool holds(const YAML::Node& schema, const Value& value, const std::string& where) {
    Faults own;
    SchemaCheck(root_, own).check(schema, value, where);
    return own.empty();
  }

  void check_keyword(const std::string& keyword, const YAML::Node& said, const Value& value,
                     const std::string& where, const YAML::Node& schema) {
    if (std::ranges::find(annotations, keyword) != annotations.end()) return;
    if (keyword == "$ref") return check(resolved(schema), value, where);
    if (keyword == "type") return check_type(said, value, where);
    if (keyword == "const" || keyword == "enum") return check_one_of(said, value, where);
    if (keyword == "allOf" || keyword == "oneOf" || keyword == "anyOf")
      return check_combined(keyword, said, value, where);
    if (check_number_keyword(keyword, said, value, where)) return;
    if (check_text_keyword(keyword, said, value, where)) return;
    if (check_object_keyword(keyword, said, value, where)) return;
    if (check_array_keyword(keyword, said, value, where)) return;
    note(where, "has a schema with the keyword " + keyword + ", which is not checked");
  }

  void check_type(const YAML::Node& said, const Value& value, const std::string& where) {
    bool right = false;
    std::string wanted;
    for (const auto& type : said.IsSequence() ? std::vector<YAML::Node>(said.begin(), said.end())
                                              : std::vector<YAML::Node>{said}) {
      // An unquoted null is YAML's own.
      const std::string name = type.IsNull() ? "null" : type.Scalar();
      right = right || is_of_type(value, name);
      wanted += wanted.empty() ? name : " or " + name;
    }
    if (!right) note(where, std::string("is of type ") + word_of(value.kind()) + ", not " + wanted);
  }

  void check_one_of(const YAML::Node& said, const Value& value, const std::string& where) {
    const bool right =
        said.IsSequence() ? std::ranges::any_of(std::vector<YAML::Node>(said.begin(), said.end()),
                                                [&](const YAML::Node& each) { return is_equal(value, each); })
                          : is_equal(value, said);
    if (!right) note(where, "is none of the values it may be: " + std::string(value.text()));
  }

  void check_combined(const std::string& keyword, const YAML::Node& said, const Value& value,
                      const std::string& where) {
    const auto right =
        std::ranges::count_if(std::vector<YAML::Node>(said.begin(), said.end()),
                              [&](const YAML::Node& each) { return holds(each, value, where); });
    const auto all = static_cast<std::ptrdiff_t>(said.size());
    const bool enough = keyword == "allOf" ? right == all : keyword == "oneOf" ? right == 1 : right > 0;
    if (!enough) note(where, "fits " + std::to_string(right) + " of its " + keyword);
  }

  bool check_number_keyword(const std::string& keyword, const YAML::Node& said, const Value& value,
                            const std::string& where) {
    if (keyword != "minimum" && keyword != "maximum" && keyword != "exclusiveMinimum") return false;
    if (!value.is(Value::Kind::number)) return true;
    const double number = std::stod(std::string(value.text()));
    const double bound = said.as<double>();
    const bool right = keyword == "minimum"   ? number >= bound
                       : keyword == "maximum" ? number <= bound
                                              : number > bound;
    if (!right) note(where, "is beyond its " + keyword + ": " + std::string(value.text()));
    return true;
  }

  bool check_text_keyword(const std::string& keyword, const YAML::Node& said, const Value& value,
                          const std::string& where) {
    constexpr std::array known{"minLength", "maxLength", "pattern", "format"};
    if (std::ranges::find(known, keyword) == known.end()) return false;
    if (!value.is(Value::Kind::string)) return true;
    const std::string text(value.text());
    const bool right = keyword == "minLength"   ? characters_in(text) >= said.as<std::size_t>()
                       : keyword == "maxLength" ? characters_in(text) <= said.as<std::size_t>()
                       : keyword == "pattern"   ? std::regex_search(text, std::regex(said.Scalar()))
                                                : has_format(text, said.Scalar());
    if (!right) note(where, "is not by its " + keyword + ": " + text);
    return true;
  }

  bool check_object_keyword(const std::string& keyword, const YAML::Node& said, const Value& value,
                            const std::string& where) {
    if (keyword != "required" && keyword != "properties" && keyword != "additionalProperties") return false;
    if (!value.is(Value::Kind::object) || keyword == "additionalProperties") return true;
    if (keyword == "required") {
      for (const auto& name : said) {
        if (value.find(name.Scalar()) == nullptr) note(where, "has no " + name.Scalar());
      }
      return true;
    }
    for (const auto& property : said) {
      const std::string name = property.first.Scalar();
      if (const Value* member = value.find(name)) check(property.second, *member, where + '.' + name);
    }
    return true;
  }

  void check_no_others(const YAML::Node& schema, const Value& value, const std::string& where) {
    const YAML::Node named = schema["properties"];
    const YAML::Node others = schema["additionalProperties"];
    for (const json::Member& member : value.members()) {
      const std::string name(member.name);
      if (named && named[name]) continue;
      if (!others || (others.IsScalar() && others.Scalar() == "false")) {
        note(where, "has a member that the document does not name: " + name);
      } else {
        check(others, member.value, where + '.' + name);
      }
    }
  }

  bool check_array_keyword(const std::string& keyword, const YAML::Node& said, const Value& value,
                           const std::string& where) {
    if (keyword != "items" && keyword != "minItems" && keyword != "maxItems") return false;
    if (!value.is(Value::Kind::array)) return true;
    const auto items = value.items();
    if (keyword == "minItems" && items.size() < said.as<std::size_t>()) note(where, "has too few items");
    if (keyword == "maxItems" && items.size() > said.as<std::size_t>()) note(where, "has too many items");
    if (keyword != "items") return true;
    for (std::size_t i = 0; i < items.size(); ++i) {
      check(said, items[i], where + '[' + std::to_string(i) + ']');
    }
    return true;
  }

  const YAML::Node& root_;
  Faults& faults_;
};

std::vector<std::string> segments_of(const std::string& path) {
  std::vector<std::string> segments;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at + 1), path.size());
    segments.push_back(path.substr(at + 1, end - at - 1));
    at = end;
  }
  return segments;
}

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  return std::ranges::equal(pattern, path, [](const std::string& wanted, const std::string& given) {
    return wanted.starts_with('{') ? !given.empty() : wanted == given;
  });
}

}  // namespace

struct AnswerSchemas::Document {
  const YAML::Node root;
  /// yaml-cpp's nodes are not for several threads, not even to be read.
  mutable std::mutex mutex = {};

  /// nullopt: it has none. What is spelled out goes before a `{…}`.
  std::optional<YAML::Node> operation(std::string method, const std::string& path) const {
    std::ranges::transform(method, method.begin(), [](unsigned char c) { return std::tolower(c); });
    if (method == "head") method = "get";
    const auto wanted = segments_of(path.substr(0, path.find('?')));
    std::optional<YAML::Node> found;
    for (const auto& item : root["paths"]) {
      const std::string pattern = item.first.Scalar();
      if (!fits(segments_of(pattern), wanted) || !item.second[method]) continue;
      if (!found || !pattern.contains('{')) found.emplace(item.second[method]);
    }
    return found;
  }
};

AnswerSchemas::AnswerSchemas(std::string_view yaml)
    : document_(new Document{.root = YAML::Load(std::string(yaml))}) {}
AnswerSchemas::~AnswerSchemas() = default;

std::vector<std::string> AnswerSchemas::faults(const Answer& answer) const {
  Faults faults;
  const std::scoped_lock lock(document_->mutex);
  const YAML::Node& root = document_->root;
  const std::string where = answer.method + ' ' + answer.path + " → " + std::to_string(answer.status);
  SchemaCheck check(root, faults);
  const auto operation = document_->operation(answer.method, answer.path);
  YAML::Node response;
  response.reset(root["components"]["responses"]["Problem"]);
  if (operation) {
    const YAML::Node responses = (*operation)["responses"];
    const YAML::Node exact = responses[std::to_string(answer.status)];
    if (!exact && answer.status < 400) faults.push_back(where + " is no answer that the document names");
    response.reset(check.resolved(exact ? exact : responses["default"]));
  } else if (answer.status < 400) {
    faults.push_back(where + " is no call that the document names");
  }
  const YAML::Node content = std::as_const(response)["content"];
  if (!content || answer.method == "HEAD") {
    if (!answer.body.empty()) faults.push_back(where + " has a body");
    return faults;
  }
  const std::string type = answer.content_type.substr(0, answer.content_type.find(';'));
  if (!content[type]) {
    faults.push_back(where + " is of the type " + type + ", which the document does not name");
    return faults;
  }
  if (!type.ends_with("json")) return faults;
  const auto body = json::parse(answer.body);
  if (!body) {
    faults.push_back(where + " is no JSON");
  } else {
    check.check(content[type]["schema"], body->root(), where);
  }
  return faults;
}

}  // namespace perkline::test
