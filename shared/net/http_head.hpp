#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "shared/core/result.hpp"
#include "shared/net/http.hpp"

namespace perkline::net {

inline constexpr std::size_t head_fields_max = 128;

struct ParsedHead {
  RequestHead head;  ///< Without peer; its traceparent as the caller sent it, checked by nobody.
  std::optional<std::uint64_t> content_length;
  bool keep_alive = false;
  bool expects_continue = false;
};

/// Reads a request's head, empty line included, by RFC 9112 and stricter: what two parsers might read
/// differently (obs-fold, Transfer-Encoding, doubled Host or Content-Length) is refused. Pure. Errors:
/// bad_request; length_required for `Transfer-Encoding: chunked` alone; headers_too_large for more than
/// head_fields_max fields.
Result<ParsedHead> parse_request_head(std::string_view raw);

/// Whether `begun`, of which the bytes before `checked` have passed already, may still become a valid head.
/// So that garbage gets its answer at once instead of waiting for an empty line that never comes.
bool may_become_head(std::string_view begun, std::size_t checked);

/// `uri-host [":" port]`, RFC 9110 §7.2, never empty.
bool is_host(std::string_view text);

}  // namespace perkline::net
