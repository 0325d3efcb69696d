#include "tests/support/openapi_check.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <yaml-cpp/yaml.h>

#include "shared/net/router.hpp"

namespace perkline::test {
namespace {

struct Operation {
  std::string path;
  YAML::Node node;
  YAML::Node path_item;
};
/// By `GET /path`.
using Operations = std::map<std::string, Operation>;

class Check {
 public:
  explicit Check(std::string_view yaml) : root_(YAML::Load(std::string(yaml))) {}

  std::vector<std::string> against(const net::Router& router) {
    if (!root_["openapi"] || !root_["openapi"].Scalar().starts_with("3.1."))
      note("the document", "is no OpenAPI 3.1");
    collect_operations();
    follow_references(root_, "the document");
    std::set<std::string> routed;
    for (const auto& route : router.routes()) {
      const std::string name = std::string(name_of(route.method)) + ' ' + route.pattern;
      routed.insert(name);
      const auto found = operations_.find(name);
      if (found == operations_.end()) {
        note(name, "is a route the document does not have");
      } else {
        check_credentials(name, found->second, route.access);
      }
    }
    for (const auto& [name, operation] : operations_) {
      if (!routed.contains(name)) note(name, "is in the document but is no route");
      check_operation(name, operation);
    }
    return std::move(differences_);
  }

 private:
  void note(const std::string& where, const std::string& what) { differences_.push_back(where + ' ' + what); }

  void collect_operations() {
    constexpr std::array methods{"get", "head", "post", "put", "patch", "delete", "options"};
    for (const auto& item : root_["paths"]) {
      for (const auto& member : item.second) {
        std::string method = member.first.Scalar();
        if (std::ranges::find(methods, method) == methods.end()) continue;
        std::ranges::transform(method, method.begin(),
                               [](char c) { return static_cast<char>(c - 'a' + 'A'); });
        const std::string path = item.first.Scalar();
        operations_[method + ' ' + path] = {path, member.second, item.second};
      }
    }
  }

  YAML::Node resolved(const std::string& reference) {
    if (!reference.starts_with("#/")) return YAML::Node(YAML::NodeType::Undefined);
    std::vector<YAML::Node> way{root_};
    std::string_view rest = std::string_view(reference).substr(2);
    while (!rest.empty()) {
      const std::string name(rest.substr(0, rest.find('/')));
      rest.remove_prefix(std::min(name.size() + 1, rest.size()));
      const YAML::Node& last = way.back();
      if (!last.IsMap() || !last[name]) return YAML::Node(YAML::NodeType::Undefined);
      way.push_back(last[name]);
    }
    return way.back();
  }

  void follow_references(const YAML::Node& node, const std::string& where) {
    if (node.IsSequence()) {
      for (const auto& item : node) follow_references(item, where);
    }
    if (!node.IsMap()) return;
    for (const auto& member : node) {
      const std::string name = member.first.Scalar();
      if (name == "$ref" && member.second.IsScalar()) {
        if (!resolved(member.second.Scalar()).IsDefined())
          note(where, "refers to " + member.second.Scalar() + ", which is not there");
      } else {
        follow_references(member.second, where == "the document" ? name : where + '.' + name);
      }
    }
  }

  void check_credentials(const std::string& name, const Operation& operation, const std::string& access) {
    const YAML::Node security = operation.node["security"] ? operation.node["security"] : root_["security"];
    const bool needed = security && security.size() > 0;
    if (needed && access == "anyone") note(name, "needs no credentials, but the document says so");
    if (!needed && access != "anyone")
      note(name, "needs credentials (" + access + "), but the document does not say so");
  }

  void check_operation(const std::string& name, const Operation& operation) {
    const YAML::Node& node = operation.node;
    if (!node["summary"]) note(name, "has no summary");
    if (!node["operationId"]) {
      note(name, "has no operationId");
    } else if (!operation_ids_.insert(node["operationId"].Scalar()).second) {
      note(name, "has the operationId of another: " + node["operationId"].Scalar());
    }
    const YAML::Node answers = node["responses"];
    const bool success =
        answers && std::ranges::any_of(std::array{"101", "200", "201", "202", "204"},
                                       [&](const char* status) { return answers[status].IsDefined(); });
    if (!success) note(name, "has no successful answer");
    if (!answers || !answers["default"]) note(name, "has no default answer");
    if (name.starts_with("GET ") && node["requestBody"]) note(name, "has a request body");
    check_path_parameters(name, operation);
  }

  void check_path_parameters(const std::string& name, const Operation& operation) {
    std::set<std::string> declared;
    for (const auto& list : {operation.node["parameters"], operation.path_item["parameters"]}) {
      if (!list) continue;
      for (const auto& entry : list) {
        const YAML::Node parameter = entry["$ref"] ? resolved(entry["$ref"].Scalar()) : YAML::Node(entry);
        if (parameter.IsMap() && parameter["in"] && parameter["in"].Scalar() == "path")
          declared.insert(parameter["name"].Scalar());
      }
    }
    std::set<std::string> used;
    for (auto open = operation.path.find('{'); open != std::string::npos;
         open = operation.path.find('{', open + 1)) {
      used.insert(operation.path.substr(open + 1, operation.path.find('}', open) - open - 1));
    }
    if (declared != used) note(name, "does not declare its path parameters as its path has them");
  }

  const YAML::Node root_;
  Operations operations_;
  std::set<std::string> operation_ids_;
  std::vector<std::string> differences_;
};

}  // namespace

std::vector<std::string> openapi_differences(std::string_view yaml, const net::Router& router) {
  return Check(yaml).against(router);
}

}  // namespace perkline::test
