#include "edge/api/terminals.hpp"

#include <algorithm>
#include <cctype>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "shared/config/private_file.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/limits.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::api {
namespace {

constexpr Millis look_every{500};
constexpr std::size_t key_bytes = 32;

Digest hash_of(std::string_view key) {
  // Fetched once: OpenSSL 3.0 searches its providers for an algorithm each time it is named.
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  Digest digest{};
  const int done =
      sha256 == nullptr ? 0 : EVP_Digest(key.data(), key.size(), digest.data(), nullptr, sha256, nullptr);
  PERKLINE_ASSERT(done == 1);
  return digest;
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::id_bytes_max &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~'; });
}

std::optional<Terminal> parse_line(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || !is_name(line.substr(0, space))) return std::nullopt;
  const auto hash = from_hex(line.substr(space + 1));
  Terminal terminal{.name = std::string(line.substr(0, space))};
  if (!hash || hash->size() != terminal.key_hash.size()) return std::nullopt;
  std::ranges::transform(*hash, terminal.key_hash.begin(),
                         [](char c) { return static_cast<std::uint8_t>(c); });
  return terminal;
}

Result<std::vector<Terminal>> parse(std::string_view text, const std::string& path) {
  std::vector<Terminal> terminals;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    auto terminal = parse_line(line);
    if (!terminal) return fail(Errc::corrupt, path + ": line " + std::to_string(number) + " is no terminal");
    terminals.push_back(std::move(*terminal));
  }
  return terminals;
}

Result<void> write_terminals(const std::string& path, const std::vector<Terminal>& terminals) {
  std::string text;
  for (const Terminal& terminal : terminals) text += terminal.name + ' ' + to_hex(terminal.key_hash) + '\n';
  return config::replace_private_file(path, text);
}

auto named(std::vector<Terminal>& terminals, const std::string& name) {
  return std::ranges::find(terminals, name, &Terminal::name);
}

/// Errors: unauthenticated.
Result<net::Principal> terminal_of(Terminals& terminals, std::string_view authorization) {
  if (!terminals.ask_for_key()) return net::Principal{.id = "", .role = "terminal"};
  const std::string_view scheme = "bearer ";
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  const bool bearer = std::ranges::equal(authorization.substr(0, scheme.size()), scheme, same);
  if (!bearer) return fail(Errc::unauthenticated, "a terminal's key is needed");
  auto name = terminals.find(authorization.substr(scheme.size()));
  if (!name) return fail(Errc::unauthenticated, "no terminal has this key");
  return net::Principal{.id = std::move(*name), .role = "terminal"};
}

Result<net::Principal> admit(Terminals& terminals, RateLimiter& rate, const Clock& clock,
                             const net::RequestHead& head, const net::Route& route) {
  if (route.access == "anyone") return net::Principal{};
  PERKLINE_ASSERT(route.access == "terminal");
  auto terminal = terminal_of(terminals, head.headers.find("Authorization").value_or(""));
  if (!terminal) return terminal;
  const auto verdict = rate.admit(terminal->id.empty() ? head.peer : terminal->id, clock.mono_now());
  if (!verdict.admitted) return fail(rate_limited(verdict.quota, "this terminal calls too often"));
  return terminal;
}

Task<Result<net::Principal>> ready_made(Result<net::Principal> verdict) {
  co_return verdict;
}

}  // namespace

Result<std::vector<Terminal>> read_terminals(const std::string& path) {
  auto text = config::read_private_file(path);
  if (!text) {
    if (text.error().code == Errc::not_found) return std::vector<Terminal>{};
    return failure(text);
  }
  return parse(*text, path);
}

Result<std::string> add_terminal(const std::string& path, const std::string& name, Rng& rng) {
  if (!is_name(name))
    return fail(Errc::validation_failed, "a name is 1 to 64 printable characters without spaces");
  const auto lock = config::FolderLock::of(path);
  if (!lock) return std::unexpected(lock.error());
  auto terminals = read_terminals(path);
  if (!terminals) return failure(terminals);
  if (named(*terminals, name) != terminals->end())
    return fail(Errc::already_exists, "there is a terminal " + name);

  std::array<std::uint8_t, key_bytes> secret{};
  rng.fill(secret);
  std::string key = to_hex({reinterpret_cast<const char*>(secret.data()), secret.size()});
  terminals->push_back({.name = name, .key_hash = hash_of(key)});
  if (auto written = write_terminals(path, *terminals); !written) return failure(written);
  return key;
}

Result<void> remove_terminal(const std::string& path, const std::string& name) {
  const auto lock = config::FolderLock::of(path);
  if (!lock) return std::unexpected(lock.error());
  auto terminals = read_terminals(path);
  if (!terminals) return failure(terminals);
  const auto found = named(*terminals, name);
  if (found == terminals->end()) return fail(Errc::not_found, "there is no terminal " + name);
  terminals->erase(found);
  return write_terminals(path, *terminals);
}

Terminals::Terminals(std::string path, const Clock& clock)
    : path_(std::move(path)), clock_(clock), next_look_(clock.mono_now()) {}

Terminals::Stamp Terminals::stamp_of(const std::string& path) {
  struct ::stat info{};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {
      .modified_ns = static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec,
      .inode = info.st_ino,
      .size = info.st_size};
}

Result<void> Terminals::reload() {
  if (path_.empty()) return {};
  const Stamp seen = stamp_of(path_);  // before reading: a change in between is then read again
  auto terminals = read_terminals(path_);
  if (!terminals) return failure(terminals);
  terminals_ = std::move(*terminals);
  stamp_ = seen;
  return {};
}

std::optional<std::string> Terminals::find(std::string_view key) {
  if (const MonoTime now = clock_.mono_now(); now >= next_look_) {
    next_look_ = now + look_every;
    if (stamp_of(path_) != stamp_) {
      auto read = reload();
      if (read) faults_.over();
      if (!read && faults_.is_news(read.error().detail, now)) {
        ops::log(ops::Level::error, "api", "the terminals' file cannot be read; the old list stays",
                 {{"error", read.error().detail}});
      }
    }
  }
  // Every entry is compared in full, so that the time taken tells nothing of which are near.
  const Digest hash = hash_of(key);
  const Terminal* found = nullptr;
  for (const Terminal& terminal : terminals_) {
    if (equal_in_constant_time(as_chars(terminal.key_hash), as_chars(hash))) found = &terminal;
  }
  return found == nullptr ? std::nullopt : std::optional(found->name);
}

net::Guard make_guard(Terminals& terminals, RateLimiter& rate, const Clock& clock) {
  return [&terminals, &rate, &clock](const net::RequestHead& head, const net::Route& route) {
    return ready_made(admit(terminals, rate, clock, head, route));
  };
}

}  // namespace perkline::edge::api
