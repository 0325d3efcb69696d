#include "hub/identity/access_token.hpp"

#include <charconv>
#include <optional>

#include "hub/identity/base64url.hpp"
#include "shared/json/value.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::identity {
namespace {

using json::Value;

constexpr std::string_view token_type = "at+jwt";
/// How far ahead the clock of a replica that issued a token may be.
constexpr seconds skew_max{5};

std::int64_t in_seconds(WallTime time) {
  return std::chrono::floor<seconds>(time).time_since_epoch().count();
}

std::string header_of(const Es256Key& key) {
  json::Writer out;
  out.begin_object().field("alg", "ES256").field("typ", token_type).field("kid", key.id()).end_object();
  return out.take();
}

std::optional<std::string_view> text_member(const Value& object, std::string_view name) {
  const Value* member = object.find(name);
  if (member == nullptr || !member->is(Value::Kind::string)) return std::nullopt;
  return member->text();
}

std::optional<WallTime> time_member(const Value& object, std::string_view name) {
  const Value* member = object.find(name);
  if (member == nullptr || !member->is(Value::Kind::number)) return std::nullopt;
  const std::string_view text = member->text();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  constexpr std::int64_t year_9999 = 253'402'300'799;
  if (error != std::errc{} || end != text.data() + text.size() || number < 0 || number > year_9999)
    return std::nullopt;
  return WallTime{seconds{number}};
}

struct Parts {
  std::string_view signed_text;  ///< Header and payload as sent, with the dot between.
  std::string header;
  std::string payload;
  std::string signature;
};

std::optional<Parts> split(std::string_view token) {
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return std::nullopt;
  auto header = from_base64url(token.substr(0, first));
  auto payload = from_base64url(token.substr(first + 1, second - first - 1));
  auto signature = from_base64url(token.substr(second + 1));
  if (!header || !payload || !signature) return std::nullopt;
  return Parts{token.substr(0, second), std::move(*header), std::move(*payload), std::move(*signature)};
}

const Es256Key* key_for(const Value& header, const KeySet& keys) {
  if (text_member(header, "alg") != "ES256" || text_member(header, "typ") != token_type) return nullptr;
  if (header.find("crit") != nullptr) return nullptr;
  const auto kid = text_member(header, "kid");
  return kid ? keys.find(*kid) : nullptr;
}

Result<AccessClaims> claims_of(const Value& payload, const TokenTerms& terms, WallTime now) {
  const auto refused = fail(Errc::unauthenticated, "token not accepted");
  if (text_member(payload, "iss") != terms.issuer || text_member(payload, "aud") != terms.audience)
    return refused;
  const auto subject = text_member(payload, "sub");
  const auto id = parse_uuid(text_member(payload, "jti").value_or(""));
  const auto issued_at = time_member(payload, "iat");
  const auto not_before = time_member(payload, "nbf");
  const auto expires_at = time_member(payload, "exp");
  if (!subject || subject->empty() || !id || !issued_at || !not_before || !expires_at) return refused;
  std::optional<Uuid> session;
  if (payload.find("sid") != nullptr) {
    session = parse_uuid(text_member(payload, "sid").value_or(""));
    if (!session) return refused;
  }
  if (*not_before > now + skew_max || *issued_at > now + skew_max) return refused;
  if (*expires_at <= now) return fail(Errc::token_expired, "the token has expired");
  return AccessClaims{.user = UserId(std::string(*subject)),
                      .role = std::string(text_member(payload, "role").value_or("")),
                      .session = session,
                      .id = *id,
                      .issued_at = *issued_at,
                      .expires_at = *expires_at};
}

}  // namespace

std::string issue_token(const Es256Key& key, const TokenTerms& terms, const AccessClaims& claims) {
  json::Writer payload;
  payload.begin_object();
  payload.field("iss", terms.issuer).field("aud", terms.audience).field("sub", claims.user.str());
  payload.field("role", claims.role);
  if (claims.session) payload.field("sid", claims.session->str());
  payload.field("jti", claims.id.str());
  payload.field("iat", in_seconds(claims.issued_at)).field("nbf", in_seconds(claims.issued_at));
  payload.field("exp", in_seconds(claims.expires_at));
  payload.end_object();
  std::string token = base64url(header_of(key)) + '.' + base64url(payload.take());
  const std::string signature = key.sign(token);
  return token + '.' + base64url(signature);
}

Result<AccessClaims> verify_token(std::string_view token, const KeySet& keys, const TokenTerms& terms,
                                  WallTime now) {
  const auto refused = fail(Errc::unauthenticated, "token not accepted");
  if (token.size() > access_token_bytes_max) return refused;
  const auto parts = split(token);
  if (!parts) return refused;
  const auto header = json::parse(parts->header);
  if (!header) return refused;
  const Es256Key* key = key_for(header->root(), keys);
  if (key == nullptr || !key->verify(parts->signed_text, parts->signature)) return refused;
  const auto payload = json::parse(parts->payload);
  if (!payload) return refused;
  return claims_of(payload->root(), terms, now);
}

}  // namespace perkline::hub::identity
