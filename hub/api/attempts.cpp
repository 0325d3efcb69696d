#include "hub/api/attempts.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <string>

namespace perkline::hub::api {

std::string network_of(std::string_view address) {
  in6_addr parsed{};
  if (::inet_pton(AF_INET6, std::string(address).c_str(), &parsed) != 1) return std::string(address);
  constexpr std::size_t network_bytes = 8;
  std::fill(std::begin(parsed.s6_addr) + network_bytes, std::end(parsed.s6_addr), 0);
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(AF_INET6, &parsed, text.data(), text.size());
}

namespace {

Result<void> result_of(const RateLimiter::Verdict& verdict) {
  if (verdict.admitted) return {};
  return fail(rate_limited(verdict.quota, "too many attempts"));
}

}  // namespace

Result<void> Attempts::admit_address(std::string_view address) {
  return result_of(per_address_.admit(network_of(address), clock_.mono_now()));
}

Result<void> Attempts::admit_target(std::string_view target) {
  return result_of(per_target_.admit(target, clock_.mono_now()));
}

Result<void> Attempts::may_name_payee(std::string_view member, std::string_view address) const {
  const MonoTime now = clock_.mono_now();
  if (auto may = result_of(unknown_of_member_.would_admit(member, now)); !may) return may;
  return result_of(unknown_of_address_.would_admit(network_of(address), now));
}

void Attempts::note_unknown_payee(std::string_view member, std::string_view address) {
  const MonoTime now = clock_.mono_now();
  unknown_of_member_.admit(member, now);
  unknown_of_address_.admit(network_of(address), now);
}

}  // namespace perkline::hub::api
