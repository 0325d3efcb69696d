#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include "shared/json/value.hpp"
#include "shared/json/writer.hpp"

namespace perkline::json {
namespace {

using namespace std::string_literals;

std::string as_json(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

TEST(JsonWriter, WritesMembersInTheOrderOfTheCalls) {
  Writer out;
  out.begin_object();
  out.field("text", "a")
      .field("string", "b"s)
      .field("flag", true)
      .field("whole", std::int64_t{-7})
      .field("real", 1.5);
  out.key("list")
      .begin_array()
      .value(1)
      .value("x")
      .null()
      .begin_object()
      .end_object()
      .begin_array()
      .end_array();
  out.end_array();
  out.key("raw").raw("[1,2]");
  out.key("nested").begin_object().field("a", 1).field("b", 2).end_object();
  out.field("last", false);
  out.end_object();
  EXPECT_EQ(out.take(),
            R"({"text":"a","string":"b","flag":true,"whole":-7,"real":1.5,"list":[1,"x",null,{},[]],)"
            R"("raw":[1,2],"nested":{"a":1,"b":2},"last":false})");
}

TEST(JsonWriter, IsEmptyAndFitForUseAfterTake) {
  Writer out;
  out.begin_array().value(1).end_array();
  EXPECT_EQ(out.take(), "[1]");
  EXPECT_EQ(out.str(), "");
  out.begin_array().value(2).end_array();
  EXPECT_EQ(out.take(), "[2]");
}

TEST(JsonWriter, WritesTheWholeRangeOfIntegers) {
  Writer out;
  out.begin_array();
  out.value(std::numeric_limits<std::int64_t>::min()).value(std::numeric_limits<std::uint64_t>::max());
  out.end_array();
  EXPECT_EQ(out.take(), "[-9223372036854775808,18446744073709551615]");
}

TEST(JsonWriter, RealNumbersAreShortAndStayReal) {
  const auto written = [](double number) {
    Writer out;
    out.value(number);
    return out.take();
  };
  EXPECT_EQ(written(3), "3.0");
  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_EQ(written(-2.25), "-2.25");
  EXPECT_EQ(written(1e300), "1e+300");
  EXPECT_TRUE(parse(written(std::numeric_limits<double>::denorm_min())));
}

TEST(JsonWriter, QuotesWhatJsonRequires) {
  EXPECT_EQ(as_json("plain é 😀"), "\"plain é 😀\"");
  EXPECT_EQ(as_json("a\"b\\c\n"), R"("a\"b\\c\n")");
  EXPECT_EQ(as_json("\0\x01\x1f\t\r"s), R"("\u0000\u0001\u001f\u0009\u000d")");
  EXPECT_EQ(as_json(""), "\"\"");
}

TEST(JsonWriter, BytesThatAreNoUtf8BecomeTheReplacementCharacter) {
  EXPECT_EQ(as_json("a\xff"
                    "b"),
            "\"a\xef\xbf\xbd"
            "b\"");
  EXPECT_EQ(as_json("\xc3"), "\"\xef\xbf\xbd\"");
  for (const char* bytes :
       {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xf0\x9f\x98", "\x80", "\xc1\xbf\xfe"}) {
    EXPECT_TRUE(parse(as_json(bytes))) << as_json(bytes);
  }
}

TEST(JsonWriter, WhatItQuotesReadsBackTheSame) {
  std::string all;
  for (int c = 0; c < 0x80; ++c) all.push_back(static_cast<char>(c));
  all += "é€😀\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf";
  const auto document = parse(as_json(all));
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root().text(), all);
}

TEST(JsonWriter, AKeyMayComeAgainInAnotherObject) {
  Writer out;
  out.begin_object().field("a", 1).key("b").begin_object().field("a", 2).field("ab", 3).end_object();
  out.key("c")
      .begin_array()
      .begin_object()
      .field("a", 4)
      .end_object()
      .begin_object()
      .field("a", 5)
      .end_object();
  out.end_array().field("ab", 6).end_object();
  EXPECT_EQ(out.take(), R"({"a":1,"b":{"a":2,"ab":3},"c":[{"a":4},{"a":5}],"ab":6})");
}

TEST(JsonWriterDeathTest, AKeyTwiceInOneObjectIsABug) {
  EXPECT_DEATH(Writer().begin_object().field("a", 1).key("a"), "assertion failed");
  EXPECT_DEATH(
      Writer().begin_object().field("a", 1).key("b").begin_object().field("c", 2).end_object().key("a"),
      "assertion failed");
  EXPECT_DEATH(Writer().begin_object().field("\"\n", 1).key("\"\n"), "assertion failed");
}

TEST(JsonWriterDeathTest, MisuseIsABug) {
  EXPECT_DEATH(Writer().begin_object().value(1), "assertion failed");
  EXPECT_DEATH(Writer().begin_array().key("a"), "assertion failed");
  EXPECT_DEATH(Writer().begin_object().end_array(), "assertion failed");
  EXPECT_DEATH(Writer().begin_object().key("a").end_object(), "assertion failed");
  EXPECT_DEATH(Writer().begin_object().take(), "assertion failed");
  EXPECT_DEATH(Writer().value(std::numeric_limits<double>::quiet_NaN()), "assertion failed");
}

}  // namespace
}  // namespace perkline::json
