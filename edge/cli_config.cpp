#include <fmt/format.h>

#include "edge/commands.hpp"

namespace perkline::edge {

int exit_code_of(const Error& error) {
  if (error.code == Errc::newer_format) return exit_newer_data;
  return error.code == Errc::validation_failed ? exit_usage : exit_failed;
}

int report(const Error& error) {
  for (const FieldFault& fault : error.faults)
    fmt::print(stderr, "perkline-edge: {}: {}\n", fault.field, fault.message);
  if (error.faults.empty())
    fmt::print(stderr, "perkline-edge: {}\n", error.detail.empty() ? name_of(error.code) : error.detail);
  return exit_code_of(error);
}

Result<EdgeConfig> load_config(const std::string& path) {
  auto config = read_config(path);
  if (!config) fmt::print(stderr, "{}", config::fault_lines(path, config.error()));
  return config;
}

int check_config(const std::string& config_path) {
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  // Nothing is wrong with a store that has no hub; but one with a key for it was meant to have one.
  const EdgeConfig::Hub& hub = config->hub;
  if (hub.endpoint.empty() && !(hub.hub_public_key.empty() && hub.secret_key.empty()))
    fmt::print(stderr, "note: hub.endpoint is empty: no sale goes to a hub\n");
  return exit_ok;
}

int print_config(const std::string& config_path) {
  auto config = load_config(config_path);
  if (!config) return exit_usage;
  fmt::print("{}", print(std::move(*config)));
  return exit_ok;
}

}  // namespace perkline::edge
