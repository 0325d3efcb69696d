#include "tests/support/postgres_server.hpp"

#include <algorithm>
#include <fstream>
#include <optional>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>
#include <vector>

#include <libpq-fe.h>

#include "bench/fleet/child.hpp"
#include "bench/fleet/reserved_port.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* superuser = "perkline";

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

std::string last_lines(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  constexpr std::size_t shown = 1500;
  return text.size() > shown ? text.substr(text.size() - shown) : text;
}

}  // namespace

struct PostgresServer::State {
  explicit State(PostgresServerOptions chosen) : options(chosen) {}

  PostgresServerOptions options;
  fs::path programs;
  TempDir folder;
  SystemRng rng;
  bench::ReservedPort port = bench::ReservedPort::any(rng);
  std::optional<bench::Child> server;

  std::string data() const { return folder.file("data"); }
  std::string log() const { return folder.file("log"); }
  Result<void> make();
  Result<void> launch();
  void end(int signal);
};

Result<void> PostgresServer::State::make() {
  if (::geteuid() == 0) {
    const passwd* user = ::getpwnam("postgres");
    if (user == nullptr || ::chown(folder.path().c_str(), user->pw_uid, user->pw_gid) != 0)
      return fail(Errc::io_failed, "there is no user postgres");
  }
  const auto [program, arguments] =
      unprivileged(programs / "initdb", {"--pgdata", data(), "--username", superuser, "--auth=trust",
                                         "--locale=C", "--encoding=UTF8", "--no-instructions", "--no-sync"});
  const auto made = bench::run_command(program, arguments);
  if (!made) return std::unexpected(made.error());
  if (made->status != 0) return fail(Errc::io_failed, "initdb: " + made->err);
  return {};
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
  if (!options.fsync)
    settings.insert(settings.end(), {"fsync=off", "full_page_writes=off", "synchronous_commit=off"});
  for (const std::string& setting : settings) arguments.insert(arguments.end(), {"-c", setting});
  const auto [program, line] = unprivileged(programs / "postgres", arguments);
  auto started = bench::Child::start(program, line, log());
  if (!started) return failure(started);
  server = std::move(*started);
  const std::string url = "postgresql://" + std::string(superuser) + "@127.0.0.1:" + number + "/postgres";
  const bool answers =
      eventually([&] { return !server->running() || PQping(url.c_str()) == PQPING_OK; }) && server->running();
  if (!answers)
    return fail(Errc::io_failed, "PostgreSQL does not start; it wrote last:\n" + last_lines(log()));
  return {};
}

void PostgresServer::State::end(int signal) {
  if (!server || !server->running()) return;
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
  PostgresServer server(std::make_unique<State>(options));
  server.state_->programs = *programs;
  if (auto made = server.state_->make(); !made) return failure(made);
  if (auto launched = server.state_->launch(); !launched) return failure(launched);
  return server;
}

std::string PostgresServer::url(const std::string& database) const {
  return "postgresql://" + std::string(superuser) + "@127.0.0.1:" + std::to_string(state_->port.number()) +
         "/" + database;
}

void PostgresServer::stop() {
  state_->end(SIGINT);
}

void PostgresServer::kill() {
  state_->end(SIGQUIT);
}

Result<void> PostgresServer::start_again() {
  return state_->launch();
}

}  // namespace perkline::test
