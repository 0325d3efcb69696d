#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "shared/core/result.hpp"

namespace perkline::bench {

/// A program of ours that runs beside this process, its output appended to a file. Killed when this object
/// goes, and by the kernel when this process dies. One thread.
class Child {
 public:
  /// `environment`: `NAME=value`, beside what this process has. Errors: io_failed (no such program, no such
  /// folder).
  static Result<Child> start(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                             const std::filesystem::path& log_file,
                             const std::vector<std::string>& environment = {});
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  bool running();
  /// SIGKILL, and waits for its end.
  void kill();
  /// SIGTERM, and waits up to `patience` (then SIGKILL). The exit status as the shell has it: 128 + signal
  /// when killed.
  int terminate(std::chrono::milliseconds patience = std::chrono::seconds(15));
  pid_t pid() const { return pid_; }

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  bool reap(bool wait);
  pid_t pid_ = -1;
  std::optional<int> status_;
};

/// The end of a log, to tell of a program that does not do as it should; empty where there is none.
std::string last_lines(const std::filesystem::path& log);

struct CommandOutput {
  int status = 0;   ///< As the shell has it.
  std::string out;  ///< Standard output, without the last newline.
  std::string err;
};

/// Runs a program to its end. Errors: io_failed.
Result<CommandOutput> run_command(const std::filesystem::path& program,
                                  const std::vector<std::string>& arguments);

}  // namespace perkline::bench
