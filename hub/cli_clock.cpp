#include <fmt/format.h>

#include "hub/clock/vouched_time.hpp"
#include "hub/commands.hpp"
#include "hub/identity/audit.hpp"
#include "hub/tool_database.hpp"
#include "shared/core/random.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub {

int clock_show(const std::string& config_path, bool json) {
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  const auto database = open_tool_database(*config, IfMissing::fail);
  if (!database) return report(database.error());
  const SystemClock clock;
  std::optional<WallTime> vouched;
  const auto read = (*database)->read_now([&](db::Transaction& transaction) -> Result<void> {
    const auto found = clock::vouched_time(transaction);
    if (!found) return std::unexpected(found.error());
    vouched = *found;
    return {};
  });
  if (!read) return report(read.error());
  clock::ClockGuard guard(clock);
  const bool in_doubt = !guard.look(vouched);
  const std::string last = vouched ? format_time(*vouched) : "";
  if (json) {
    json::Writer out;
    out.begin_object().field("now", format_time(clock.wall_now())).key("vouchedAt");
    vouched ? out.value(last) : out.null();
    out.field("inDoubt", in_doubt).end_object();
    fmt::print("{}\n", out.take());
  } else {
    fmt::print("the clock says {}, last vouched for was {}: {}\n", format_time(clock.wall_now()),
               vouched ? last : "nothing", in_doubt ? "IN DOUBT" : "in no doubt");
  }
  return exit_ok;
}

int clock_confirm(const std::string& config_path, const std::string& reason) {
  if (!is_reason(reason)) return exit_usage;
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  const auto database = open_tool_database(*config, IfMissing::fail);
  if (!database) return report(database.error());
  const SystemClock clock;
  SystemRng rng;
  const WallTime now = clock.wall_now();
  const identity::AuditEntry entry{
      .id = UuidMaker(clock, rng).next(),
      .at = now,
      .actor = command_line_actor(),
      .action = "clock.confirmed",
      .subject = "hub",
      .detail = json::Writer().begin_object().field("reason", reason).end_object().take()};
  const auto done = (*database)->write_now([&](db::Transaction& transaction) -> Result<void> {
    if (auto put = clock::vouch_for(transaction, now); !put) return put;
    return identity::append_audit(transaction, entry);
  });
  if (!done) return report(done.error());
  fmt::print("{} is the time\n", format_time(now));
  return exit_ok;
}

}  // namespace perkline::hub
