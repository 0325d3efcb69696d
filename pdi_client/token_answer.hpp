#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What an OAuth2 token endpoint says (RFC 6749 §5). Pure.
namespace perkline::pdi {

struct TokenGrant {
  std::string access_token;
  std::optional<std::int64_t> expires_in;  ///< Seconds, as told; nullopt when missing or no whole number.
};

/// nullopt for anything but a bearer token of printable ASCII, which a header can carry.
std::optional<TokenGrant> read_token_grant(std::string_view body);

/// Whether an error answer says that the endpoint does not know us (RFC 6749 §5.2).
bool is_invalid_client(std::string_view body);

/// `Basic …` of client credentials, each form-encoded before they are joined (RFC 6749 §2.3.1).
std::string basic_authorization(std::string_view client_id, std::string_view client_secret);

}  // namespace perkline::pdi
