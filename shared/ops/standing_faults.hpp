#pragma once

#include <map>
#include <string>
#include <string_view>

#include "shared/core/clock.hpp"

namespace perkline::ops {

/// Faults that stand for a while and are met again at every attempt, told in the log when they are new and
/// once an hour: `if (faults.is_news(why, now)) log(…)`. Not thread-safe.
class StandingFaults {
 public:
  static constexpr hours told_every{1};
  /// More of them at a time are told as if they were new.
  static constexpr std::size_t known_max = 256;

  /// Whether it is to be told now. `what`: all that makes it another fault, its reason and whose it is.
  bool is_news(std::string_view what, MonoTime now);
  /// They are gone: the next one is news. Whether there was any.
  bool over();
  /// That one is, or all whose `what` begins so.
  void over(std::string_view what);

 private:
  std::map<std::string, MonoTime, std::less<>> told_at_;
};

}  // namespace perkline::ops
