#pragma once

#include <cstdint>
#include <string>

#include "edge/config.hpp"
#include "shared/core/result.hpp"

/// perkline-edge's subcommands (contract.md §2). Each returns the process's exit code and says on stderr what
/// went wrong.
namespace perkline::edge {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_newer_data = 78;

int exit_code_of(const Error& error);
/// Prints `error`, each of its faults on a line, and gives its exit code.
int report(const Error& error);

/// The configuration; its faults are printed, a line each. Errors: validation_failed.
Result<EdgeConfig> load_config(const std::string& path);

int serve(const std::string& config_path);
int check_config(const std::string& config_path);
int print_config(const std::string& config_path);

/// Writes a new secret key to `out_path` (0600) and prints the public one alone.
int keygen(const std::string& out_path);

int terminal_add(const std::string& config_path, const std::string& name);
int terminal_list(const std::string& config_path, bool json);
int terminal_remove(const std::string& config_path, const std::string& name);

/// These ask the running daemon over its control socket, else open the data.
int status(const std::string& config_path, bool json);
int sessions_list(const std::string& config_path, bool json);
/// `name`: a session's id, or the till's for its sale or a return of it.
int sessions_show(const std::string& config_path, const std::string& name, bool json);
int queue_list(const std::string& config_path, bool json);
int queue_retry(const std::string& config_path, const std::string& name, bool json);
/// `reason`: not empty.
int queue_discard(const std::string& config_path, const std::string& name, const std::string& reason,
                  bool json);
int jobs_list(const std::string& config_path, bool json);
/// `name`: one of jobs::plans. Answers when it has run.
int jobs_run(const std::string& config_path, const std::string& name, bool json);
/// Verified; by the running daemon, else from the data.
int backup(const std::string& config_path, const std::string& folder, bool json);
struct RestoreArguments {
  std::string folder;
  std::uint32_t number = 0;  ///< Which backup; 0: the newest.
  bool accept_faults = false;
};
/// Where no daemon runs and no journal is.
int restore(const std::string& config_path, const RestoreArguments& arguments, bool json);
/// Every record and reference; beside a running daemon too. exit_failed when there is a fault.
int verify(const std::string& config_path, bool json);
/// `action`: force-open, auto. Errors when no daemon runs.
int breaker(const std::string& config_path, const std::string& action, bool json);

/// Goes over to the epoch the hub has granted. exit_usage for another.
int epoch_adopt(const std::string& config_path, std::uint64_t epoch, bool json);

}  // namespace perkline::edge
