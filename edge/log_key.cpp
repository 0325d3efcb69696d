#include "edge/log_key.hpp"

#include <optional>

#include "shared/config/private_file.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/random.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge {
namespace {

constexpr std::size_t key_bytes = sizeof(Digest);

void use(std::string_view key) {
  ops::set_hash_key({reinterpret_cast<const std::uint8_t*>(key.data()), key.size()});
}

std::string make_key() {
  Digest key;
  SystemRng().fill(key);
  return std::string(as_chars(key));
}

/// nullopt for what is no key.
std::optional<std::string> key_of(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  auto key = from_hex(text);
  if (!key || key->size() != key_bytes) return std::nullopt;
  return key;
}

}  // namespace

void use_log_key(const std::string& data_dir) {
  const std::string path = data_dir + "/log_key";
  const auto kept = config::read_private_file(path);
  if (const auto key = kept ? key_of(*kept) : std::nullopt) return use(*key);
  const std::string fresh = make_key();
  use(fresh);
  Result<void> written;
  if (kept || kept.error().code == Errc::not_found) {
    written = config::replace_private_file(path, to_hex(fresh) + '\n');
  } else {
    written = std::unexpected(kept.error());
  }
  if (!written) {
    ops::log(ops::Level::warn, "daemon",
             "the key of the log's hashes cannot be kept: it ends with the process",
             {{"reason", written.error().detail}});
  } else if (kept) {
    ops::log(ops::Level::warn, "daemon", "the key of the log's hashes was none: a new one is made",
             {{"file", path}});
  }
}

}  // namespace perkline::edge
