#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/fleet/child.hpp"
#include "bench/measure/figures.hpp"
#include "shared/core/result.hpp"

namespace perkline::bench {

/// One of bench/ceiling's programs, `ceiling-NAME`.
struct CeilingProgram {
  std::filesystem::path bin_dir;
  std::string name;                         ///< `ceiling-till`
  std::vector<std::string> arguments = {};  ///< `--puts`, `3`
  int core = -1;                            ///< All of it runs there; -1: anywhere.
};

/// Runs one that loads itself to its end, and takes over what it tells. Errors: io_failed (it fails, or
/// prints something else).
Result<Figures> run_ceiling(const CeilingProgram& program);

/// One that serves, ended with this object.
class CeilingServer {
 public:
  /// Returns when it has told its port. `log_file` is overwritten. Errors: io_failed.
  static Result<CeilingServer> start(const CeilingProgram& program, const std::filesystem::path& log_file);
  std::uint16_t port() const { return port_; }
  pid_t pid() const { return child_.pid(); }

 private:
  CeilingServer(Child child, std::uint16_t port) : child_(std::move(child)), port_(port) {}
  Child child_;
  std::uint16_t port_;
};

}  // namespace perkline::bench
