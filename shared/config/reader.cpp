#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <expected>
#include <fstream>
#include <optional>
#include <utility>

#include "shared/config/document.hpp"
#include "shared/config/schema.hpp"
#include "shared/config/schema_state.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/limits.hpp"
#include "shared/json/value.hpp"

namespace perkline::config {
namespace {

constexpr std::size_t secret_file_bytes_max = 64 * limits::kib;

/// A file's content, or what to say of it.
std::expected<std::string, std::string> content_of(const std::string& path, std::size_t bytes_max) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected(errno == ENOENT ? "does not exist" : "cannot be read");
  std::string content(bytes_max + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (file.bad()) return std::unexpected("cannot be read");
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.size() > bytes_max)
    return std::unexpected("is longer than " + std::to_string(bytes_max) + " bytes");
  return content;
}

bool is_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && (text.front() < '0' || text.front() > '9') && std::ranges::all_of(text, fits);
}

/// The value of `${NAME}` or `${NAME:-default}`, any other text as it stands. As in the shell an empty
/// variable gives way to the default. The error is what to say of it.
std::expected<std::string, std::string> substituted(const std::string& text) {
  if (!text.starts_with("${") || text.find('}') != text.size() - 1) return text;
  const std::string inner = text.substr(2, text.size() - 3);
  const std::size_t mark = inner.find(":-");
  const std::string name = inner.substr(0, mark);
  if (!is_name(name)) return text;
  const char* value = std::getenv(name.c_str());
  if (mark != std::string::npos) return value == nullptr || *value == '\0' ? inner.substr(mark + 2) : value;
  if (value == nullptr)
    return std::unexpected("needs the environment variable " + name + ", which is not set");
  return value;
}

