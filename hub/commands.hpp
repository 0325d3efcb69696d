#pragma once

#include <string>
#include <string_view>

#include "hub/config.hpp"
#include "shared/core/result.hpp"

/// perkline-hub's subcommands (contract.md §2). Each returns the process's exit code and says on stderr what
/// went wrong. Those that need the database open it themselves, beside whatever daemon runs on it.
namespace perkline::hub {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_newer_data = 78;

/// What a process that fails with `error` exits with.
int exit_code_of(const Error& error);
/// Prints `error` and tells its exit code.
int report(const Error& error);

/// The configuration; its faults are printed, a line each. Errors: validation_failed.
Result<HubConfig> load_config(const std::string& path);

/// Likewise, but printed nowhere, and held to what serving needs: sync.secret_key, a database this version
/// has a driver for, a usable jwt.key_file.
Result<HubConfig> read_serving_config(const std::string& path);

int serve(const std::string& config_path);
int check_config(const std::string& config_path);
int print_config(const std::string& config_path);
int migrate(const std::string& config_path);

/// Writes a new secret key to `out_path` (0600) and prints the public one alone.
int keygen(const std::string& out_path);

int admin_create(const std::string& config_path, const std::string& email, const std::string& password_file);

int store_add(const std::string& config_path, const std::string& id, const std::string& public_key);
int store_list(const std::string& config_path, bool json);
int store_show(const std::string& config_path, const std::string& id, bool json);
int store_revoke_key(const std::string& config_path, const std::string& id);
int store_retire(const std::string& config_path, const std::string& id);
/// Prints the new epoch alone.
int store_new_epoch(const std::string& config_path, const std::string& id, const std::string& reason);
/// Told to the store, and done once it has answered: `store show` says how it stands.
struct StoreOrder {
  std::string store;
  std::string kind;      ///< log-level, rotate-key
  std::string argument;  ///< The level.
};
int store_command(const std::string& config_path, const StoreOrder& order);
/// A restored hub waits for the store no longer, with an audit row.
int store_take_as_told(const std::string& config_path, const std::string& id, const std::string& reason);
int store_accept_gap(const std::string& config_path, const std::string& id, const std::string& reason);

/// Stocks and one-time prizes are as a restored hub knows them, though what was drawn on the web since its
/// backup is lost, with an audit row.
int prizes_take_as_told(const std::string& config_path, const std::string& reason);

/// What the store was leased of prizes, and what was kept for its spins, is lost with it; `earlier`: with the
/// data that it had before its last restore or new epoch. Prints how many units are free again.
int store_write_off_leases(const std::string& config_path, const std::string& id, const std::string& reason,
                           bool earlier);

/// The open ones.
int dead_letters_list(const std::string& config_path, bool json);
int dead_letters_show(const std::string& config_path, const std::string& id, bool json);
/// exit_failed where it still cannot be applied.
int dead_letters_retry(const std::string& config_path, const std::string& id);
int dead_letters_discard(const std::string& config_path, const std::string& id, const std::string& reason);

/// Prints what the clock says, and the time that was last vouched for.
int clock_show(const std::string& config_path, bool json);
/// Vouches for the clock as it is, with an audit row: what waits for that goes on.
int clock_confirm(const std::string& config_path, const std::string& reason);

int jobs_list(bool json);
/// One of the hub's regular jobs, now, beside whatever daemon runs; prints how much it dealt with.
int jobs_run(const std::string& config_path, const std::string& name, bool json);

/// The database as of now into a new file, verified, beside whatever daemon runs.
int backup(const std::string& config_path, const std::string& file);
/// A backup in the database's place, under a new hub incarnation; no daemon may run. What was there is kept
/// beside it.
int restore(const std::string& config_path, const std::string& file);

/// Recomputes every balance and the audit's chain: exit_failed where something does not agree.
int verify(const std::string& config_path, bool json);

}  // namespace perkline::hub
