#include "edge/reload.hpp"

#include <algorithm>
#include <array>

namespace perkline::edge {
namespace {

struct LiveKey {
  std::string_view key;
  void (*take)(EdgeConfig& running, const EdgeConfig& fresh);
};

/// Every key that takes effect at once; edge/README.md lists them.
constexpr std::array live_keys{
    LiveKey{"api.rate_per_terminal_s",
            [](EdgeConfig& running, const EdgeConfig& fresh) {
              running.api.rate_per_terminal_s = fresh.api.rate_per_terminal_s;
            }},
    LiveKey{"standin.deadline_ms",
            [](EdgeConfig& running, const EdgeConfig& fresh) {
              running.standin.deadline_ms = fresh.standin.deadline_ms;
            }},
    LiveKey{"standin.rules_file",
            [](EdgeConfig& running, const EdgeConfig& fresh) {
              running.standin.rules_file = fresh.standin.rules_file;
              running.standin.rules = fresh.standin.rules;
            }},
    LiveKey{"standin.max_redeem_points_per_member_day",
            [](EdgeConfig& running, const EdgeConfig& fresh) {
              running.standin.max_redeem_points_per_member_day =
                  fresh.standin.max_redeem_points_per_member_day;
            }},
    LiveKey{"standin.max_redeem_points_store_day",
            [](EdgeConfig& running, const EdgeConfig& fresh) {
              running.standin.max_redeem_points_store_day = fresh.standin.max_redeem_points_store_day;
            }},
    LiveKey{"log.level",
            [](EdgeConfig& running, const EdgeConfig& fresh) { running.log.level = fresh.log.level; }},
    LiveKey{"log.format",
            [](EdgeConfig& running, const EdgeConfig& fresh) { running.log.format = fresh.log.format; }},
};

/// What a file says that a key names lies under that key.
bool is_live(std::string_view key) {
  return std::ranges::any_of(live_keys, [key](const LiveKey& live) {
    return key.starts_with(live.key) && (key.size() == live.key.size() || key[live.key.size()] == '.');
  });
}

}  // namespace

ConfigChange change_of(const EdgeConfig& running, const EdgeConfig& fresh) {
  ConfigChange change;
  for (std::string& key : changed_keys(running, fresh)) {
    auto& kind = is_live(key) ? change.at_once : change.at_start;
    kind.push_back(std::move(key));
  }
  return change;
}

EdgeConfig taken_over(EdgeConfig running, const EdgeConfig& fresh) {
  for (const LiveKey& live : live_keys) live.take(running, fresh);
  return running;
}

}  // namespace perkline::edge
