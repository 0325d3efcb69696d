// ctest's fixture: one PostgreSQL for all tests of a run. `test_postgres FILE` starts it beside itself,
// writes its URL to FILE and returns; it ends with the process that called this one, whatever becomes of
// that.
#include <array>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <string>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/fleet/postgres_server.hpp"
#include "hub/db/migrate.hpp"
#include "hub/db/open.hpp"
#include "shared/core/random.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/postgres_database.hpp"
#include "tests/support/sim_world.hpp"

namespace {

using perkline::bench::PostgresServer;

/// What it says goes to FILE.log: whoever reads the output of this program waits for its end.
bool detach(const std::string& file) {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const int log = ::open((file + ".log").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  return null >= 0 && log >= 0 && ::setsid() >= 0 && ::dup2(null, STDIN_FILENO) >= 0 &&
         ::dup2(log, STDOUT_FILENO) >= 0 && ::dup2(log, STDERR_FILENO) >= 0;
}

bool write_url(const std::string& file, const std::string& url) {
  {
    std::ofstream out(file + ".new");
    out << url << '\n';
  }
  std::error_code error;
  std::filesystem::rename(file + ".new", file, error);
  return !error;
}

/// What tests that begin with the schema copy.
bool make_migrated_database(const PostgresServer& server) {
  using namespace perkline;
  auto database = hub::db::open_for_tool(server.url(test::migrated_database), hub::db::IfMissing::make);
  if (!database) return false;
  test::VirtualTime time;
  test::SimWorld world(time);
  SystemRng rng;
  UuidMaker uuids(world.clock(), rng);
  return test::run_task(world, hub::db::migrate(**database, world.clock(), uuids)).has_value();
}

/// Serves until the process behind `caller` ends. `ready` is told once the URL is there.
int serve(const std::string& file, int caller, int ready) {
  if (!detach(file)) return 1;
  {
    auto server = PostgresServer::start({.fsync = false});
    if (!server) {
      std::fprintf(stderr, "%s\n", server.error().detail.c_str());
      return 1;
    }
    if (!make_migrated_database(*server)) {
      std::fputs("the database to copy could not be made\n", stderr);
      return 1;
    }
    if (!write_url(file, server->url("postgres")) || ::write(ready, "1", 1) != 1) return 1;
    ::close(ready);
    pollfd ended{.fd = caller, .events = POLLIN, .revents = 0};
    while (::poll(&ended, 1, -1) < 0) {
    }
  }
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string file = argv[1];
  // Held by whoever serves: an earlier run's ends with that run.
  const int lock = ::open((file + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  // By number: glibc 2.36 declares pidfd_open without C linkage.
  const int caller = static_cast<int>(::syscall(SYS_pidfd_open, ::getppid(), 0));
  std::array<int, 2> ready{};
  if (lock < 0 || caller < 0 || ::pipe2(ready.data(), O_CLOEXEC) != 0) return 1;
  if (!perkline::test::eventually([&] { return ::flock(lock, LOCK_EX | LOCK_NB) == 0; })) {
    std::fputs("another run of the tests uses the PostgreSQL of this build\n", stderr);
    return 1;
  }
  if (const pid_t server = ::fork(); server == 0) {
    ::close(ready[0]);
    ::_exit(serve(file, caller, ready[1]));
  }
  ::close(ready[1]);
  char told = 0;
  if (::read(ready[0], &told, 1) == 1) return 0;
  std::fprintf(stderr, "PostgreSQL did not start: see %s.log\n", file.c_str());
  return 1;
}
