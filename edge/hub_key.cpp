#include "edge/hub_key.hpp"

#include <sstream>
#include <unistd.h>

#include "shared/config/private_file.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge {
namespace {

Result<net::CurveKeys> keys_of(const std::string& secret) {
  auto public_key = net::public_key_of(secret);
  if (!public_key) return failure(public_key);
  return net::CurveKeys{.public_key = std::move(*public_key), .secret_key = secret};
}

/// Two lines: the public half of the key it is there in place of, and the secret one.
struct Kept {
  std::string in_place_of;
  net::CurveKeys keys;
};

/// nullopt: there is none. Errors: io_failed.
Result<std::optional<Kept>> read_kept(const std::string& path) {
  const auto text = config::read_private_file(path);
  if (!text && text.error().code == Errc::not_found) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  std::istringstream lines(*text);
  Kept kept;
  std::string secret;
  lines >> kept.in_place_of >> secret;
  auto keys = keys_of(secret);
  if (!keys) {
    ops::log(ops::Level::error, "daemon", "a file holds no key for the hub: it is passed over",
             {{"file", path}});
    return std::nullopt;
  }
  kept.keys = std::move(*keys);
  return kept;
}

std::string text_of(const net::CurveKeys& keys, const net::CurveKeys& in_place_of) {
  return in_place_of.public_key + '\n' + keys.secret_key + '\n';
}

}  // namespace

Result<HubKey> HubKey::open(const std::string& data_dir, const std::string& configured) {
  auto keys = keys_of(configured);
  if (!keys) return failure(keys);
  HubKey key(data_dir + "/hub_key", std::move(*keys));
  if (auto read = key.read(); !read) return failure(read);
  return key;
}

Result<void> HubKey::read() {
  auto own = read_kept(path_);
  if (!own) return failure(own);
  if (*own && (*own)->in_place_of == configured_.public_key) current_ = std::move((*own)->keys);
  auto next = read_kept(path_ + ".next");
  if (!next) return failure(next);
  // Cut short between the two files, or made in another key's place.
  if (*next && (*next)->in_place_of == configured_.public_key &&
      (*next)->keys.public_key != current_.public_key)
    next_ = std::move((*next)->keys);
  return {};
}

Result<std::string> HubKey::offer() {
  if (!next_) {
    net::CurveKeys made = net::make_curve_keys();
    auto kept = config::replace_private_file(path_ + ".next", text_of(made, configured_));
    if (!kept) return failure(kept);
    next_ = std::move(made);
  }
  return next_->public_key;
}

Result<bool> HubKey::take_over(const std::string& public_key) {
  if (!next_ || next_->public_key != public_key) return false;
  auto kept = config::replace_private_file(path_, text_of(*next_, configured_));
  if (!kept) return failure(kept);
  current_ = std::move(*next_);
  next_.reset();
  // One that stays is known to be the current one.
  ::unlink((path_ + ".next").c_str());
  return true;
}

}  // namespace perkline::edge
