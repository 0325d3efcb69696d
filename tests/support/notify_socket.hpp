#pragma once

#include <map>
#include <optional>
#include <string>

#include "shared/core/clock.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::test {

/// systemd's end of sd_notify(3): while it lives, this process and what it starts tell it of themselves.
class NotifySocket {
 public:
  /// `watchdog`: how long systemd would wait for a sign of life; nullopt: it does not watch.
  explicit NotifySocket(std::optional<Millis> watchdog = std::nullopt);
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;
  ~NotifySocket();

  using Fields = std::map<std::string, std::string>;
  /// What was told next; nullopt when nothing was for `patience`.
  std::optional<Fields> receive(Millis patience);
  /// What was told up to and with the first that has this field; nullopt when none came in `patience`.
  std::optional<Fields> await(const std::string& field, Millis patience = seconds{30});

 private:
  TempDir folder_;
  int fd_ = -1;
};

}  // namespace perkline::test
