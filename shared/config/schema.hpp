#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/result.hpp"

namespace perkline::json {
class Value;
}

namespace perkline::config {

class Schema;

/// Names every key of a configuration once, through the Schema's calls; the same description reads, checks
/// and prints.
///
///     void describe(config::Schema& s, EdgeConfig& c) {
///       s.text("store_id", c.store_id, {.required = true});
///       s.section("api", [&](config::Schema& api) { api.text("listen", c.api.listen); });
///     }
using Describe = std::function<void(Schema&)>;

/// What is wrong with a text, as a fault's reason; empty: nothing is.
using WrongText = std::function<std::string(std::string_view text)>;

struct TextRule {
  bool required = false;             ///< Empty is a fault.
  std::vector<std::string> choices;  ///< When not empty: one of these.
};

/// A value that is exactly `${NAME}` or `${NAME:-default}` comes from the environment (unset without default:
/// a fault; as in the shell an empty variable gives way to the default). A key nobody described is a fault.
/// Every fault is gathered, none stops the reading, and a key tells its first one only; a variable keeps its
/// default where its key is absent or wrong.
class Schema {
 public:
  void text(std::string_view key, std::string& value, TextRule rule = {});
  /// Also `<key>_file`: the file's content, less one trailing newline. Printed as `***`. Both given: a fault.
  void secret(std::string_view key, std::string& value, TextRule rule = {});
  /// A path; when not empty, a readable file.
  void file(std::string_view key, std::string& path);
  void integer(std::string_view key, std::int64_t& value, std::int64_t low, std::int64_t high);
  void number(std::string_view key, double& value, double low, double high);
  void flag(std::string_view key, bool& value);
  /// A path; when not empty, a strict YAML file of its own, which `describe` reads along. Its faults are told
  /// with this one's, under its own name. Printed as the path alone;
  /// what differs in it is a key below this one.
  void document(std::string_view key, std::string& path, const Describe& describe);
  /// A text or a list of texts, each held against `wrong`.
  void texts(std::string_view key, std::vector<std::string>& values, const WrongText& wrong = {});
  void section(std::string_view key, const Describe& describe);
  /// A list of sections; `describe` is called once for each, with its index, after `resize(count)`.
  void sections(std::string_view key, std::function<std::size_t()> size,
                std::function<void(std::size_t)> resize,
                const std::function<void(Schema&, std::size_t)>& describe);
  /// A map from text keys of the file's choice to whole numbers (prize points, tier thresholds).
  void integers_by_name(std::string_view key, std::vector<std::pair<std::string, std::int64_t>>& values,
                        std::int64_t low, std::int64_t high);
  /// The same, to texts.
  void texts_by_name(std::string_view key, std::vector<std::pair<std::string, std::string>>& values);
  /// A rule of the caller's own about `key` of this section: `s.fault("listen", "needs api.terminals_file")`.
  /// Ignored while printing.
  void fault(std::string_view key, std::string reason);
  bool reading() const;

  struct State;
  explicit Schema(State& state) : state_(state) {}

 private:
  State& state_;
};

/// Reads a strict YAML file of up to limits::config_file_bytes_max (local and trusted; yaml-cpp 0.7 is no
/// parser for hostile input). Errors: validation_failed with every fault, each `field` being the full key
/// (`api.listen`; empty for the file as a whole).
Result<void> read_file(const std::string& path, const Describe& describe);

/// The same for a JSON object, which may come from anybody: nothing is taken from the environment. For
/// descriptions that name no file and no secret. The caller bounds the length. Errors: malformed_json,
/// validation_failed with every fault.
Result<void> read_json(std::string_view text, const Describe& describe);
Result<void> read_json(const json::Value& value, const Describe& describe);
/// As JSON that read_json takes again; texts stay texts, whatever they stand for.
std::string print_json(const Describe& describe);

/// The effective configuration as YAML that read_file takes again, secrets as `***` (empty where there is
/// none).
std::string print(const Describe& describe);

/// The keys (`api.listen`) whose values are not the same in both, a secret's among them; the description's
/// order.
std::vector<std::string> changed_keys(const Describe& before, const Describe& after);

/// One line a fault: `edge.yaml: api.listen: is not host:port`.
std::string fault_lines(const std::string& path, const Error& error);

}  // namespace perkline::config
