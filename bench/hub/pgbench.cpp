#include "bench/hub/pgbench.hpp"

#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "bench/fleet/child.hpp"
#include "bench/fleet/postgres_server.hpp"

namespace perkline::bench {
namespace {

Result<std::string> run(const std::vector<std::string>& arguments) {
  const auto program = PostgresServer::program("pgbench");
  if (!program) return fail(Errc::io_failed, "there is no pgbench (Debian's postgresql-15)");
  auto output = run_command(*program, arguments);
  if (!output) return failure(output);
  if (output->status != 0)
    return fail(Errc::io_failed, fmt::format("pgbench exited with {}: {}", output->status, output->err));
  return std::move(output->out);
}

/// The number behind `name`; 0: it is not there.
double number_behind(const std::string& text, std::string_view name) {
  const std::size_t at = text.find(name);
  return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + name.size(), nullptr);
}

}  // namespace

Result<void> prepare_pgbench(const std::string& url, int scale) {
  const auto made = run({"--initialize", "--quiet", "--scale", std::to_string(scale), url});
  if (!made) return std::unexpected(made.error());
  return {};
}

Result<Figures> run_pgbench(const std::string& url, int clients, double seconds) {
  const auto whole = static_cast<int>(std::max(1.0, std::round(seconds)));
  const auto out = run({"--no-vacuum", "--client", std::to_string(clients), "--jobs", "2", "--time",
                        std::to_string(whole), url});
  if (!out) return std::unexpected(out.error());
  const double done = number_behind(*out, "number of transactions actually processed: ");
  const double rate = number_behind(*out, "\ntps = ");
  if (done <= 0 || rate <= 0) return fail(Errc::io_failed, "pgbench says: " + *out);
  return Figures{.operations = static_cast<std::uint64_t>(done), .seconds = done / rate};
}

}  // namespace perkline::bench
