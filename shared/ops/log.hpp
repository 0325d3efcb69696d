#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

/// Structured logs: one JSON object a line on stderr (or plain text), fields by name. Thread-safe; a line is
/// written by the caller's thread and never blocks on anything but stderr.
namespace perkline::ops {

enum class Level : std::uint8_t { debug, info, warn, error };

/// The level as lines and configurations spell it: `debug`, `info`, `warn`, `error`. nullopt for anything
/// else.
std::optional<Level> level_named(std::string_view name);

struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, double, bool> value;
};

struct LogOptions {
  Level level = Level::info;
  bool json = true;
  std::string service;  ///< perkline-edge, perkline-hub, …
};

/// Once, before the first thread. Until then lines go out as text at info.
void start_log(const LogOptions& options);
void set_log_level(Level level);
void set_log_format(bool json);
bool log_enabled(Level level);

/// `log(Level::info, "session", "finalized", {{"sessionId", id}, {"earnedPoints", 450}});` Never a token, a
/// key or a plain customer id (use `hashed`). `context` is the module.
void log(Level level, std::string_view context, std::string_view message,
         std::initializer_list<LogField> fields = {});

/// The key of `hashed`: the same key gives the same hashes, in another process too. Once, before anything is
/// hashed; until then the process has one of its own, which nobody knows.
void set_hash_key(std::span<const std::uint8_t> key);

/// The first 16 hex digits of HMAC-SHA-256 (RFC 2104): what stands for a customer id in logs above debug.
/// Without the key no id can be found by trying them all, few as they are.
std::string hashed(std::string_view id);

}  // namespace perkline::ops
