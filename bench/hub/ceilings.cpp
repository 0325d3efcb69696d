#include "bench/hub/ceilings.hpp"

#include <fmt/format.h>

#include "bench/hub/member_calls.hpp"
#include "bench/measure/ceiling.hpp"

namespace perkline::bench {

Contestant bare_sqlite(const MeasureOptions& options, const std::string& rows) {
  return {.name = "ceiling-sqlite --rows " + rows, .turn = [&options, rows](const TurnProgress&) {
            const auto seconds = [](std::chrono::milliseconds time) {
              return fmt::format("{:.2f}", std::chrono::duration<double>(time).count());
            };
            return run_ceiling(
                {.bin_dir = options.bin_dir,
                 .name = "ceiling-sqlite",
                 .arguments = {"--rows", rows, "--batch", std::to_string(member_connections), "--cards",
                               "2000", "--folder", options.state_dir.string(), "--seconds",
                               seconds(options.time), "--warm-up", seconds(options.warm_up)}});
          }};
}

Result<Contestant> bare_http(const MeasureOptions& options, const std::vector<Member>& members, int core) {
  struct Bare {
    CeilingServer server;
    MemberCalls<ReadScript>::Owner calls = {};
  };
  auto server = CeilingServer::start({.bin_dir = options.bin_dir, .name = "ceiling-http", .core = core},
                                     options.state_dir / "ceiling-http.log");
  if (!server) return failure(server);
  const std::uint16_t port = server->port();
  const pid_t process = server->pid();
  auto bare = std::make_shared<Bare>(Bare{.server = std::move(*server)});
  auto calls = MemberCalls<ReadScript>::connect(port, process, members, "/");
  if (!calls) return failure(calls);
  bare->calls = std::move(*calls);
  return Contestant{.name = "ceiling-http", .turn = [bare, &options](const TurnProgress& progress) {
                      return bare->calls->run(options, progress);
                    }};
}

}  // namespace perkline::bench
