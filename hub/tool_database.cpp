#include "hub/tool_database.hpp"

#include <pwd.h>
#include <unistd.h>

#include <fmt/format.h>

#include "hub/db/migrate.hpp"
#include "hub/run_task.hpp"
#include "shared/core/limits.hpp"
#include "shared/core/random.hpp"

namespace perkline::hub {

Result<std::unique_ptr<db::InlineDatabase>> open_tool_database(const HubConfig& config,
                                                               IfMissing if_missing) {
  auto opened = db::open_for_tool(config.database.url, if_missing);
  if (!opened) return failure(opened);
  net::Reactor reactor;
  SystemRng rng;
  UuidMaker uuids(reactor.clock(), rng);
  auto migrated = run_task(reactor, db::migrate(**opened, reactor.clock(), uuids));
  if (!migrated) return failure(migrated);
  return opened;
}

bool is_reason(const std::string& reason) {
  if (!reason.empty() && reason.size() <= limits::text_bytes_max) return true;
  fmt::print(stderr, "perkline-hub: --reason: must be 1 to {} bytes\n", limits::text_bytes_max);
  return false;
}

std::string command_line_actor() {
  const uid_t id = ::getuid();
  const passwd* entry = ::getpwuid(id);
  return "cli:" + (entry != nullptr ? std::string(entry->pw_name) : std::to_string(id));
}

}  // namespace perkline::hub
