#include <array>
#include <atomic>
#include <signal.h>

#include <CLI/CLI.hpp>

#include "bench/commands/command.hpp"

namespace {

using namespace perkline::bench;

std::atomic<bool> stop_asked{false};

void ask_to_stop(int) {
  stop_asked = true;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Load, measurements, replay and the demo for Perkline", "perkline-bench");
  app.set_version_flag("--version", PERKLINE_VERSION);
  app.require_subcommand(1);
  const std::array commands{replay_command(app, stop_asked), edge_command(app, stop_asked),
                            demo_command(app, stop_asked), hub_command(app, stop_asked),
                            sync_command(app, stop_asked)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  struct sigaction action{};
  action.sa_handler = ask_to_stop;
  action.sa_flags =
      static_cast<int>(SA_RESETHAND);  // A second one ends this at once, and the children with it.
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return exit_usage;
}
