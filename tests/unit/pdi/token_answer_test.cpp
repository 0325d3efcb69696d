#include "pdi_client/token_answer.hpp"

#include <gtest/gtest.h>

#include "pdi_client/base64.hpp"

namespace perkline::pdi {
namespace {

TEST(TokenAnswer, GrantIsRead) {
  const auto grant = read_token_grant(R"({"access_token":"abc","token_type":"Bearer","expires_in":3600})");
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->access_token, "abc");
  EXPECT_EQ(grant->expires_in, 3600);
}

TEST(TokenAnswer, TypeMayBeMissingOrInAnyCase) {
  EXPECT_TRUE(read_token_grant(R"({"access_token":"abc"})"));
  EXPECT_TRUE(read_token_grant(R"({"access_token":"abc","token_type":"bEARER"})"));
  EXPECT_FALSE(read_token_grant(R"({"access_token":"abc","token_type":"mac"})"));
  EXPECT_FALSE(read_token_grant(R"({"access_token":"abc","token_type":7})"));
}

TEST(TokenAnswer, LifeThatIsNoWholeNumberIsNotTold) {
  for (const std::string_view life : {"null", "\"3600\"", "3599.5", "1e3", "99999999999999999999", "[]"}) {
    const auto grant = read_token_grant(R"({"access_token":"abc","expires_in":)" + std::string(life) + "}");
    ASSERT_TRUE(grant) << life;
    EXPECT_EQ(grant->expires_in, std::nullopt) << life;
  }
  EXPECT_EQ(read_token_grant(R"({"access_token":"abc","expires_in":-1})")->expires_in, -1);
}

TEST(TokenAnswer, TokenThatNoHeaderCanCarryIsRefused) {
  for (const std::string_view bad :
       {"", "[]", "{}", "not json", R"({"access_token":null})", R"({"access_token":""})",
        R"({"access_token":7})", R"({"access_token":"a b"})", R"({"access_token":"a\r\nX-Evil: 1"})",
        R"({"access_token":"\u0000"})", R"({"access_token":"é"})"}) {
    EXPECT_FALSE(read_token_grant(bad)) << bad;
  }
  EXPECT_TRUE(read_token_grant(R"({"access_token":")" + std::string(8192, 'a') + "\"}"));
  EXPECT_FALSE(read_token_grant(R"({"access_token":")" + std::string(8193, 'a') + "\"}"));
}

TEST(TokenAnswer, OnlyTheErrorMemberSaysInvalidClient) {
  EXPECT_TRUE(is_invalid_client(R"({"error":"invalid_client"})"));
  EXPECT_FALSE(is_invalid_client(R"({"error":"invalid_grant","error_description":"invalid_client"})"));
  EXPECT_FALSE(is_invalid_client("invalid_client"));
  EXPECT_FALSE(is_invalid_client(""));
}

TEST(TokenAnswer, CredentialsAreEncodedBeforeTheyAreJoined) {
  EXPECT_EQ(basic_authorization("client", "secret"), "Basic Y2xpZW50OnNlY3JldA==");
  const auto pair = base64_decode(basic_authorization("a:b", "p&w +%é").substr(6));
  EXPECT_EQ(pair, "a%3Ab:p%26w%20%2B%25%C3%A9");
}

TEST(Base64, IsRfc4648) {
  const std::pair<std::string_view, std::string_view> samples[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : samples) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
  const std::string every_byte = [] {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    return bytes;
  }();
  EXPECT_EQ(base64_decode(base64_encode(every_byte)), every_byte);
}

TEST(Base64, AnythingElseIsRefused) {
  for (const std::string_view bad : {"Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Z*==", "Zm9v Zm9", "=Zm9"})
    EXPECT_FALSE(base64_decode(bad)) << bad;
}

}  // namespace
}  // namespace perkline::pdi
