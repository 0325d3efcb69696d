#include "hub/api/openapi.hpp"

#include <charconv>
#include <optional>

#include <yaml-cpp/yaml.h>

#include "shared/json/writer.hpp"

namespace perkline::hub::api {

/// Written by CMake.
extern const std::string_view openapi_yaml_text;

namespace {

template <class Number>
std::optional<Number> number_in(const std::string& text) {
  // from_chars would take "inf" and "nan" for numbers.
  if (text.empty() || (text.front() != '-' && (text.front() < '0' || text.front() > '9')))
    return std::nullopt;
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

void write_scalar(json::Writer& out, const YAML::Node& node) {
  const std::string& text = node.Scalar();
  constexpr std::string_view plain = "?";
  if (node.Tag() != plain) {
    out.value(text);
  } else if (text == "true" || text == "false") {
    out.value(text == "true");
  } else if (text == "null" || text == "~") {
    out.null();
  } else if (const auto whole = number_in<std::int64_t>(text)) {
    out.value(*whole);
  } else if (const auto number = number_in<double>(text)) {
    out.value(*number);
  } else {
    out.value(text);
  }
}

void write_node(json::Writer& out, const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      out.null();
      return;
    case YAML::NodeType::Scalar:
      write_scalar(out, node);
      return;
    case YAML::NodeType::Sequence:
      out.begin_array();
      for (const auto& item : node) write_node(out, item);
      out.end_array();
      return;
    case YAML::NodeType::Map:
      out.begin_object();
      for (const auto& member : node) {
        out.key(member.first.Scalar());
        write_node(out, member.second);
      }
      out.end_object();
      return;
  }
}

}  // namespace

std::string_view openapi_yaml() {
  return openapi_yaml_text;
}

Result<std::string> yaml_to_json(std::string_view yaml) {
  try {
    json::Writer out;
    write_node(out, YAML::Load(std::string(yaml)));
    return out.take();
  } catch (const YAML::Exception&) {
    return fail(Errc::validation_failed, "is no YAML");
  }
}

}  // namespace perkline::hub::api
