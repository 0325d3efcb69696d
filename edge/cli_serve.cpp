#include "edge/commands.hpp"
#include "edge/daemon.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge {

int serve(const std::string& config_path) {
  auto config = load_config(config_path);
  if (!config) return exit_usage;
  ops::start_log({.level = *ops::level_named(config->log.level),
                  .json = config->log.format == "json",
                  .service = "perkline-edge"});
  Daemon daemon(std::move(*config), config_path);
  auto served = daemon.run();
  if (!served) ops::log(ops::Level::error, "daemon", "cannot serve", {{"reason", served.error().detail}});
  return served ? exit_ok : exit_code_of(served.error());
}

}  // namespace perkline::edge
