#include "shared/ops/log.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cmath>
#include <memory>
#include <vector>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/random.hpp"
#include "shared/json/writer.hpp"

namespace perkline::ops {
namespace {

struct FreeMac {
  void operator()(EVP_MAC* mac) const { ::EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { ::EVP_MAC_CTX_free(context); }
};
using MacPtr = std::unique_ptr<EVP_MAC_CTX, FreeMac>;

struct Output {
  Output() : logger("perkline", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    // Lines come finished, and `level` alone decides which; a line is one write, so that threads never mix.
    logger.set_pattern("%v");
    logger.set_level(spdlog::level::trace);
    Digest random{};
    SystemRng().fill(random);
    key_hash(random);
  }
  void key_hash(std::span<const std::uint8_t> key) {
    std::array<char, 7> sha256{"SHA256"};
    const std::array<OSSL_PARAM, 2> digest{
        ::OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256.data(), 0),
        ::OSSL_PARAM_construct_end()};
    PERKLINE_ASSERT(keyed_hash &&
                    ::EVP_MAC_init(keyed_hash.get(), key.data(), key.size(), digest.data()) == 1);
  }

  spdlog::logger logger;
  std::atomic<Level> level{Level::info};
  std::atomic<bool> json = false;
  std::string service;
  /// HMAC with its key taken in, to be copied: OpenSSL looks its parts up anew for each that is made.
  MacPtr keyed_hash{
      ::EVP_MAC_CTX_new(std::unique_ptr<EVP_MAC, FreeMac>(::EVP_MAC_fetch(nullptr, "HMAC", nullptr)).get())};
};

/// Never destroyed: static objects that die at exit may still log.
Output& output() {
  static Output& instance = *new Output;
  return instance;
}

constexpr std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
  }
  return "error";
}

constexpr spdlog::level::level_enum severity_of(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

/// As it stands in both formats; JSON knows neither infinity nor NaN.
void append_number(std::string& line, double number) {
  if (!std::isfinite(number)) {
    line.append("null");
    return;
  }
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  line.append(digits.data(), end);
}

/// `append_text` writes the one kind of value whose spelling differs between the formats.
void append_value(std::string& line, const LogField& field,
                  void (*append_text)(std::string&, std::string_view)) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    append_text(line, *text);
  } else if (const auto* whole = std::get_if<std::int64_t>(&field.value)) {
    line.append(std::to_string(*whole));
  } else if (const auto* number = std::get_if<double>(&field.value)) {
    append_number(line, *number);
  } else {
    line.append(std::get<bool>(field.value) ? "true" : "false");
  }
}

void append_member(std::string& line, std::string_view name, std::string_view text) {
  line.push_back(line.empty() ? '{' : ',');
  json::append_quoted(line, name);
  line.push_back(':');
  json::append_quoted(line, text);
}

std::string json_line(const std::string& service, Level level, std::string_view context,
                      std::string_view message, std::initializer_list<LogField> fields) {
  std::string line;
  line.reserve(256);
  append_member(line, "timestamp", format_time(SystemClock().wall_now()));
  append_member(line, "level", name_of(level));
  append_member(line, "service", service);
  append_member(line, "context", context);
  append_member(line, "message", message);
  for (const LogField& field : fields) {
    line.push_back(',');
    json::append_quoted(line, field.name);
    line.push_back(':');
    append_value(line, field, json::append_quoted);
  }
  line.push_back('}');
  return line;
}

/// Quoted where its end, or that of the line, would be in doubt: a value from outside must not forge a line.
void append_word(std::string& line, std::string_view text) {
  const auto plain = [](char c) { return c > ' ' && c <= '~' && c != '"' && c != '='; };
  if (!text.empty() && std::ranges::all_of(text, plain)) {
    line.append(text);
  } else {
    json::append_quoted(line, text);
  }
}

void append_sentence(std::string& line, std::string_view text) {
  if (std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; })) {
    line.append(text);
  } else {
    json::append_quoted(line, text);
  }
}

std::string text_line(Level level, std::string_view context, std::string_view message,
                      std::initializer_list<LogField> fields) {
  std::string line = format_time(SystemClock().wall_now());
  line.push_back(' ');
  line.append(name_of(level));
  line.push_back(' ');
  line.append(context);
  line.append(": ");
  append_sentence(line, message);
  for (const LogField& field : fields) {
    line.push_back(' ');
    line.append(field.name);
    line.push_back('=');
    append_value(line, field, append_word);
  }
  return line;
}

}  // namespace

std::optional<Level> level_named(std::string_view name) {
  for (const Level level : {Level::debug, Level::info, Level::warn, Level::error}) {
    if (name_of(level) == name) return level;
  }
  return std::nullopt;
}

void start_log(const LogOptions& options) {
  Output& out = output();
  out.json = options.json;
  out.service = options.service;
  out.level = options.level;
}

void set_log_level(Level level) {
  output().level = level;
}

void set_log_format(bool json) {
  output().json = json;
}

bool log_enabled(Level level) {
  return level >= output().level.load(std::memory_order_relaxed);
}

void log(Level level, std::string_view context, std::string_view message,
         std::initializer_list<LogField> fields) {
  if (!log_enabled(level)) return;
  Output& out = output();
  const std::string line = out.json ? json_line(out.service, level, context, message, fields)
                                    : text_line(level, context, message, fields);
  out.logger.log(severity_of(level), spdlog::string_view_t(line.data(), line.size()));
}

void set_hash_key(std::span<const std::uint8_t> key) {
  output().key_hash(key);
}

std::string hashed(std::string_view id) {
  const MacPtr mac(::EVP_MAC_CTX_dup(output().keyed_hash.get()));
  Digest digest;
  std::size_t length = 0;
  const bool made =
      mac && ::EVP_MAC_update(mac.get(), reinterpret_cast<const unsigned char*>(id.data()), id.size()) == 1 &&
      ::EVP_MAC_final(mac.get(), digest.data(), &length, digest.size()) == 1;
  PERKLINE_ASSERT(made && length == digest.size());
  return to_hex(digest).substr(0, 16);
}

}  // namespace perkline::ops
