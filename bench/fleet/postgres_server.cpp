#include "bench/fleet/postgres_server.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <optional>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <libpq-fe.h>

#include "bench/fleet/child.hpp"
#include "bench/fleet/children.hpp"
#include "bench/fleet/reserved_port.hpp"
#include "shared/core/assert.hpp"

namespace perkline::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* superuser = "perkline";
constexpr std::chrono::seconds patience{30};

/// Where Linux has files in memory, if there is room for a cluster: that of a container may be small.
std::optional<fs::path> memory() {
  constexpr std::uintmax_t room_min = 1ULL << 30;
  const fs::path shared = "/dev/shm";
  std::error_code error;
  const auto space = fs::space(shared, error);
  if (error || space.available < room_min || ::access(shared.c_str(), W_OK) != 0) return std::nullopt;
  return shared;
}

/// A folder of its own, gone with everything in it at the end.
class OwnFolder {
 public:
  explicit OwnFolder(const fs::path& parent) {
    std::string pattern = (parent / "perkline-postgres-XXXXXX").string();
    PERKLINE_ASSERT(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  OwnFolder(const OwnFolder&) = delete;
  OwnFolder& operator=(const OwnFolder&) = delete;
  ~OwnFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

/// Asks again and again until it is so; false when it is not so after `patience`.
bool eventually(const std::function<bool()>& so) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!so()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

/// Where Debian puts PostgreSQL's own programs: the newest version's.
std::optional<fs::path> find_programs() {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", error)) {
    if (fs::exists(version.path() / "bin" / "initdb", error)) found.push_back(version.path() / "bin");
  }
  if (found.empty()) return std::nullopt;
  return std::ranges::max(
      found, {}, [](const fs::path& bin) { return std::atoi(bin.parent_path().filename().c_str()); });
}

/// A command line that runs as somebody who is not root, and dies with us.
struct CommandLine {
  fs::path program;
  std::vector<std::string> arguments;
};
CommandLine unprivileged(const fs::path& program, std::vector<std::string> arguments) {
  if (::geteuid() != 0) return {program, std::move(arguments)};
  std::vector<std::string> all{"--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=KILL",
                               program.string()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return {"setpriv", std::move(all)};
}

}  // namespace

struct PostgresServer::State {
  explicit State(PostgresServerOptions chosen)
      : options(std::move(chosen)),
        folder(options.fsync ? fs::temp_directory_path() : memory().value_or(fs::temp_directory_path())) {}

  PostgresServerOptions options;
  fs::path programs;
  OwnFolder folder;
  SystemRng rng;
  ReservedPort port = ReservedPort::any(rng);
  std::optional<Child> server;

  std::string data() const { return folder.file("data"); }
  std::string log() const { return folder.file("log"); }
  Result<void> make();
  /// So that the server takes its certificate, and nobody without TLS.
  Result<void> use_tls();
  Result<void> launch();
  void end(int signal);
  /// To the server and then to all it has started: once it stands still it starts no more.
  void signal_all(int signal);
};

namespace {

/// A copy that PostgreSQL takes for a secret: its own, and nobody else's.
Result<void> hand_over(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, error);
  if (!error) fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write, error);
  const passwd* user = ::geteuid() == 0 ? ::getpwnam("postgres") : nullptr;
  const bool given = user == nullptr || ::chown(to.c_str(), user->pw_uid, user->pw_gid) == 0;
  if (error || !given) return fail(Errc::io_failed, to.string());
  return {};
}

}  // namespace

Result<void> PostgresServer::State::use_tls() {
  if (options.cert_file.empty()) return {};
  for (const auto& [from, name] :
       {std::pair(options.cert_file, "server.crt"), {options.key_file, "server.key"}}) {
    if (auto given = hand_over(from, folder.file(name)); !given) return given;
  }
  std::ofstream(data() + "/pg_hba.conf") << "local all all trust\nhostssl all all all trust\n";
  return {};
}

