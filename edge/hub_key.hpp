#pragma once

#include <optional>
#include <string>

#include "shared/core/result.hpp"
#include "shared/net/link.hpp"

namespace perkline::edge {

/// The key this store speaks to its hub with: the configuration's, until the hub has had it rotated; then one
/// of the store's own making, in `data_dir/hub_key`, for as long as the configuration names the key that it
/// was made in place of: a key that somebody puts there later counts again. In no backup. What is on its way
/// lies in `hub_key.next`: a rotation that is cut short goes on with the same key. Reactor's thread; blocks.
class HubKey {
 public:
  /// A file that holds no key is told in the log and passed over: tills are to be served. Errors:
  /// validation_failed (the configuration's is none), io_failed.
  static Result<HubKey> open(const std::string& data_dir, const std::string& configured);

  const net::CurveKeys& current() const { return current_; }
  /// The next key's public half; made if there is none, and on the disk when this returns. Errors: io_failed.
  Result<std::string> offer();
  /// From here on the next key is the current one; on the disk when it returns. False: that is not the next
  /// one's public half. Errors: io_failed.
  Result<bool> take_over(const std::string& public_key);

 private:
  HubKey(std::string path, net::CurveKeys configured)
      : path_(std::move(path)), configured_(std::move(configured)), current_(configured_) {}
  Result<void> read();

  std::string path_;
  net::CurveKeys configured_;
  net::CurveKeys current_;
  std::optional<net::CurveKeys> next_;
};

}  // namespace perkline::edge
