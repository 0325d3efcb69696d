#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "edge/commands.hpp"
#include "edge/jobs/schedule.hpp"
#include "shared/core/limits.hpp"

namespace {

using namespace perkline::edge;

using Command = std::function<int()>;

constexpr const char* session_or_transaction = "the sessionId, or the till's transactionId";

/// What the command line said.
struct Arguments {
  std::string config;
  std::string name;
  std::string session;
  std::string reason;
  std::string out;
  RestoreArguments restoring;
  std::uint64_t epoch = 0;
  bool json = false;
};

void add_config(CLI::App& app, Arguments& arguments) {
  app.add_option("--config", arguments.config, "edge.yaml")->required();
}

void add_json(CLI::App& app, Arguments& arguments) {
  app.add_flag("--json", arguments.json, "prints JSON");
}

void add_daemon_commands(CLI::App& app, Arguments& arguments, Command& command) {
  CLI::App& serving = *app.add_subcommand("serve", "serves tills until SIGTERM");
  add_config(serving, arguments);
  serving.final_callback([&] { command = [&] { return serve(arguments.config); }; });

  CLI::App& checking = *app.add_subcommand("check-config", "names every fault of a configuration");
  add_config(checking, arguments);
  checking.final_callback([&] { command = [&] { return check_config(arguments.config); }; });

  CLI::App& printing =
      *app.add_subcommand("print-config", "prints the effective configuration, without secrets");
  add_config(printing, arguments);
  printing.final_callback([&] { command = [&] { return print_config(arguments.config); }; });

  CLI::App& telling = *app.add_subcommand("status", "how the daemon is, or what its data says");
  add_config(telling, arguments);
  add_json(telling, arguments);
  telling.final_callback([&] { command = [&] { return status(arguments.config, arguments.json); }; });

  CLI::App& making = *app.add_subcommand("keygen", "makes a CURVE key pair and prints the public key");
  making.add_option("--out", arguments.out, "where the secret key goes")->required();
  making.final_callback([&] { command = [&] { return keygen(arguments.out); }; });
}

void add_terminal_commands(CLI::App& app, Arguments& arguments, Command& command) {
  CLI::App& terminal = *app.add_subcommand("terminal", "which tills may call");
  terminal.require_subcommand(1);

  CLI::App& adding = *terminal.add_subcommand("add", "makes a terminal's key and prints it alone");
  adding.add_option("NAME", arguments.name)->required();
  add_config(adding, arguments);
  adding.final_callback([&] { command = [&] { return terminal_add(arguments.config, arguments.name); }; });

  CLI::App& listing = *terminal.add_subcommand("list", "the terminals' names");
  add_config(listing, arguments);
  add_json(listing, arguments);
  listing.final_callback([&] { command = [&] { return terminal_list(arguments.config, arguments.json); }; });

  CLI::App& removing = *terminal.add_subcommand("remove", "takes a terminal's key away");
  removing.add_option("NAME", arguments.name)->required();
  add_config(removing, arguments);
  removing.final_callback(
      [&] { command = [&] { return terminal_remove(arguments.config, arguments.name); }; });
}

void add_session_commands(CLI::App& app, Arguments& arguments, Command& command) {
  CLI::App& sessions = *app.add_subcommand("sessions", "the tills' sessions");
  sessions.require_subcommand(1);
  CLI::App& showing = *sessions.add_subcommand("show", "everything kept of one session");
  showing.add_option("ID", arguments.session, session_or_transaction)->required();
  add_config(showing, arguments);
  add_json(showing, arguments);
  showing.final_callback(
      [&] { command = [&] { return sessions_show(arguments.config, arguments.session, arguments.json); }; });

  CLI::App& listing = *sessions.add_subcommand("list", "those opened in the last hour");
  add_config(listing, arguments);
  add_json(listing, arguments);
  listing.final_callback([&] { command = [&] { return sessions_list(arguments.config, arguments.json); }; });
}

void add_queue_commands(CLI::App& app, Arguments& arguments, Command& command) {
  CLI::App& queue = *app.add_subcommand("queue", "sales that await PDI, or a person's decision");
  queue.require_subcommand(1);
  CLI::App& listing = *queue.add_subcommand("list", "all of them, those in review first");
  add_config(listing, arguments);
  add_json(listing, arguments);
  listing.final_callback([&] { command = [&] { return queue_list(arguments.config, arguments.json); }; });

  CLI::App& showing = *queue.add_subcommand("show", "everything kept of one");
  CLI::App& retrying = *queue.add_subcommand("retry", "asks PDI once more about one in review");
  CLI::App& discarding = *queue.add_subcommand("discard", "closes one in review: PDI will not book it");
  for (CLI::App* each : {&showing, &retrying, &discarding}) {
    each->add_option("ID", arguments.session, session_or_transaction)->required();
    add_config(*each, arguments);
    add_json(*each, arguments);
  }
  discarding.add_option("--reason", arguments.reason, "why, for the audit")
      ->required()
      ->check(CLI::Validator(
          [](std::string& text) {
            return text.empty() || text.size() > perkline::limits::text_bytes_max ? "1 to 256 bytes"
                                                                                  : std::string();
          },
          "TEXT"));
  showing.final_callback(
      [&] { command = [&] { return sessions_show(arguments.config, arguments.session, arguments.json); }; });
  retrying.final_callback(
      [&] { command = [&] { return queue_retry(arguments.config, arguments.session, arguments.json); }; });
  discarding.final_callback([&] {
    command = [&] {
      return queue_discard(arguments.config, arguments.session, arguments.reason, arguments.json);
    };
  });
}

void add_job_commands(CLI::App& app, Arguments& arguments, Command& command) {
  CLI::App& all = *app.add_subcommand("jobs", "what the daemon does regularly");
  all.require_subcommand(1);
  CLI::App& listing = *all.add_subcommand("list", "each with its schedule and its last success");
  add_config(listing, arguments);
  add_json(listing, arguments);
  listing.final_callback([&] { command = [&] { return jobs_list(arguments.config, arguments.json); }; });

  std::vector<std::string> names;
  names.reserve(jobs::plans.size());
  for (const jobs::Plan& plan : jobs::plans) names.emplace_back(plan.name);
  CLI::App& running = *all.add_subcommand("run", "runs one now and tells what it did");
  running.add_option("NAME", arguments.name)->required()->check(CLI::IsMember(names));
  add_config(running, arguments);
  add_json(running, arguments);
  running.final_callback(
      [&] { command = [&] { return jobs_run(arguments.config, arguments.name, arguments.json); }; });
}

void add_breaker_commands(CLI::App& app, Arguments& arguments, Command& command) {
  CLI::App& all = *app.add_subcommand("breaker", "the circuit breaker of PDI");
  all.require_subcommand(1);
  for (const char* action : {"force-open", "auto"}) {
    CLI::App& one = *all.add_subcommand(
        action, std::string(action) == "auto" ? "lets it decide again" : "keeps PDI from being called");
    add_config(one, arguments);
    add_json(one, arguments);
    one.final_callback(
        [&, action] { command = [&, action] { return breaker(arguments.config, action, arguments.json); }; });
  }
}

void add_storage_commands(CLI::App& app, Arguments& arguments, Command& command) {
  CLI::App& backing = *app.add_subcommand("backup", "backs the data up, also while the daemon runs");
  backing.add_option("DIR", arguments.restoring.folder, "where backups go; each adds what is new")
      ->required();
  backing.final_callback([&] {
    command = [&] { return backup(arguments.config, arguments.restoring.folder, arguments.json); };
  });

  CLI::App& restoring = *app.add_subcommand("restore", "puts a backup where no data is");
  restoring.add_option("DIR", arguments.restoring.folder, "where backups are")->required();
  restoring.add_option("--backup", arguments.restoring.number, "which one; the newest if not said")
      ->check(CLI::PositiveNumber);
  restoring.add_flag("--accept-faults", arguments.restoring.accept_faults,
                     "even if verify finds faults in it");
  restoring.final_callback(
      [&] { command = [&] { return restore(arguments.config, arguments.restoring, arguments.json); }; });

  CLI::App& verifying = *app.add_subcommand("verify", "reads every record and follows every reference");
  verifying.final_callback([&] { command = [&] { return verify(arguments.config, arguments.json); }; });
  for (CLI::App* each : {&backing, &restoring, &verifying}) {
    add_config(*each, arguments);
    add_json(*each, arguments);
  }
}

void add_epoch_commands(CLI::App& app, Arguments& arguments, Command& command) {
  CLI::App& epoch = *app.add_subcommand("epoch", "the epoch of the store's history");
  epoch.require_subcommand(1);
  CLI::App& adopting = *epoch.add_subcommand("adopt", "goes over to the epoch that the hub has granted");
  adopting.add_option("N", arguments.epoch, "as perkline-hub store new-epoch printed it")->required();
  add_config(adopting, arguments);
  add_json(adopting, arguments);
  adopting.final_callback(
      [&] { command = [&] { return epoch_adopt(arguments.config, arguments.epoch, arguments.json); }; });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The store's daemon of Perkline", "perkline-edge");
  app.set_version_flag("--version", PERKLINE_VERSION);
  app.require_subcommand(1);
  Arguments arguments;
  Command command;
  add_daemon_commands(app, arguments, command);
  add_terminal_commands(app, arguments, command);
  add_session_commands(app, arguments, command);
  add_queue_commands(app, arguments, command);
  add_job_commands(app, arguments, command);
  add_breaker_commands(app, arguments, command);
  add_storage_commands(app, arguments, command);
  add_epoch_commands(app, arguments, command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  return command();
}