bool holds_control_characters(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

/// Decimal, without leading zeros (YAML 1.1 took those for octal).
std::optional<std::int64_t> whole_number(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.empty() || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> decimal_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::string whole_number_wanted(std::int64_t low, std::int64_t high) {
  return "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high);
}

/// Every fault of one file's text.
std::vector<FieldFault> faults_of(const std::string& yaml, const Describe& describe);

/// Whether values may come from the environment: not for what others may send.
enum class Source : std::uint8_t { own_file, anybody };

/// Reads one map. Keys that were asked for are remembered, the others are told by finish().
class Reader final : public Schema::State {
 public:
  Reader(const Node& map, std::string path, std::vector<FieldFault>& faults, Source source)
      : map_(map), path_(std::move(path)), faults_(faults), source_(source) {}

  void text(std::string_view key, std::string& value, const TextRule& rule) override {
    if (const auto found = scalar(key)) {
      const auto& choices = rule.choices;
      if (holds_control_characters(*found)) return fault(key, "must not hold control characters");
      if (!choices.empty() && std::ranges::find(choices, *found) == choices.end())
        return fault_choices(key, rule);
      value = *found;
    }
    if (rule.required && value.empty()) fault(key, "is required");
  }

  void secret(std::string_view key, std::string& value, const TextRule& rule) override {
    const std::string file_key = std::string(key) + "_file";
    const auto given = scalar(key);
    const auto file = scalar(file_key);
    if (given && file && !given->empty() && !file->empty()) {
      return fault(key, "must not be given both here and as " + file_key);
    }
    if (given) value = *given;
    if (file && !file->empty()) {
      auto content = content_of(*file, secret_file_bytes_max);
      if (!content) return fault(file_key, "names a file that " + content.error());
      if (content->ends_with('\n')) content->pop_back();
      value = std::move(*content);
    }
    if (rule.required && value.empty() && !faulted(file_key))
      fault(key, "is required, here or as " + file_key);
  }

  void file(std::string_view key, std::string& path) override {
    const auto found = scalar(key);
    if (!found) return;
    if (!found->empty()) {
      if (const auto content = content_of(*found, limits::mib); !content) {
        return fault(key, "names a file that " + content.error());
      }
    }
    path = *found;
  }

  void document(std::string_view key, std::string& path, const Describe& describe) override {
    const auto found = scalar(key);
    if (!found) return;
    path = *found;
    if (path.empty()) return;
    const auto content = content_of(path, limits::config_file_bytes_max);
    if (!content) return fault(key, "names a file that " + content.error());
    for (FieldFault& fault : faults_of(*content, describe)) {
      if (fault.file.empty()) fault.file = path;
      faults_.push_back(std::move(fault));
    }
  }

  void integer(std::string_view key, std::int64_t& value, std::int64_t low, std::int64_t high) override {
    PERKLINE_ASSERT(low <= value && value <= high);
    const auto found = scalar(key);
    if (!found) return;
    const auto number = whole_number(*found);
    if (!number || *number < low || *number > high) return fault(key, whole_number_wanted(low, high));
    value = *number;
  }

  void number(std::string_view key, double& value, double low, double high) override {
    const auto found = scalar(key);
    if (!found) return;
    const auto number = decimal_number(*found);
    if (!number || *number < low || *number > high) {
      return fault(key, "must be a number from " + shortest(low) + " to " + shortest(high));
    }
    value = *number;
  }

  void flag(std::string_view key, bool& value) override {
    const auto found = scalar(key);
    if (!found) return;
    if (*found != "true" && *found != "false") return fault(key, "must be true or false");
    value = *found == "true";
  }

  void texts(std::string_view key, std::vector<std::string>& values, const WrongText& wrong) override {
    const Node* node = take(key);
    if (node == nullptr) return;
    const std::string field = join_path(path_, key);
    const auto check = [&](const std::string& item_field, const std::string& text) {
      std::string reason = wrong ? wrong(text) : "";
      if (!reason.empty()) add_fault(item_field, std::move(reason));
    };
    if (node->kind != Node::Kind::list) {
      const auto one = scalar_of(*node, field);
      if (!one) return;
      if (!one->empty()) check(field, *one);
      values = one->empty() ? std::vector<std::string>{} : std::vector{*one};
      return;
    }
    std::vector<std::string> read;
    for (std::size_t i = 0; i < node->items.size(); ++i) {
      const std::string item_field = join_path(field, i);
      const auto one = scalar_of(node->items[i], item_field);
      if (!one) continue;
      if (one->empty()) {
        add_fault(item_field, "must not be empty");
        continue;
      }
      check(item_field, *one);
      read.push_back(*one);
    }
    values = std::move(read);
  }

  void section(std::string_view key, const Describe& describe) override {
    static const Node empty_map{.kind = Node::Kind::map, .text = {}, .items = {}, .members = {}};
    const Node* node = take(key);
    // A section whose keys are all commented out has no value at all.
    if (node == nullptr || node->kind == Node::Kind::nothing) node = &empty_map;
    read_section(*node, join_path(path_, key), describe);
  }

  void sections(std::string_view key, const std::function<std::size_t()>&,
                const std::function<void(std::size_t)>& resize,
                const std::function<void(Schema&, std::size_t)>& describe) override {
    const Node* node = take(key);
    if (node == nullptr) return;
    const std::string field = join_path(path_, key);
    if (node->kind != Node::Kind::list) {
      if (node->kind != Node::Kind::broken) add_fault(field, "must be a list of maps");
      return;
    }
    resize(0);  // so that no element keeps what stood there by default
    resize(node->items.size());
    for (std::size_t i = 0; i < node->items.size(); ++i) {
      read_section(node->items[i], join_path(field, i), [&](Schema& schema) { describe(schema, i); });
    }
  }

  void integers_by_name(std::string_view key, std::vector<std::pair<std::string, std::int64_t>>& values,
                        std::int64_t low, std::int64_t high) override {
    const auto found = named_texts(key, "must be a map from names to whole numbers");
    if (!found) return;
    values.clear();
    for (const auto& [name, text] : *found) {
      const auto number = whole_number(text);
      if (!number || *number < low || *number > high) {
        fault(join_path(key, name), whole_number_wanted(low, high));
      } else {
        values.emplace_back(name, *number);
      }
    }
  }

  void texts_by_name(std::string_view key,
                     std::vector<std::pair<std::string, std::string>>& values) override {
    if (auto found = named_texts(key, "must be a map from names to values")) values = std::move(*found);
  }

  void fault(std::string_view key, std::string reason) override {
    add_fault(join_path(path_, key), std::move(reason));
  }

  bool reading() const override { return true; }

  void finish() {
    for (const Member& member : map_.members) {
      if (std::ranges::find(taken_, member.key) == taken_.end()) fault(member.key, "is no known key");
    }
  }

 private:
  const Node* take(std::string_view key) {
    PERKLINE_ASSERT(std::ranges::find(taken_, key) == taken_.end());
    taken_.emplace_back(key);
    return map_.find(key);
  }

  /// A map's members that have a value; nullopt: there is no such map.
  std::optional<std::vector<std::pair<std::string, std::string>>> named_texts(std::string_view key,
                                                                              const char* wanted) {
    const Node* node = take(key);
    if (node == nullptr || node->kind == Node::Kind::broken) return std::nullopt;
    const std::string field = join_path(path_, key);
    if (node->kind != Node::Kind::map) {
      add_fault(field, wanted);
      return std::nullopt;
    }
    std::vector<std::pair<std::string, std::string>> read;
    for (const Member& member : node->members) {
      if (auto text = scalar_of(member.value, join_path(field, member.key)))
        read.emplace_back(member.key, std::move(*text));
    }
    return read;
  }

  std::optional<std::string> scalar(std::string_view key) {
    const Node* node = take(key);
    if (node == nullptr) return std::nullopt;
    return scalar_of(*node, join_path(path_, key));
  }

  std::optional<std::string> scalar_of(const Node& node, const std::string& field) {
    switch (node.kind) {
      case Node::Kind::broken:
        return std::nullopt;
      case Node::Kind::nothing:
        add_fault(field, "has no value");
        return std::nullopt;
      case Node::Kind::list:
      case Node::Kind::map:
        add_fault(field, "must be a single value");
        return std::nullopt;
      case Node::Kind::text:
        break;
    }
    if (source_ == Source::anybody) return node.text;
    auto value = substituted(node.text);
    if (value) return std::move(*value);
    add_fault(field, std::move(value.error()));
    return std::nullopt;
  }

  void read_section(const Node& node, const std::string& field, const Describe& describe) {
    if (node.kind == Node::Kind::broken) return;
    if (node.kind != Node::Kind::map) return add_fault(field, "must be a map of keys");
    Reader reader(node, field, faults_, source_);
    Schema schema(reader);
    describe(schema);
    reader.finish();
  }

  void fault_choices(std::string_view key, const TextRule& rule) {
    std::string all;
    for (const std::string& choice : rule.choices) all += (all.empty() ? "" : ", ") + choice;
    fault(key, "must be one of " + all);
  }

  bool faulted(const std::string& key) const { return has_fault(join_path(path_, key)); }

  bool has_fault(const std::string& field) const {
    return std::ranges::any_of(
        faults_, [&](const FieldFault& fault) { return fault.file.empty() && fault.field == field; });
  }

  /// One fault a key: what could not be read has its default now, and no further rule speaks of what the file
  /// says.
  void add_fault(const std::string& field, std::string reason) {
    if (has_fault(field)) return;
    faults_.push_back({field, std::move(reason)});
  }

  const Node& map_;
  std::string path_;
  std::vector<FieldFault>& faults_;
  Source source_;
  std::vector<std::string> taken_;
};

void read_root(const Node& root, const Describe& describe, std::vector<FieldFault>& faults, Source source) {
  Reader reader(root, "", faults, source);
  Schema schema(reader);
  describe(schema);
  reader.finish();
}

std::vector<FieldFault> faults_of(const std::string& yaml, const Describe& describe) {
  std::vector<FieldFault> faults;
  const Node root = read_document(yaml, faults);
  if (root.kind != Node::Kind::broken) read_root(root, describe, faults, Source::own_file);
  return faults;
}

/// As deep as the parser lets it be: limits::json_depth_max.
Node node_of(const json::Value& value) {
  Node node;
  switch (value.kind()) {
    case json::Value::Kind::null:
      return node;
    case json::Value::Kind::boolean:
      node.kind = Node::Kind::text;
      node.text = value.boolean() ? "true" : "false";
      return node;
    case json::Value::Kind::number:
    case json::Value::Kind::string:
      node.kind = Node::Kind::text;
      node.text = value.text();
      return node;
    case json::Value::Kind::array:
      node.kind = Node::Kind::list;
      for (const json::Value& item : value.items()) node.items.push_back(node_of(item));
      return node;
    case json::Value::Kind::object:
      node.kind = Node::Kind::map;
      for (const json::Member& member : value.members())
        node.members.push_back({std::string(member.name), node_of(member.value)});
      return node;
  }
  return node;
}

Error all_of(std::vector<FieldFault> faults) {
  Error error;
  error.code = Errc::validation_failed;
  error.detail = "the configuration has faults";
  error.faults = std::move(faults);
  return error;
}

}  // namespace

Result<void> read_file(const std::string& path, const Describe& describe) {
  const auto content = content_of(path, limits::config_file_bytes_max);
  if (!content) return fail(all_of({{"", content.error()}}));
  std::vector<FieldFault> faults = faults_of(*content, describe);
  if (!faults.empty()) return fail(all_of(std::move(faults)));
  return {};
}

Result<void> read_json(std::string_view text, const Describe& describe) {
  const auto document = json::parse(text);
  if (!document) return std::unexpected(document.error());
  return read_json(document->root(), describe);
}

Result<void> read_json(const json::Value& value, const Describe& describe) {
  const Node root = node_of(value);
  std::vector<FieldFault> faults;
  if (root.kind == Node::Kind::map) {
    read_root(root, describe, faults, Source::anybody);
  } else {
    faults.push_back({"", "must be an object"});
  }
  if (!faults.empty()) return fail(all_of(std::move(faults)));
  return {};
}

}  // namespace perkline::config
