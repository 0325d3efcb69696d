#include "shared/net/http_head.hpp"

#include "shared/core/assert.hpp"
#include "tests/fuzz/targets.hpp"

namespace perkline::fuzz {

/// A head that is read has been a possible one all along, and is bounded; what is refused is so for a reason
/// that has an answer.
void http_head(std::string_view input) {
  (void)net::is_host(input);
  // Whoever reads heads gives no more than one.
  if (const std::size_t end = input.find("\r\n\r\n"); end != std::string_view::npos)
    input = input.substr(0, end + 4);
  const bool may_become = net::may_become_head(input, 0);
  const auto parsed = net::parse_request_head(input);
  if (!parsed) {
    const Errc code = parsed.error().code;
    PERKLINE_ASSERT(code == Errc::bad_request || code == Errc::length_required ||
                    code == Errc::headers_too_large);
    return;
  }
  // Methods that begin with no letter are known to nobody, and refused at once.
  const bool has_letter = (input.front() | 0x20) >= 'a' && (input.front() | 0x20) <= 'z';
  PERKLINE_ASSERT(may_become == has_letter);
  for (std::size_t length = 0; length <= input.size(); length += 1 + input.size() / 16)
    PERKLINE_ASSERT(!has_letter || net::may_become_head(input.substr(0, length), 0));
  const auto& headers = parsed->head.headers;
  PERKLINE_ASSERT(std::distance(headers.begin(), headers.end()) <= std::ptrdiff_t{net::head_fields_max});
  PERKLINE_ASSERT(parsed->head.path.starts_with('/') || parsed->head.path == "*" ||
                  parsed->head.method == net::Method::other);
  for (const auto& [name, value] : headers) {
    PERKLINE_ASSERT(!name.empty());
    PERKLINE_ASSERT(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
}

}  // namespace perkline::fuzz
