#include "shared/config/schema.hpp"
#include "shared/config/schema_state.hpp"
#include "shared/json/writer.hpp"

namespace perkline::config {
namespace {

/// Writes the members of one object, in the description's order.
class JsonPrinter final : public Schema::State {
 public:
  explicit JsonPrinter(json::Writer& out) : out_(out) {}

  void text(std::string_view key, std::string& value, const TextRule&) override { out_.field(key, value); }
  void secret(std::string_view key, std::string& value, const TextRule&) override {
    out_.field(key, value.empty() ? "" : "***");
  }
  void file(std::string_view key, std::string& path) override { out_.field(key, path); }
  void document(std::string_view key, std::string& path, const Describe&) override { file(key, path); }
  void integer(std::string_view key, std::int64_t& value, std::int64_t, std::int64_t) override {
    out_.field(key, value);
  }
  void number(std::string_view key, double& value, double, double) override { out_.field(key, value); }
  void flag(std::string_view key, bool& value) override { out_.field(key, value); }

  void texts(std::string_view key, std::vector<std::string>& values, const WrongText&) override {
    out_.key(key).begin_array();
    for (const std::string& value : values) out_.value(value);
    out_.end_array();
  }

  void section(std::string_view key, const Describe& describe) override {
    out_.key(key);
    object(describe);
  }

  void sections(std::string_view key, const std::function<std::size_t()>& size,
                const std::function<void(std::size_t)>&,
                const std::function<void(Schema&, std::size_t)>& describe) override {
    out_.key(key).begin_array();
    for (std::size_t i = 0; i < size(); ++i) object([&](Schema& schema) { describe(schema, i); });
    out_.end_array();
  }

  void integers_by_name(std::string_view key, std::vector<std::pair<std::string, std::int64_t>>& values,
                        std::int64_t, std::int64_t) override {
    by_name(key, values);
  }
  void texts_by_name(std::string_view key,
                     std::vector<std::pair<std::string, std::string>>& values) override {
    by_name(key, values);
  }

  void fault(std::string_view, std::string) override {}
  bool reading() const override { return false; }

  void object(const Describe& describe) {
    out_.begin_object();
    Schema schema(*this);
    describe(schema);
    out_.end_object();
  }

 private:
  template <class Values>
  void by_name(std::string_view key, const Values& values) {
    out_.key(key).begin_object();
    for (const auto& [name, value] : values) out_.field(name, value);
    out_.end_object();
  }

  json::Writer& out_;
};

}  // namespace

std::string print_json(const Describe& describe) {
  json::Writer out;
  JsonPrinter(out).object(describe);
  return out.take();
}

}  // namespace perkline::config
