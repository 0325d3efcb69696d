#include "hub/webhooks/signature.hpp"

#include <array>

#include "hub/identity/base64url.hpp"
#include "hub/identity/secret.hpp"
#include "shared/core/bytes.hpp"

namespace perkline::hub::webhooks {

std::string signature_of(std::string_view secret, WallTime sent_at, std::string_view body) {
  const std::string at = std::to_string(std::chrono::floor<seconds>(sent_at).time_since_epoch().count());
  return "t=" + at + ",v1=" + to_hex(identity::hmac_sha256(secret, at + '.' + std::string(body)));
}

std::string draw_secret(Rng& rng) {
  std::array<std::uint8_t, 32> bytes{};
  rng.fill(bytes);
  return "whsec_" + identity::base64url({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace perkline::hub::webhooks
