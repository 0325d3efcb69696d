#include "hub/reload.hpp"

#include "hub/commands.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub {
namespace {

constexpr std::string_view context = "daemon";

}  // namespace

void take_over(HubConfig& config, const std::string& path) {
  const auto fresh = read_serving_config(path);
  if (!fresh) {
    for (const FieldFault& fault : fresh.error().faults) {
      ops::log(ops::Level::error, context, "configuration fault",
               {{"key", fault.field}, {"reason", fault.message}});
    }
    ops::log(ops::Level::error, context, "configuration refused, the old one stays", {{"file", path}});
    return;
  }
  const auto changed = changed_keys(config, *fresh);
  config.log = fresh->log;
  ops::set_log_level(*ops::level_named(config.log.level));
  ops::set_log_format(config.log.format == "json");
  for (const std::string& key : changed) {
    const bool at_once = key == "log.level" || key == "log.format";
    ops::log(at_once ? ops::Level::info : ops::Level::warn, context,
             at_once ? "a setting has changed" : "a setting has changed that the next start puts into effect",
             {{"key", key}});
  }
  ops::log(ops::Level::info, context, "configuration read again", {{"file", path}});
}

}  // namespace perkline::hub
