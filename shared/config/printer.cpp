#include <yaml-cpp/emitter.h>

#include "shared/config/schema.hpp"
#include "shared/config/schema_state.hpp"

namespace perkline::config {
namespace {

/// Writes the members of one map, in the description's order.
class Printer final : public Schema::State {
 public:
  explicit Printer(YAML::Emitter& out) : out_(out) {}

  void text(std::string_view key, std::string& value, const TextRule&) override {
    begin(key) << YAML::DoubleQuoted << value;
  }
  void secret(std::string_view key, std::string& value, const TextRule&) override {
    begin(key) << YAML::DoubleQuoted << (value.empty() ? "" : "***");
  }
  void file(std::string_view key, std::string& path) override { begin(key) << YAML::DoubleQuoted << path; }
  void document(std::string_view key, std::string& path, const Describe&) override { file(key, path); }
  void integer(std::string_view key, std::int64_t& value, std::int64_t, std::int64_t) override {
    begin(key) << value;
  }
  void number(std::string_view key, double& value, double, double) override { begin(key) << shortest(value); }
  void flag(std::string_view key, bool& value) override { begin(key) << (value ? "true" : "false"); }

  void texts(std::string_view key, std::vector<std::string>& values, const WrongText&) override {
    begin(key) << YAML::Flow << YAML::BeginSeq;
    for (const std::string& value : values) out_ << YAML::DoubleQuoted << value;
    out_ << YAML::EndSeq;
  }

  void section(std::string_view key, const Describe& describe) override {
    begin(key);
    map(describe);
  }

  void sections(std::string_view key, const std::function<std::size_t()>& size,
                const std::function<void(std::size_t)>&,
                const std::function<void(Schema&, std::size_t)>& describe) override {
    begin(key) << YAML::BeginSeq;
    for (std::size_t i = 0; i < size(); ++i) {
      map([&](Schema& schema) { describe(schema, i); });
    }
    out_ << YAML::EndSeq;
  }

  void integers_by_name(std::string_view key, std::vector<std::pair<std::string, std::int64_t>>& values,
                        std::int64_t, std::int64_t) override {
    begin(key) << YAML::BeginMap;
    for (const auto& [name, value] : values) {
      out_ << YAML::Key << YAML::DoubleQuoted << name << YAML::Value << value;
    }
    out_ << YAML::EndMap;
  }

  void texts_by_name(std::string_view key,
                     std::vector<std::pair<std::string, std::string>>& values) override {
    begin(key) << YAML::BeginMap;
    for (const auto& [name, value] : values) {
      out_ << YAML::Key << YAML::DoubleQuoted << name << YAML::Value << YAML::DoubleQuoted << value;
    }
    out_ << YAML::EndMap;
  }

  void fault(std::string_view, std::string) override {}
  bool reading() const override { return false; }

  void map(const Describe& describe) {
    out_ << YAML::BeginMap;
    Printer members(out_);
    Schema schema(members);
    describe(schema);
    out_ << YAML::EndMap;
  }

 private:
  YAML::Emitter& begin(std::string_view key) { return out_ << YAML::Key << std::string(key) << YAML::Value; }

  YAML::Emitter& out_;
};

}  // namespace

std::string print(const Describe& describe) {
  YAML::Emitter out;
  Printer(out).map(describe);
  return std::string(out.c_str(), out.size()) + '\n';
}

}  // namespace perkline::config
