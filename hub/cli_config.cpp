#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "hub/commands.hpp"
#include "hub/db/open.hpp"
#include "hub/signing_key_file.hpp"

namespace perkline::hub {

namespace {

bool any_about(const std::vector<FieldFault>& faults, std::string_view key) {
  return std::ranges::any_of(faults, [key](const FieldFault& fault) {
    // Where the whole file or the key's section is at fault, that is the one thing to mend.
    return fault.field.empty() || fault.field.starts_with(key) || fault.field == key.substr(0, key.find('.'));
  });
}

/// What only serving needs; `faults` are those told already.
std::vector<FieldFault> serving_faults(const HubConfig& config, const std::vector<FieldFault>& faults) {
  std::vector<FieldFault> more;
  if (config.sync.secret_key.empty() && !any_about(faults, "sync.secret_key")) {
    more.push_back({"sync.secret_key", "is required to serve; perkline-hub keygen makes one"});
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
  HubConfig config;
  auto read = config::read_file(path, [&](config::Schema& schema) { describe(schema, config); });
  Error error = read ? Error{.code = Errc::validation_failed, .detail = {}} : std::move(read.error());
  std::ranges::move(serving_faults(config, error.faults), std::back_inserter(error.faults));
  if (read && error.faults.empty()) return config;
  return fail(std::move(error));
}

int check_config(const std::string& config_path) {
  const auto config = read_serving_config(config_path);
  if (config) return exit_ok;
  fmt::print(stderr, "{}", config::fault_lines(config_path, config.error()));
  return exit_usage;
}

int print_config(const std::string& config_path) {
  auto config = load_config(config_path);
  if (!config) return exit_usage;
  fmt::print("{}", print(std::move(*config)));
  return exit_ok;
}

}  // namespace perkline::hub
