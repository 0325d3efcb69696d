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

/// A random id of so many digits, never all zero: that is no id.
template <std::size_t digits>
void append_random_id(std::string& out, Rng& rng) {
  std::array<std::uint8_t, digits / 2> id{};
  do {
    rng.fill(id);
  } while (std::ranges::all_of(id, [](std::uint8_t byte) { return byte == 0; }));
  out += to_hex({reinterpret_cast<const char*>(id.data()), id.size()});
}

}  // namespace

bool is_traceparent(std::string_view text) {
  return text.size() == length && text.starts_with("00-") && text[span_id_at - 1] == '-' &&
         text[flags_at - 1] == '-' && is_id(text.substr(trace_id_at, trace_id_digits)) &&
         is_id(text.substr(span_id_at, span_id_digits)) && std::ranges::all_of(text.substr(flags_at), is_hex);
}

std::string new_traceparent(Rng& rng) {
  std::string text;
  text.reserve(length);
  text += "00-";
  append_random_id<trace_id_digits>(text, rng);
  text += '-';
  append_random_id<span_id_digits>(text, rng);
  return text += "-01";
}

std::string child_traceparent(std::string_view parent, Rng& rng) {
  if (!is_traceparent(parent)) return new_traceparent(rng);
  // Of the flags level 1 knows only `sampled`, the lowest bit; the others must not be handed on.
  const char last = parent.back();
  const bool sampled = ((last <= '9' ? last - '0' : last - 'a' + 10) & 1) != 0;
  std::string text;
  text.reserve(length);
  text += parent.substr(0, span_id_at);
  append_random_id<span_id_digits>(text, rng);
  return text += sampled ? "-01" : "-00";
}

std::string_view trace_id_of(std::string_view traceparent) {
  return is_traceparent(traceparent) ? traceparent.substr(trace_id_at, trace_id_digits) : std::string_view{};
}

std::string_view span_id_of(std::string_view traceparent) {
  return is_traceparent(traceparent) ? traceparent.substr(span_id_at, span_id_digits) : std::string_view{};
}

}  // namespace perkline::ops
