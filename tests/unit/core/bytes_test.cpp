#include "shared/core/bytes.hpp"

#include <gtest/gtest.h>

namespace perkline {
namespace {

using namespace std::string_literals;

TEST(Hex, IsLowerCaseAndReadsBack) {
  const std::string bytes = "\x00\x01\x7f\x80\xab\xff"s;
  EXPECT_EQ(to_hex(bytes), "00017f80abff");
  EXPECT_EQ(from_hex("00017f80abff"), bytes);
  EXPECT_EQ(to_hex(std::string_view{}), "");
  EXPECT_EQ(from_hex(""), "");
}

TEST(Hex, RefusesWhatToHexNeverWrites) {
  for (const char* text : {"0", "abc", "AB", "0x", "0g", " 0", "0\n"}) EXPECT_FALSE(from_hex(text)) << text;
}

TEST(Hex, OfADigestHas64Digits) {
  Digest digest{};
  digest[0] = 0xde;
  digest[31] = 0x0f;
  EXPECT_EQ(to_hex(digest), "de" + std::string(60, '0') + "0f");
}

TEST(BigEndian, SortsAsTheNumbersDo) {
  std::string last;
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{255},
                                     std::uint64_t{256}, std::uint64_t{1} << 32, UINT64_MAX}) {
    std::string key;
    append_u64(key, number);
    ASSERT_EQ(key.size(), 8u);
    EXPECT_EQ(read_u64(key), number);
    if (number > 0) EXPECT_LT(last, key);
    last = key;
  }
}

TEST(BigEndian, AppendsBehindWhatIsThere) {
  std::string out = "k";
  append_u32(out, 0x01020304);
  append_u64(out, 0x05);
  EXPECT_EQ(out, "k\x01\x02\x03\x04\x00\x00\x00\x00\x00\x00\x00\x05"s);
}

TEST(BigEndianDeathTest, ReadsNoNumberFromTooFewBytes) {
  EXPECT_DEATH(read_u64("1234567"), "assertion failed");
}

TEST(ConstantTimeComparison, AgreesWithTheUsualOne) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_in_constant_time("secret", "Secret"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secret "));
  EXPECT_FALSE(equal_in_constant_time("", "s"));
  EXPECT_FALSE(equal_in_constant_time("\x00"s, "\x80"s));
}

}  // namespace
}  // namespace perkline
