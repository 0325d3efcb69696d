#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "shared/core/result.hpp"

namespace perkline::bench {

struct PostgresServerOptions {
  /// Whether a commit is on disk when it returns. Off, a killed server forgets, and its files are in memory
  /// where there is room: to make and remove the 650 of a database takes ext4 0.2 s.
  bool fsync = true;
  /// A certificate and its key, in PEM: whoever comes over TCP is let in over TLS alone. Empty: without.
  std::string cert_file = {};
  std::string key_file = {};
  /// More of the server's settings, `name=value`; they win over those it has for a test.
  std::vector<std::string> settings = {};
};

/// A PostgreSQL cluster of this process's own, empty, on a free loopback port and in a temporary folder,
/// which both go with it. Nothing of the machine's own clusters is touched. As root it runs as the user
/// postgres, since it refuses to run as root. Killed by the kernel when this process dies. One thread.
class PostgresServer {
 public:
  /// Returns once it takes connections. Errors: io_failed, with what it wrote last.
  static Result<PostgresServer> start(PostgresServerOptions options = {});
  PostgresServer(PostgresServer&&) noexcept;
  ~PostgresServer();

  /// `postgresql://…` of one of its databases, over TCP.
  std::string url(const std::string& database) const;
  /// Of the process that has started all others; 0: it was stopped.
  pid_t pid() const;

  /// One of PostgreSQL's own programs, of the version that start() takes; nullopt: it is not there.
  static std::optional<std::filesystem::path> program(const std::string& name);

  /// As an administrator does: whoever is connected is cut off at once, all that was committed is kept.
  void stop();
  /// As a crash does: nothing more is written down, and the next start recovers from its log.
  void kill();
  /// As a machine does whose disk or hypervisor stands still: none of its processes does anything, all
  /// connections stay.
  void freeze();
  void thaw();
  /// After stop() or kill(), on the same port and data. Errors: io_failed.
  Result<void> start_again();

 private:
  struct State;
  explicit PostgresServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace perkline::bench
