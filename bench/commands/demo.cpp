#include "bench/demo/demo.hpp"

#include <memory>

#include "bench/commands/command.hpp"

namespace perkline::bench {

Command demo_command(CLI::App& app, const std::atomic<bool>& stop) {
  const auto options = std::make_shared<DemoOptions>();
  auto* command = app.add_subcommand("demo", "a whole chain on loopback, with outages, reconciled");
  command->add_option("--bin", options->bin_dir, "where the daemons are")->required();
  command->add_option(
      "--state", options->state_dir,
      "folder for keys, configurations, data and logs; emptied, unless it holds anything else");
  command->add_option("--port-base", options->port_base, "0: free ones")->check(CLI::Range(0, 64000));
  command->add_option("--seconds", options->seconds, "how long the made-up sales last")
      ->check(CLI::Range(6, 86400));
  command->add_option("--baskets", options->baskets_file, "real receipts instead of made-up ones");
  command->add_option("--mail", options->mail_dir,
                      "where npm's smtp-server is, which the hub then mails to; without it it mails nobody");
  command->add_flag("--once", options->once, "end after the table: 0 if all agree, 1 if not");
  return {.app = command, .run = [options, &stop] { return run_demo(*options, stop); }};
}

}  // namespace perkline::bench
