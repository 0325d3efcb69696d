#include <fmt/format.h>

#include "edge/api/terminals.hpp"
#include "edge/commands.hpp"
#include "shared/config/private_file.hpp"
#include "shared/core/random.hpp"
#include "shared/json/writer.hpp"
#include "shared/net/link.hpp"

namespace perkline::edge {
namespace {

/// Where the terminals are kept. Errors: validation_failed, printed already when it is the configuration's
/// own.
Result<std::string> terminals_file(const std::string& config_path) {
  auto config = load_config(config_path);
  if (!config) return failure(config);
  if (config->api.terminals_file.empty()) {
    Error error{.code = Errc::validation_failed, .detail = config_path + ": api.terminals_file is not set"};
    report(error);
    return std::unexpected(std::move(error));
  }
  return config->api.terminals_file;
}

}  // namespace

int keygen(const std::string& out_path) {
  const net::CurveKeys keys = net::make_curve_keys();
  if (auto written = config::make_private_file(out_path, keys.secret_key + '\n'); !written) {
    return report(written.error());
  }
  fmt::print("{}\n", keys.public_key);
  return exit_ok;
}

int terminal_add(const std::string& config_path, const std::string& name) {
  auto path = terminals_file(config_path);
  if (!path) return exit_usage;
  SystemRng rng;
  auto key = api::add_terminal(*path, name, rng);
  if (!key) return report(key.error());
  fmt::print("{}\n", *key);
  return exit_ok;
}

int terminal_list(const std::string& config_path, bool json) {
  auto path = terminals_file(config_path);
  if (!path) return exit_usage;
  auto terminals = api::read_terminals(*path);
  if (!terminals) return report(terminals.error());
  if (!json) {
    for (const api::Terminal& terminal : *terminals) fmt::print("{}\n", terminal.name);
    return exit_ok;
  }
  json::Writer out;
  out.begin_array();
  for (const api::Terminal& terminal : *terminals)
    out.begin_object().field("name", terminal.name).end_object();
  out.end_array();
  fmt::print("{}\n", out.take());
  return exit_ok;
}

int terminal_remove(const std::string& config_path, const std::string& name) {
  auto path = terminals_file(config_path);
  if (!path) return exit_usage;
  if (auto removed = api::remove_terminal(*path, name); !removed) return report(removed.error());
  return exit_ok;
}

}  // namespace perkline::edge
