#include <fmt/format.h>

#include "hub/clock/vouched_time.hpp"
#include "hub/commands.hpp"
#include "hub/jobs/jobs.hpp"
#include "hub/programme.hpp"
#include "hub/run_task.hpp"
#include "hub/tool_database.hpp"
#include "shared/core/random.hpp"
#include "shared/json/writer.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::hub {

int jobs_list(bool json) {
  if (!json) {
    for (const jobs::Job& job : jobs::all_jobs()) {
      fmt::print("{:<16} every {} days: {}\n", job.name, std::chrono::duration_cast<days>(job.every).count(),
                 job.says);
    }
    return exit_ok;
  }
  json::Writer out;
  out.begin_array();
  for (const jobs::Job& job : jobs::all_jobs()) {
    out.begin_object().field("name", job.name).field("does", job.says);
    out.field("everySeconds", std::chrono::duration_cast<seconds>(job.every).count()).end_object();
  }
  out.end_array();
  fmt::print("{}\n", out.take());
  return exit_ok;
}

namespace {

/// A job asks the guard, which has to know the database's time first. All references outlive it.
Task<Result<std::int64_t>> look_and_run(clock::ClockGuard& guard, const jobs::Job& job,
                                        const jobs::Parts& parts) {
  if (auto looked = co_await clock::look(parts.database, guard); !looked) co_return failure(looked);
  co_return co_await job.run(parts, command_line_actor());
}

}  // namespace

int jobs_run(const std::string& config_path, const std::string& name, bool json) {
  const jobs::Job* job = jobs::find_job(name);
  if (job == nullptr) {
    fmt::print(stderr, "perkline-hub: there is no job {}; see perkline-hub jobs list\n", name);
    return exit_usage;
  }
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  const auto database = open_tool_database(*config, IfMissing::fail);
  if (!database) return report(database.error());
  net::Reactor reactor;
  SystemRng rng;
  UuidMaker uuids(reactor.clock(), rng);
  clock::ClockGuard guard(reactor.clock());
  const jobs::Parts parts{.database = **database,
                          .clock = reactor.clock(),
                          .uuids = uuids,
                          .rng = rng,
                          .guard = guard,
                          .access_ttl = seconds{config->jwt.access_ttl_s},
                          .keys_in_file = !config->jwt.key_file.empty(),
                          .terms = terms_of(config->programme),
                          .rates = rates_of(config->programme)};
  const WallTime began = parts.clock.wall_now();
  const auto done = run_task(reactor, look_and_run(guard, *job, parts));
  if (!done) return report(done.error());
  const auto noted = (*database)->write_now(
      [job, began](db::Transaction& transaction) { return jobs::note_success(transaction, *job, began); });
  if (!noted) return report(noted.error());
  if (json) {
    json::Writer out;
    out.begin_object().field("job", name).field("count", *done).end_object();
    fmt::print("{}\n", out.take());
  } else {
    fmt::print("{}: {}\n", name, *done);
  }
  return exit_ok;
}

}  // namespace perkline::hub
