#include "hub/identity/access_token.hpp"

#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include "hub/identity/base64url.hpp"
#include "shared/core/bytes.hpp"

namespace perkline::hub::identity {
namespace {

constexpr WallTime issued = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1};
constexpr WallTime now = issued + minutes{1};
const std::string user = "0190163d-8694-739b-aea5-966c26f8ad91";
const std::string good_payload =
    R"({"iss":"perkline","aud":"perkline-hub","sub":"0190163d-8694-739b-aea5-966c26f8ad91",)"
    R"("jti":"0190163d-8694-739b-aea5-966c26f8ad92","iat":1772323200,"nbf":1772323200,"exp":1772323800})";

std::string hmac_sha256(const std::string& key, const std::string& message) {
  std::string mac(32, '\0');
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(),
       reinterpret_cast<unsigned char*>(mac.data()), &length);
  return mac;
}

/// A token as an attacker may put it together.
class AccessToken : public ::testing::Test {
 protected:
  std::string good() const {
    return issue_token(
        key_, terms_,
        {.user = UserId(user), .id = {}, .issued_at = issued, .expires_at = issued + minutes{10}});
  }
  std::string header(const std::string& more = "") const {
    return R"({"alg":"ES256","typ":"at+jwt","kid":")" + key_.id() + '"' + more + '}';
  }
  static std::string unsigned_token(const std::string& header, const std::string& payload) {
    return base64url(header) + '.' + base64url(payload);
  }
  /// Signed by the right key: what is wrong with it is what it says.
  std::string signed_token(const std::string& header, const std::string& payload) const {
    const std::string text = unsigned_token(header, payload);
    return text + '.' + base64url(key_.sign(text));
  }
  std::string replaced(std::string text, const std::string& what, const std::string& by) const {
    const auto at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return text.replace(at, what.size(), by);
  }
  Result<AccessClaims> verify(const std::string& token, WallTime at = now) const {
    return verify_token(token, keys_, terms_, at);
  }
  void expect_refused(const std::string& token) const {
    const auto claims = verify(token);
    ASSERT_FALSE(claims);
    EXPECT_EQ(claims.error().code, Errc::unauthenticated);
  }

  const Es256Key key_ = Es256Key::generate();
  const KeySet keys_{{key_}};
  const TokenTerms terms_{.issuer = "perkline"};
};

TEST_F(AccessToken, IsBelievedAsIssued) {
  const auto claims = verify(good());
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->user.str(), user);
  EXPECT_EQ(claims->issued_at, issued);
  EXPECT_EQ(claims->expires_at, issued + minutes{10});
}

TEST_F(AccessToken, PutTogetherByHandIsBelieved) {
  // Else the refusals below would prove nothing.
  EXPECT_TRUE(verify(signed_token(header(), good_payload)));
}

TEST_F(AccessToken, OfAlgorithmNoneIsRefused) {
  for (const std::string alg : {"none", "None", "NONE", ""}) {
    const std::string head = replaced(header(), "ES256", alg);
    expect_refused(unsigned_token(head, good_payload) + '.');
    expect_refused(signed_token(head, good_payload));
  }
}

TEST_F(AccessToken, SignedWithThePublicKeyAsHmacSecretIsRefused) {
  const std::string text = unsigned_token(replaced(header(), "ES256", "HS256"), good_payload);
  for (const std::string& secret : {key_.public_jwk(), key_.id(), keys_.jwks()}) {
    expect_refused(text + '.' + base64url(hmac_sha256(secret, text)));
  }
}

TEST_F(AccessToken, OfAnyOtherAlgorithmIsRefused) {
  for (const std::string alg : {"ES384", "ES256K", "RS256", "PS256", "EdDSA", "es256"}) {
    expect_refused(signed_token(replaced(header(), "ES256", alg), good_payload));
  }
}

