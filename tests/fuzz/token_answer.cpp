#include "pdi_client/token_answer.hpp"

#include <algorithm>

#include "shared/core/assert.hpp"
#include "tests/fuzz/targets.hpp"

namespace perkline::fuzz {

/// A token goes into a header: nothing in it may end that.
void token_answer(std::string_view input) {
  (void)pdi::is_invalid_client(input);
  if (const auto grant = pdi::read_token_grant(input)) {
    PERKLINE_ASSERT(!grant->access_token.empty());
    PERKLINE_ASSERT(std::ranges::all_of(grant->access_token, [](char c) { return c >= ' ' && c <= '~'; }));
  }
  const std::size_t half = input.size() / 2;
  const std::string basic = pdi::basic_authorization(input.substr(0, half), input.substr(half));
  PERKLINE_ASSERT(std::ranges::all_of(basic, [](char c) { return c >= ' ' && c <= '~'; }));
}

}  // namespace perkline::fuzz
