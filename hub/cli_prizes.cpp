#include <fmt/format.h>

#include "hub/commands.hpp"
#include "hub/identity/audit.hpp"
#include "hub/stores/awaited.hpp"
#include "hub/tool_database.hpp"
#include "shared/core/random.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub {

int prizes_take_as_told(const std::string& config_path, const std::string& reason) {
  if (!is_reason(reason)) return exit_usage;
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  const auto database = open_tool_database(*config, IfMissing::fail);
  if (!database) return report(database.error());
  const SystemClock clock;
  SystemRng rng;
  const identity::AuditEntry entry{
      .id = UuidMaker(clock, rng).next(),
      .at = clock.wall_now(),
      .actor = command_line_actor(),
      .action = "prizes.taken_as_told",
      .subject = "hub",
      .detail = json::Writer().begin_object().field("reason", reason).end_object().take()};
  const auto done = (*database)->write_now([&](db::Transaction& transaction) -> Result<void> {
    if (auto taken = stores::take_web_draws_as_told(transaction); !taken) return taken;
    return identity::append_audit(transaction, entry);
  });
  return done ? exit_ok : report(done.error());
}

}  // namespace perkline::hub
