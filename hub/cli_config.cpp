#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "hub/commands.hpp"
#include "hub/db/open.hpp"
#include "hub/signing_key_file.hpp"

namespace perkline::hub {

namespace {

constexpr std::string_view no_key = "is required to serve; perkline-hub keygen makes one";

bool any_about(const std::vector<FieldFault>& faults, std::string_view key) {
  return std::ranges::any_of(faults, [key](const FieldFault& fault) {
    // Where the whole file or the key's section is at fault, that is the one thing to mend.
    return fault.field.empty() || fault.field.starts_with(key) || fault.field == key.substr(0, key.find('.'));
  });
}

enum class For { checking, serving };

/// What no line of the file shows by itself; `faults` are those told already.
std::vector<FieldFault> more_faults(const HubConfig& config, const std::vector<FieldFault>& faults,
                                    For purpose) {
  std::vector<FieldFault> more;
  if (purpose == For::serving && config.sync.secret_key.empty() && !any_about(faults, "sync.secret_key")) {
    more.push_back({"sync.secret_key", std::string(no_key)});
  }
  if (const auto engine = db::engine_of(config.database.url); !engine && !any_about(faults, "database.url")) {
    more.push_back({"database.url", engine.error().detail});
  }
  if (!config.jwt.key_file.empty() && !any_about(faults, "jwt.key_file")) {
    if (const auto key = read_signing_keys(config.jwt.key_file); !key) {
      more.push_back({"jwt.key_file", key.error().detail});
    }
  }
  return more;
}

Result<HubConfig> read_checked(const std::string& path, For purpose) {
  HubConfig config;
  auto read = config::read_file(path, [&](config::Schema& schema) { describe(schema, config); });
  Error error = read ? Error{.code = Errc::validation_failed, .detail = {}} : std::move(read.error());
  std::ranges::move(more_faults(config, error.faults, purpose), std::back_inserter(error.faults));
  if (read && error.faults.empty()) return config;
  return fail(std::move(error));
}

}  // namespace

int exit_code_of(const Error& error) {
  if (error.code == Errc::newer_format) return exit_newer_data;
  return error.code == Errc::validation_failed ? exit_usage : exit_failed;
}

int report(const Error& error) {
  fmt::print(stderr, "perkline-hub: {}\n", error.detail.empty() ? name_of(error.code) : error.detail);
  return exit_code_of(error);
}

Result<HubConfig> load_config(const std::string& path) {
  auto config = read_config(path);
  if (!config) fmt::print(stderr, "{}", config::fault_lines(path, config.error()));
  return config;
}

Result<HubConfig> read_serving_config(const std::string& path) {
  return read_checked(path, For::serving);
}

int check_config(const std::string& config_path) {
  const auto config = read_checked(config_path, For::checking);
  if (!config) {
    fmt::print(stderr, "{}", config::fault_lines(config_path, config.error()));
    return exit_usage;
  }
  // Nothing is wrong with a file whose key has yet to be made; but nobody should be surprised by `serve`.
  if (config->sync.secret_key.empty()) fmt::print(stderr, "note: sync.secret_key {}\n", no_key);
  return exit_ok;
}

int print_config(const std::string& config_path) {
  auto config = load_config(config_path);
  if (!config) return exit_usage;
  fmt::print("{}", print(std::move(*config)));
  return exit_ok;
}

}  // namespace perkline::hub