TEST_F(AccessToken, OfAnUnknownKeyIdIsRefused) {
  for (const std::string kid : {"", "1", "../../../dev/null", "' OR 1=1 --"}) {
    expect_refused(signed_token(replaced(header(), key_.id(), kid), good_payload));
  }
  expect_refused(signed_token(R"({"alg":"ES256","typ":"at+jwt"})", good_payload));
  expect_refused(signed_token(R"({"alg":"ES256","typ":"at+jwt","kid":1})", good_payload));
}

TEST_F(AccessToken, SignedByAForeignKeyUnderOurKeyIdIsRefused) {
  const auto foreign = Es256Key::generate();
  const std::string text = unsigned_token(header(), good_payload);
  expect_refused(text + '.' + base64url(foreign.sign(text)));
}

TEST_F(AccessToken, BringingItsOwnKeyIsRefused) {
  const auto foreign = Es256Key::generate();
  const std::string jwk = foreign.public_jwk();
  for (const std::string& more :
       {R"(,"jwk":)" + jwk, std::string(R"(,"jku":"https://evil.example/jwks.json")"),
        std::string(R"(,"x5u":"https://evil.example/cert.pem")")}) {
    const std::string text = unsigned_token(header(more), good_payload);
    expect_refused(text + '.' + base64url(foreign.sign(text)));
    const std::string own_id = unsigned_token(replaced(header(more), key_.id(), foreign.id()), good_payload);
    expect_refused(own_id + '.' + base64url(foreign.sign(own_id)));
    // Nothing of it is looked at, so it does no harm beside a right signature.
    EXPECT_TRUE(verify(signed_token(header(more), good_payload)));
  }
}

TEST_F(AccessToken, WithCriticalExtensionsIsRefused) {
  expect_refused(signed_token(header(R"(,"crit":["b64"],"b64":false)"), good_payload));
}

TEST_F(AccessToken, OfAnotherTypeIsRefused) {
  for (const std::string type : {"JWT", "rt+jwt", "refresh", "AT+JWT"}) {
    expect_refused(signed_token(replaced(header(), "at+jwt", type), good_payload));
  }
}

TEST_F(AccessToken, ChangedAfterSigningIsRefused) {
  const std::string token = signed_token(header(), good_payload);
  const std::string signature = token.substr(token.rfind('.'));
  const std::string other = replaced(good_payload, "ad91", "ad93");
  expect_refused(unsigned_token(header(), other) + signature);
}

TEST_F(AccessToken, WithASignatureOfTheWrongLengthIsRefused) {
  const std::string text = unsigned_token(header(), good_payload);
  const std::string raw = key_.sign(text);
  ASSERT_EQ(raw.size(), 64u);
  expect_refused(text);
  expect_refused(text + '.');
  expect_refused(text + '.' + base64url(raw.substr(0, 63)));
  expect_refused(text + '.' + base64url(raw + '\0'));
  // What OpenSSL itself makes: a DER sequence.
  expect_refused(text + '.' +
                 base64url("\x30\x44\x02\x20" + raw.substr(0, 32) + "\x02\x20" + raw.substr(32)));
}

TEST_F(AccessToken, WithAZeroSignatureIsRefused) {
  // CVE-2022-21449: r = s = 0 was valid for every message there.
  expect_refused(unsigned_token(header(), good_payload) + '.' + base64url(std::string(64, '\0')));
}

TEST_F(AccessToken, WrittenInAnotherWayIsRefused) {
  const std::string token = signed_token(header(), good_payload);
  expect_refused(token + '=');
  expect_refused(token + '.');
  expect_refused('.' + token);
  expect_refused(token + "\n");
  // The last character of 64 bytes carries four bits that must be zero.
  std::string loose = token;
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  loose.back() = alphabet[alphabet.find(loose.back()) + 1];
  expect_refused(loose);
}

TEST_F(AccessToken, OfAnotherIssuerOrAudienceIsRefused) {
  expect_refused(signed_token(header(), replaced(good_payload, R"("iss":"perkline")", R"("iss":"other")")));
  expect_refused(signed_token(header(), replaced(good_payload, "perkline-hub", "perkline-edge")));
  expect_refused(signed_token(header(), replaced(good_payload, R"("aud":"perkline-hub",)", "")));
  expect_refused(
      signed_token(header(), replaced(good_payload, R"("perkline-hub")", R"(["perkline-hub","x"])")));
}

TEST_F(AccessToken, WithoutAClaimOrWithOneOfAnotherKindIsRefused) {
  expect_refused(signed_token(header(), replaced(good_payload, R"(,"exp":1772323800)", "")));
  expect_refused(signed_token(header(), replaced(good_payload, "1772323800", R"("1772323800")")));
  expect_refused(signed_token(header(), replaced(good_payload, "1772323800", "1772323800.5")));
  expect_refused(signed_token(header(), replaced(good_payload, "1772323800", "99999999999999999999")));
  expect_refused(signed_token(header(), replaced(good_payload, R"("nbf":1772323200,)", "")));
  expect_refused(signed_token(header(), replaced(good_payload, R"("iat":1772323200,)", "")));
  expect_refused(signed_token(header(), replaced(good_payload, user, "")));
  expect_refused(signed_token(header(), replaced(good_payload, "ad92", "")));
  expect_refused(signed_token(header(), "[]"));
  expect_refused(signed_token(header(), "{}"));
  expect_refused(signed_token(header(), "not json"));
}

TEST_F(AccessToken, NamingAClaimTwiceIsRefused) {
  expect_refused(signed_token(header(), replaced(good_payload, R"("sub")", R"("sub":"x","sub")")));
}

TEST_F(AccessToken, NotYetValidIsRefused) {
  expect_refused(
      signed_token(header(), replaced(good_payload, R"("nbf":1772323200)", R"("nbf":1772323290)")));
  expect_refused(
      signed_token(header(), replaced(good_payload, R"("iat":1772323200)", R"("iat":1772323290)")));
}

TEST_F(AccessToken, EndsAtItsLastSecond) {
  const auto last = verify(good(), issued + minutes{10} - Millis{1});
  EXPECT_TRUE(last);
  const auto after = verify(good(), issued + minutes{10});
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().code, Errc::token_expired);
}

TEST_F(AccessToken, ThatIsExpiredAndForgedIsNotSaidToBeExpired) {
  const std::string token = good();
  const auto claims = verify(token.substr(0, token.size() - 4) + "AAAA", now + hours{1});
  ASSERT_FALSE(claims);
  EXPECT_EQ(claims.error().code, Errc::unauthenticated);
}

TEST_F(AccessToken, OverTheSizeLimitIsRefused) {
  const std::string room = R"(,"x":")" + std::string(access_token_bytes_max, 'x') + '"';
  expect_refused(signed_token(header(room), good_payload));
}

TEST_F(AccessToken, ThatIsNoTokenIsRefused) {
  for (const std::string text : {"", ".", "..", "...", "a.b.c", "e30.e30.e30", "\xff\xfe.\x00.x"})
    expect_refused(text);
}

TEST(Es256Key, KeepsItsIdAndSignaturesThroughPem) {
  const auto key = Es256Key::generate();
  const auto read = Es256Key::from_pem(key.private_pem());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id(), key.id());
  EXPECT_TRUE(key.verify("text", read->sign("text")));
  EXPECT_FALSE(key.verify("other text", read->sign("text")));
}

TEST(Es256Key, IsNotReadFromAnythingElse) {
  EXPECT_FALSE(Es256Key::from_pem(""));
  EXPECT_FALSE(Es256Key::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
  // An Ed25519 key (RFC 8410 §10.3).
  EXPECT_FALSE(
      Es256Key::from_pem("-----BEGIN PRIVATE KEY-----\n"
                         "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
                         "-----END PRIVATE KEY-----\n"));
}

TEST(KeySet, ShowsNoPrivateHalf) {
  const auto key = Es256Key::generate();
  const std::string shown = KeySet({key}).jwks();
  EXPECT_NE(shown.find(key.id()), std::string::npos);
  EXPECT_EQ(shown.find("\"d\""), std::string::npos);
}

}  // namespace
}  // namespace perkline::hub::identity