Result<void> PostgresServer::State::make() {
  if (::geteuid() == 0) {
    const passwd* user = ::getpwnam("postgres");
    if (user == nullptr || ::chown(folder.path().c_str(), user->pw_uid, user->pw_gid) != 0)
      return fail(Errc::io_failed, "there is no user postgres");
  }
  const auto [program, arguments] =
      unprivileged(programs / "initdb", {"--pgdata", data(), "--username", superuser, "--auth=trust",
                                         "--locale=C", "--encoding=UTF8", "--no-instructions", "--no-sync"});
  const auto made = run_command(program, arguments);
  if (!made) return std::unexpected(made.error());
  if (made->status != 0) return fail(Errc::io_failed, "initdb: " + made->err);
  return use_tls();
}

Result<void> PostgresServer::State::launch() {
  std::vector<std::string> arguments{"-D", data()};
  const std::string number = std::to_string(port.number());
  std::vector<std::string> settings{"listen_addresses=127.0.0.1",
                                    "port=" + number,
                                    "unix_socket_directories=" + folder.path().string(),
                                    "max_connections=200",
                                    "shared_buffers=32MB",
                                    "jit=off"};
  if (!options.cert_file.empty()) {
    settings.insert(settings.end(), {"ssl=on", "ssl_cert_file=" + folder.file("server.crt"),
                                     "ssl_key_file=" + folder.file("server.key")});
  }
  if (!options.fsync)
    settings.insert(settings.end(),
                    {"fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_wal_size=256MB"});
  // The last word counts.
  settings.insert(settings.end(), options.settings.begin(), options.settings.end());
  for (const std::string& setting : settings) arguments.insert(arguments.end(), {"-c", setting});
  const auto [program, line] = unprivileged(programs / "postgres", arguments);
  auto started = Child::start(program, line, log());
  if (!started) return failure(started);
  server = std::move(*started);
  const std::string url = "postgresql://" + std::string(superuser) + "@127.0.0.1:" + number + "/postgres";
  const bool answers =
      eventually([&] { return !server->running() || PQping(url.c_str()) == PQPING_OK; }) && server->running();
  if (!answers)
    return fail(Errc::io_failed, "PostgreSQL does not start; it wrote last:\n" + last_lines(log()));
  return {};
}

void PostgresServer::State::signal_all(int signal) {
  if (!server || !server->running()) return;
  ::kill(server->pid(), signal);
  for (const pid_t child : children_of(server->pid())) ::kill(child, signal);
}

void PostgresServer::State::end(int signal) {
  if (!server || !server->running()) return;
  signal_all(SIGCONT);
  ::kill(server->pid(), signal);
  if (!eventually([&] { return !server->running(); })) server->kill();
}

PostgresServer::PostgresServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
PostgresServer::PostgresServer(PostgresServer&&) noexcept = default;
PostgresServer::~PostgresServer() {
  if (state_) kill();
}

Result<PostgresServer> PostgresServer::start(PostgresServerOptions options) {
  const auto programs = find_programs();
  if (!programs) return fail(Errc::io_failed, "there is no PostgreSQL server (Debian's postgresql-15)");
  PostgresServer server(std::make_unique<State>(std::move(options)));
  server.state_->programs = *programs;
  if (auto made = server.state_->make(); !made) return failure(made);
  if (auto launched = server.state_->launch(); !launched) return failure(launched);
  return server;
}

std::string PostgresServer::url(const std::string& database) const {
  return "postgresql://" + std::string(superuser) + "@127.0.0.1:" + std::to_string(state_->port.number()) +
         "/" + database;
}

std::optional<fs::path> PostgresServer::program(const std::string& name) {
  const auto programs = find_programs();
  if (!programs || !fs::exists(*programs / name)) return std::nullopt;
  return *programs / name;
}

pid_t PostgresServer::pid() const {
  return state_->server ? state_->server->pid() : 0;
}

void PostgresServer::stop() {
  state_->end(SIGINT);
}

void PostgresServer::kill() {
  state_->end(SIGQUIT);
}

void PostgresServer::freeze() {
  state_->signal_all(SIGSTOP);
}

void PostgresServer::thaw() {
  state_->signal_all(SIGCONT);
}

Result<void> PostgresServer::start_again() {
  return state_->launch();
}

}  // namespace perkline::bench
