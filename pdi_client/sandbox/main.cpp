#include <csignal>
#include <optional>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "pdi_client/sandbox/sandbox.hpp"
#include "shared/core/limits.hpp"
#include "shared/ops/log.hpp"

namespace {

using namespace perkline;
using pdi::sandbox::Sandbox;
using pdi::sandbox::SandboxConfig;

constexpr int exit_ok = 0;
constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

std::optional<SandboxConfig> load(const std::string& path) {
  if (path.empty()) return SandboxConfig{};
  auto config = pdi::sandbox::read_config(path);
  if (config) return std::move(*config);
  fmt::print(stderr, "{}", config::fault_lines(path, config.error()));
  return std::nullopt;
}

Task<void> drain_and_stop(Sandbox& sandbox, net::Reactor& reactor) {
  co_await sandbox.drain(reactor.clock().mono_now() + limits::drain_timeout);
  reactor.stop();
}

/// As many open calls as the system allows: the usual soft limit of 1024 files is too few.
void allow_many_connections() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

int serve(const SandboxConfig& config) {
  ops::start_log({.level = ops::Level::info, .json = true, .service = "pdi-sandbox"});
  allow_many_connections();
  net::Reactor reactor;
  Sandbox sandbox(reactor, config);
  if (auto started = sandbox.start(); !started) {
    fmt::print(stderr, "pdi-sandbox: {}\n", started.error().detail);
    return exit_failed;
  }
  reactor.on_signal([&](int number) {
    if (number != SIGHUP) reactor.spawn(drain_and_stop(sandbox, reactor));
  });
  ops::log(ops::Level::info, "sandbox", "ready", {{"port", std::int64_t{sandbox.port()}}});
  reactor.run();
  return exit_ok;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Stands in for PDI: token endpoint, the four calls, a ledger, and faults on demand",
               "pdi-sandbox");
  app.set_version_flag("--version", PERKLINE_VERSION);
  app.require_subcommand(1);
  std::string path;
  CLI::App& serving = *app.add_subcommand("serve", "serves until SIGTERM");
  CLI::App& checking = *app.add_subcommand("check-config", "names every fault of a configuration");
  CLI::App& printing =
      *app.add_subcommand("print-config", "prints the effective configuration, without secrets");
  for (CLI::App* command : {&serving, &checking, &printing})
    command->add_option("--config", path, "sandbox.yaml");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  const auto config = load(path);
  if (!config) return exit_usage;
  if (printing.parsed()) fmt::print("{}", pdi::sandbox::print(*config));
  return serving.parsed() ? serve(*config) : exit_ok;
}
