#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/bytes.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/random.hpp"
#include "shared/core/rate_limiter.hpp"
#include "shared/core/result.hpp"
#include "shared/net/router.hpp"
#include "shared/ops/standing_faults.hpp"

/// Which terminals may call. Their keys are 256 random bits, which nobody can guess or search, so that a
/// plain SHA-256 hides them as well as any slow hash would: `terminals_file` holds a line `<name> <hash in
/// hex>` for each.
namespace perkline::edge::api {

struct Terminal {
  std::string name;  ///< Printable ASCII without spaces.
  Digest key_hash{};
};

/// What the file holds; none for a file that is not there. Errors: corrupt, io_failed.
Result<std::vector<Terminal>> read_terminals(const std::string& path);

/// Adds a terminal and returns its new key. The file is replaced as a whole, mode 0600, durably; two commands
/// at a time take turns. Errors: validation_failed (the name), already_exists, corrupt, io_failed.
Result<std::string> add_terminal(const std::string& path, const std::string& name, Rng& rng);
/// Errors: not_found, corrupt, io_failed.
Result<void> remove_terminal(const std::string& path, const std::string& name);

/// The running daemon's view of the file, which it reads again when that has changed. Reactor's thread.
class Terminals {
 public:
  /// An empty path: no key is asked. `clock` must outlive it.
  Terminals(std::string path, const Clock& clock);

  /// Reads the file. When it cannot be read, what was known stays. Errors: corrupt, io_failed.
  Result<void> reload();

  bool ask_for_key() const { return !path_.empty(); }
  /// The terminal's name. Looks for a changed file, but not more often than twice a second.
  std::optional<std::string> find(std::string_view key);

 private:
  struct Stamp {
    std::int64_t modified_ns = 0;
    std::uint64_t inode = 0;
    std::int64_t size = -1;
    bool operator==(const Stamp&) const = default;
  };
  static Stamp stamp_of(const std::string& path);

  std::string path_;
  const Clock& clock_;
  std::vector<Terminal> terminals_;
  Stamp stamp_;
  MonoTime next_look_;
  ops::StandingFaults faults_;
};

/// Lets `terminal` routes through for a key the file knows, `anyone` routes for anybody. Of the former each
/// terminal has so many as `rate` says; where no key is asked, each peer's address. All references outlive
/// it.
net::Guard make_guard(Terminals& terminals, RateLimiter& rate, const Clock& clock);

}  // namespace perkline::edge::api
