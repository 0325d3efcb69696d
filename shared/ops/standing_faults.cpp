#include "shared/ops/standing_faults.hpp"

namespace perkline::ops {

bool StandingFaults::is_news(std::string_view what, MonoTime now) {
  const auto known = told_at_.find(what);
  if (known != told_at_.end()) {
    if (now - known->second < told_every) return false;
    known->second = now;
    return true;
  }
  if (told_at_.size() >= known_max)
    std::erase_if(told_at_, [now](const auto& told) { return now - told.second >= told_every; });
  if (told_at_.size() < known_max) told_at_.emplace(what, now);
  return true;
}

bool StandingFaults::over() {
  const bool any = !told_at_.empty();
  told_at_.clear();
  return any;
}

void StandingFaults::over(std::string_view what) {
  std::erase_if(told_at_, [what](const auto& told) { return told.first.starts_with(what); });
}

}  // namespace perkline::ops
