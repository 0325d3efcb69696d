#include "pdi_client/retry_after.hpp"

#include "shared/core/assert.hpp"
#include "tests/fuzz/targets.hpp"

namespace perkline::fuzz {

/// Retry-After, and behind the first line's end Date.
void retry_after(std::string_view input) {
  const std::size_t end = input.find('\n');
  const std::string_view date = end == std::string_view::npos ? std::string_view() : input.substr(end + 1);
  const auto asked = pdi::parse_retry_after(input.substr(0, end), date);
  PERKLINE_ASSERT(!asked || (*asked >= Millis{0} && *asked <= minutes{10}));
}

}  // namespace perkline::fuzz
