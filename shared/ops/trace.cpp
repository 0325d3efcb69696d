#include "shared/ops/trace.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "shared/core/bytes.hpp"

namespace perkline::ops {
namespace {

// Source: W3C Trace Context level 1, §3.2: `00-` trace id `-` span id `-` flags, all lower-case hex.
constexpr std::size_t trace_id_at = 3;
constexpr std::size_t trace_id_digits = 32;
constexpr std::size_t span_id_at = trace_id_at + trace_id_digits + 1;
constexpr std::size_t span_id_digits = 16;
constexpr std::size_t flags_at = span_id_at + span_id_digits + 1;
constexpr std::size_t length = flags_at + 2;
static_assert(length == 55);

constexpr bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool is_id(std::string_view text) {
  return std::ranges::all_of(text, is_hex) && std::ranges::any_of(text, [](char c) { return c != '0'; });
}

/// `bytes` random ones in hex, never all zero: that is no id.
std::string random_id(Rng& rng, std::size_t bytes) {
  std::string id(bytes, '\0');
  do {
    rng.fill({reinterpret_cast<std::uint8_t*>(id.data()), id.size()});
  } while (std::ranges::all_of(id, [](char c) { return c == '\0'; }));
  return to_hex(id);
}

}  // namespace

bool is_traceparent(std::string_view text) {
  return text.size() == length && text.starts_with("00-") && text[span_id_at - 1] == '-' &&
         text[flags_at - 1] == '-' && is_id(text.substr(trace_id_at, trace_id_digits)) &&
         is_id(text.substr(span_id_at, span_id_digits)) && std::ranges::all_of(text.substr(flags_at), is_hex);
}

std::string new_traceparent(Rng& rng) {
  std::string text = "00-" + random_id(rng, trace_id_digits / 2);
  return text + '-' + random_id(rng, span_id_digits / 2) + "-01";
}

std::string child_traceparent(std::string_view parent, Rng& rng) {
  if (!is_traceparent(parent)) return new_traceparent(rng);
  // Of the flags level 1 knows only `sampled`, the lowest bit; the others must not be handed on.
  const char last = parent.back();
  const bool sampled = ((last <= '9' ? last - '0' : last - 'a' + 10) & 1) != 0;
  std::string text(parent.substr(0, span_id_at));
  return text + random_id(rng, span_id_digits / 2) + (sampled ? "-01" : "-00");
}

std::string_view trace_id_of(std::string_view traceparent) {
  return is_traceparent(traceparent) ? traceparent.substr(trace_id_at, trace_id_digits) : std::string_view{};
}

std::string_view span_id_of(std::string_view traceparent) {
  return is_traceparent(traceparent) ? traceparent.substr(span_id_at, span_id_digits) : std::string_view{};
}

}  // namespace perkline::ops
