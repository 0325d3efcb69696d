#include <algorithm>
#include <utility>

#include "shared/config/document.hpp"
#include "shared/config/schema.hpp"
#include "shared/config/schema_state.hpp"

namespace perkline::config {
namespace {

using Values = std::vector<std::pair<std::string, std::string>>;

/// Every key with its value as text, in the description's order.
class Flattener final : public Schema::State {
 public:
  Flattener(Values& values, std::string path) : values_(values), path_(std::move(path)) {}

  void text(std::string_view key, std::string& value, const TextRule&) override { add(key, value); }
  void secret(std::string_view key, std::string& value, const TextRule&) override { add(key, value); }
  void file(std::string_view key, std::string& path) override { add(key, path); }
  void integer(std::string_view key, std::int64_t& value, std::int64_t, std::int64_t) override {
    add(key, std::to_string(value));
  }
  void number(std::string_view key, double& value, double, double) override { add(key, shortest(value)); }
  void flag(std::string_view key, bool& value) override { add(key, value ? "true" : "false"); }

  void document(std::string_view key, std::string& path, const Describe& describe) override {
    add(key, path);
    nested(join_path(path_, key), describe);
  }
  void texts(std::string_view key, std::vector<std::string>& values, const WrongText&) override {
    std::string all;
    for (const std::string& value : values) all += std::to_string(value.size()) + ':' + value;
    add(key, std::move(all));
  }
  void section(std::string_view key, const Describe& describe) override {
    nested(join_path(path_, key), describe);
  }
  void sections(std::string_view key, const std::function<std::size_t()>& size,
                const std::function<void(std::size_t)>&,
                const std::function<void(Schema&, std::size_t)>& describe) override {
    for (std::size_t i = 0; i < size(); ++i) {
      nested(join_path(path_, key) + '[' + std::to_string(i) + ']',
             [&](Schema& schema) { describe(schema, i); });
    }
  }
  void integers_by_name(std::string_view key, std::vector<std::pair<std::string, std::int64_t>>& values,
                        std::int64_t, std::int64_t) override {
    for (const auto& [name, value] : values)
      values_.emplace_back(join_path(join_path(path_, key), name), std::to_string(value));
  }

  void texts_by_name(std::string_view key,
                     std::vector<std::pair<std::string, std::string>>& values) override {
    for (const auto& [name, value] : values)
      values_.emplace_back(join_path(join_path(path_, key), name), value);
  }

  void fault(std::string_view, std::string) override {}
  bool reading() const override { return false; }

 private:
  void add(std::string_view key, std::string value) {
    values_.emplace_back(join_path(path_, key), std::move(value));
  }
  void nested(std::string path, const Describe& describe) {
    Flattener members(values_, std::move(path));
    Schema schema(members);
    describe(schema);
  }

  Values& values_;
  std::string path_;
};

Values flattened(const Describe& describe) {
  Values values;
  Flattener all(values, "");
  Schema schema(all);
  describe(schema);
  return values;
}

}  // namespace

std::vector<std::string> changed_keys(const Describe& before, const Describe& after) {
  const Values was = flattened(before);
  const Values is = flattened(after);
  std::vector<std::string> changed;
  for (const auto& entry : is) {
    if (std::ranges::find(was, entry) == was.end()) changed.push_back(entry.first);
  }
  for (const auto& [key, value] : was) {
    if (std::ranges::find(is, key, &Values::value_type::first) == is.end()) changed.push_back(key);
  }
  return changed;
}

}  // namespace perkline::config
