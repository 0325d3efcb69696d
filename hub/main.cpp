#include <functional>
#include <sys/stat.h>

#include <CLI/CLI.hpp>

#include "hub/commands.hpp"

namespace {

using namespace perkline::hub;

using Command = std::function<int()>;

/// What the command line said.
struct Arguments {
  std::string config;
  std::string out;
  std::string email;
  std::string password_file;
  std::string store;
  std::string order;
  std::string level;
  std::string public_key;
  std::string dead_letter;
  std::string job;
  std::string reason;
  std::string file;
  bool json = false;
  bool earlier = false;
};

/// A subcommand that takes `--config` and runs `action`.
CLI::App& add_command(CLI::App& parent, const char* name, const char* says, Arguments& arguments,
                      Command& command, Command action) {
  CLI::App& added = *parent.add_subcommand(name, says);
  added.add_option("--config", arguments.config, "hub.yaml")->required();
  added.final_callback([&command, action = std::move(action)] { command = action; });
  return added;
}

void add_json(CLI::App& app, Arguments& arguments) {
  app.add_flag("--json", arguments.json, "prints JSON");
}

void add_daemon_commands(CLI::App& app, Arguments& a, Command& command) {
  add_command(app, "serve", "serves stores, members and staff until SIGTERM", a, command,
              [&a] { return serve(a.config); });
  add_command(app, "check-config", "names every fault of a configuration", a, command,
              [&a] { return check_config(a.config); });
  add_command(app, "print-config", "prints the effective configuration, without secrets", a, command,
              [&a] { return print_config(a.config); });
  add_command(app, "migrate", "creates the database or brings it to this version's schema", a, command,
              [&a] { return migrate(a.config); });
  add_json(add_command(app, "verify",
                       "recomputes every balance from its entries, and holds sales, prizes' stock and the "
                       "audit against them",
                       a, command, [&a] { return verify(a.config, a.json); }),
           a);

  add_command(app, "backup", "copies the database into a new file and verifies it", a, command,
              [&a] { return backup(a.config, a.file); })
      .add_option("FILE", a.file)
      ->required();
  add_command(app, "restore", "puts a backup in the database's place; no daemon may run", a, command,
              [&a] { return restore(a.config, a.file); })
      .add_option("FILE", a.file)
      ->required();

  CLI::App& making = *app.add_subcommand("keygen", "makes a CURVE key pair and prints the public key");
  making.add_option("--out", a.out, "where the secret key goes")->required();
  making.final_callback([&] { command = [&a] { return keygen(a.out); }; });
}

void add_admin_commands(CLI::App& app, Arguments& a, Command& command) {
  CLI::App& admin = *app.add_subcommand("admin", "who runs the hub");
  admin.require_subcommand(1);
  CLI::App& creating = add_command(admin, "create", "adds an admin", a, command,
                                   [&a] { return admin_create(a.config, a.email, a.password_file); });
  creating.add_option("--email", a.email, "what the admin logs in with")->required();
  creating.add_option("--password-file", a.password_file, "a file with the password, 12 to 128 characters")
      ->required();
}

void add_epoch_commands(CLI::App& store, Arguments& a, Command& command) {
  CLI::App& epoch = add_command(store, "new-epoch", "grants a forked store a new epoch and prints it", a,
                                command, [&a] { return store_new_epoch(a.config, a.store, a.reason); });
  CLI::App& gap = add_command(store, "accept-gap", "goes on behind what a store has lost", a, command,
                              [&a] { return store_accept_gap(a.config, a.store, a.reason); });
  for (CLI::App* each : {&epoch, &gap}) {
    each->add_option("ID", a.store)->required();
    each->add_option("--reason", a.reason, "for the audit")->required();
  }
}

void add_store_commands(CLI::App& app, Arguments& a, Command& command) {
  CLI::App& store = *app.add_subcommand("store", "the stores that may sync");
  store.require_subcommand(1);
  CLI::App& adding = add_command(store, "add", "adds a store, or one more key of a known one", a, command,
                                 [&a] { return store_add(a.config, a.store, a.public_key); });
  adding.add_option("ID", a.store)->required();
  adding.add_option("--public-key", a.public_key, "64 hex digits, by perkline-edge keygen")->required();

  add_json(
      add_command(store, "list", "all stores", a, command, [&a] { return store_list(a.config, a.json); }), a);
  CLI::App& showing = add_command(store, "show", "one store", a, command,
                                  [&a] { return store_show(a.config, a.store, a.json); });
  showing.add_option("ID", a.store)->required();
  add_json(showing, a);
  add_command(store, "revoke-key", "takes every key of a store away", a, command,
              [&a] { return store_revoke_key(a.config, a.store); })
      .add_option("ID", a.store)
      ->required();
  add_command(store, "retire", "closes a store for good", a, command,
              [&a] { return store_retire(a.config, a.store); })
      .add_option("ID", a.store)
      ->required();
  CLI::App& order =
      add_command(store, "command", "tells a store to do something; `show` says how it stands", a, command,
                  [&a] { return store_command(a.config, {a.store, a.order, a.level}); });
  order.add_option("ID", a.store)->required();
  order.add_option("WHAT", a.order, "log-level, until its next start, or rotate-key: a new one for the hub")
      ->required();
  order.add_option("LEVEL", a.level, "with log-level: debug, info, warn or error");
  add_epoch_commands(store, a, command);
  CLI::App& taking =
      add_command(store, "take-as-told", "lets a restored hub wait for this store no longer", a, command,
                  [&a] { return store_take_as_told(a.config, a.store, a.reason); });
  taking.add_option("ID", a.store)->required();
  taking.add_option("--reason", a.reason, "for the audit")->required();
  CLI::App& writing_off =
      add_command(store, "write-off-leases", "gives prizes that a lost store was leased to others", a,
                  command, [&a] { return store_write_off_leases(a.config, a.store, a.reason, a.earlier); });
  writing_off.add_option("ID", a.store)->required();
  writing_off.add_option("--reason", a.reason, "for the audit")->required();
  writing_off.add_flag("--earlier", a.earlier,
                       "for a store that was restored and goes on: those of its lost data alone");
}

void add_dead_letter_commands(CLI::App& app, Arguments& a, Command& command) {
  CLI::App& letters = *app.add_subcommand(
      "dead-letters", "what could not be applied or taken: stores' events, the hub's own");
  letters.require_subcommand(1);
  const auto add_one = [&](const char* name, const char* says, Command action) -> CLI::App& {
    CLI::App& added = add_command(letters, name, says, a, command, std::move(action));
    added.add_option("ID", a.dead_letter)->required();
    return added;
  };
  add_json(add_command(letters, "list", "those that wait for a decision, newest first", a, command,
                       [&a] { return dead_letters_list(a.config, a.json); }),
           a);
  add_json(add_one("show", "one, with its event",
                   [&a] { return dead_letters_show(a.config, a.dead_letter, a.json); }),
           a);
  add_one("retry", "tries to apply one again", [&a] { return dead_letters_retry(a.config, a.dead_letter); });
  add_one("discard", "decides that one will never be applied",
          [&a] { return dead_letters_discard(a.config, a.dead_letter, a.reason); })
      .add_option("--reason", a.reason, "for the audit")
      ->required();
}

void add_job_commands(CLI::App& app, Arguments& a, Command& command) {
  CLI::App& jobs = *app.add_subcommand("jobs", "what the hub does regularly");
  jobs.require_subcommand(1);
  CLI::App& listing = add_command(jobs, "list", "all jobs, and how often each runs", a, command,
                                  [&a] { return jobs_list(a.json); });
  add_json(listing, a);
  CLI::App& running = add_command(jobs, "run", "runs one now", a, command,
                                  [&a] { return jobs_run(a.config, a.job, a.json); });
  running.add_option("NAME", a.job)->required();
  add_json(running, a);
}

void add_clock_commands(CLI::App& app, Arguments& a, Command& command) {
  CLI::App& clock = *app.add_subcommand("clock", "whether the clock is gone by where there is no way back");
  clock.require_subcommand(1);
  add_json(add_command(clock, "show", "what it says, and what was last vouched for", a, command,
                       [&a] { return clock_show(a.config, a.json); }),
           a);
  add_command(clock, "confirm", "says that it is right, however far it is off what was vouched for", a,
              command, [&a] { return clock_confirm(a.config, a.reason); })
      .add_option("--reason", a.reason, "for the audit")
      ->required();
}

void add_prize_commands(CLI::App& app, Arguments& a, Command& command) {
  CLI::App& prizes = *app.add_subcommand("prizes", "what can be won");
  prizes.require_subcommand(1);
  add_command(
      prizes, "take-as-told",
      "lets a restored hub that cannot know what was drawn on the web since its backup give stocked and "
      "one-time prizes as it knows them",
      a, command, [&a] { return prizes_take_as_told(a.config, a.reason); })
      .add_option("--reason", a.reason, "for the audit")
      ->required();
}

}  // namespace

int main(int argc, char** argv) {
  // The database holds keys and password hashes: whatever is made here is its owner's alone.
  ::umask(S_IRWXG | S_IRWXO);
  CLI::App app("The central hub of Perkline", "perkline-hub");
  app.set_version_flag("--version", PERKLINE_VERSION);
  app.require_subcommand(1);
  Arguments arguments;
  Command command;
  add_daemon_commands(app, arguments, command);
  add_admin_commands(app, arguments, command);
  add_store_commands(app, arguments, command);
  add_dead_letter_commands(app, arguments, command);
  add_job_commands(app, arguments, command);
  add_clock_commands(app, arguments, command);
  add_prize_commands(app, arguments, command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  return command();
}
