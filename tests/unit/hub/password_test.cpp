#include "hub/identity/password.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "hub/identity/password_hash.hpp"

namespace perkline::hub::identity {
namespace {

constexpr HashCost cheap{.passes = 1, .memory_bytes = 8192};

TEST(PasswordRules, CountCharactersNotBytes) {
  EXPECT_FALSE(check_password("elevenchars"));
  EXPECT_TRUE(check_password("twelve chars"));
  EXPECT_TRUE(check_password(std::string(128, 'x')));
  EXPECT_FALSE(check_password(std::string(129, 'x')));
  std::string umlauts;
  for (int i = 0; i < 11; ++i) umlauts += "ü";
  EXPECT_FALSE(check_password(umlauts));
  EXPECT_TRUE(check_password(umlauts + "ü"));
  std::string emoji;
  for (int i = 0; i < 128; ++i) emoji += "🎟";
  EXPECT_TRUE(check_password(emoji));
}

TEST(PasswordRules, TakeAnyCharacters) {
  EXPECT_TRUE(check_password("\t tabs, \"quotes\" & spaces "));
}

TEST(PasswordRules, RefuseWhatIsNoText) {
  for (const std::string_view bytes :
       {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "overlong \xc0\xaf slash!!",
        "surrogate \xed\xa0\x80 half", "cut off at the en\xc3", "beyond \xf4\x90\x80\x80 Unicode"}) {
    EXPECT_FALSE(check_password(bytes)) << bytes;
  }
  EXPECT_FALSE(check_password(std::string_view("zero\0in the middle", 18)));
}

TEST(PasswordRules, RefuseTheMostCommonInAnyCase) {
  for (const char* common : {"123456789012", "passwordpassword", "PasswordPassword", "QWERTY123456",
                             "Sunshine2026", "098765432109"}) {
    const auto checked = check_password(common);
    ASSERT_FALSE(checked) << common;
    EXPECT_EQ(checked.error().code, Errc::validation_failed);
    EXPECT_EQ(checked.error().detail.find(common), std::string::npos);
  }
}

TEST(PasswordHash, IsArgon2idWithASaltOfItsOwn) {
  const auto first = hash_password("a long enough one", cheap);
  const auto second = hash_password("a long enough one", cheap);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(first->starts_with("$argon2id$v=19$"));
  EXPECT_NE(*first, *second);
  EXPECT_TRUE(verify_password(*first, "a long enough one"));
  EXPECT_FALSE(verify_password(*first, "a long enough One"));
  EXPECT_FALSE(verify_password(*first, ""));
}

TEST(PasswordHash, CostsTheInteractiveLimitsByDefault) {
  const auto hash = hash_password("a long enough one", HashCost::interactive());
  ASSERT_TRUE(hash);
  EXPECT_NE(hash->find("$m=65536,t=2,p=1$"), std::string::npos) << *hash;
}

TEST(PasswordHash, ThatIsNoneVerifiesNothing) {
  for (const std::string broken : {"", "x", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA",
                                   "$argon2i$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAA",
                                   "$argon2id$v=16$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAA",
                                   "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA$"}) {
    EXPECT_FALSE(verify_password(broken, ""));
    EXPECT_FALSE(verify_password(broken, broken));
  }
}

TEST(PasswordHash, OfLibsodiumsMakingVerifies) {
  const std::string hash =
      "$argon2id$v=19$m=65536,t=2,p=1$k8jF0CwotwwFwhMm0cVgHw$9wppJ7wARAK12WlTjWZwYWN/u2SBzs8Sf1GBoGet6J0";
  EXPECT_TRUE(verify_password(hash, "a password of twelve"));
  EXPECT_FALSE(verify_password(hash, "a password of twelvf"));
}

TEST(PasswordHash, AsksForNoMoreThanAHubHas) {
  for (const std::string cost : {"m=4294967295,t=2,p=1", "m=1048577,t=1,p=1", "m=64,t=4294967295,p=1",
                                 "m=64,t=1,p=0", "m=64,t=1,p=4294967295", "m=0,t=0,p=1"}) {
    EXPECT_FALSE(verify_password("$argon2id$v=19$" + cost + "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAA", "x")) << cost;
  }
}

TEST(HashMemory, IsKeptForTheNextHashAndHoldsNothingInBetween) {
  HashMemory memory;
  const auto hash = hash_password("a long enough one", cheap, &memory);
  ASSERT_TRUE(hash);
  const auto* const place = memory.bytes().data();
  EXPECT_EQ(memory.bytes().size(), cheap.memory_bytes);
  EXPECT_TRUE(std::ranges::all_of(memory.bytes(), [](auto byte) { return byte == 0; }));
  EXPECT_TRUE(verify_password(*hash, "a long enough one", &memory));
  EXPECT_EQ(memory.bytes().data(), place);
  EXPECT_TRUE(std::ranges::all_of(memory.bytes(), [](auto byte) { return byte == 0; }));
  const HashCost dearer{.passes = 1, .memory_bytes = 2 * cheap.memory_bytes};
  EXPECT_TRUE(hash_password("a long enough one", dearer, &memory));
  EXPECT_EQ(memory.bytes().size(), dearer.memory_bytes);
  memory.release();
  EXPECT_TRUE(memory.bytes().empty());
}

}  // namespace
}  // namespace perkline::hub::identity
