#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
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

/// The first 16 hex digits of SHA-256: what stands for a customer id in logs above debug.
std::string hashed(std::string_view id);

}  // namespace perkline::ops
