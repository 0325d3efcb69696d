#include <string>

#include <gtest/gtest.h>

#include "shared/core/limits.hpp"
#include "shared/json/value.hpp"
#include "shared/json/writer.hpp"

namespace perkline::json {
namespace {

using namespace std::string_literals;

bool accepted(const std::string& text) {
  return parse(text).has_value();
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

/// Writes a value as it was read; numbers by their text.
void write(Writer& out, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      out.null();
      return;
    case Value::Kind::boolean:
      out.value(value.boolean());
      return;
    case Value::Kind::number:
      out.raw(value.text());
      return;
    case Value::Kind::string:
      out.value(value.text());
      return;
    case Value::Kind::array:
      out.begin_array();
      for (const Value& item : value.items()) write(out, item);
      out.end_array();
      return;
    case Value::Kind::object:
      out.begin_object();
      for (const Member& member : value.members()) {
        out.key(member.name);
        write(out, member.value);
      }
      out.end_object();
      return;
  }
}

TEST(JsonValue, AKeyGivenTwiceIsNamed) {
  const auto fault_of = [](const std::string& text) { return parse(text).error(); };
  EXPECT_EQ(fault_of(R"({"sku":1,"qty":2,"sku":3})").code, Errc::malformed_json);
  EXPECT_EQ(fault_of(R"({"sku":1,"qty":2,"sku":3})").detail, R"(the key "sku" is given twice)");
  EXPECT_EQ(fault_of(R"([{"a":{"x":1,"\u0078":2}}])").detail, R"(the key "x" is given twice)");
  const std::string longest(10'000, 'n');
  EXPECT_LT(fault_of("{\"" + longest + "\":1,\"" + longest + "\":2}").detail.size(), 100u);
  EXPECT_EQ(fault_of(R"({"sku":1)").detail, "not JSON");
}

std::string rewritten(const std::string& text) {
  auto document = parse(text);
  if (!document) return "refused";
  Writer out;
  write(out, document->root());
  return out.take();
}

TEST(JsonParse, KeepsEveryKindOfValueAndTheOrderOfMembers) {
  EXPECT_EQ(
      rewritten(
          R"( { "b" : [ true , false , null ] , "a" : { "n" : -12.50e+3 , "s" : "x" } , "c":[], "d":{} } )"),
      R"({"b":[true,false,null],"a":{"n":-12.50e+3,"s":"x"},"c":[],"d":{}})");
}

TEST(JsonParse, TakesAScalarAsTheWholeDocument) {
  for (const char* text : {"true", "false", "null", "0", "-1.5", "\"x\"", "\"\""})
    EXPECT_EQ(rewritten(text), text);
  EXPECT_EQ(rewritten("null\t"), "null");
  EXPECT_EQ(rewritten("\r\n true" + std::string(100, ' ')), "true");
}

TEST(JsonParse, NumberKeepsItsText) {
  const auto document = parse(R"({"a":150.00,"b":1e400,"c":123456789012345678901234567890,"d":-0,"e":0.1})");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root().find("a")->text(), "150.00");
  EXPECT_EQ(document->root().find("b")->text(), "1e400");
  EXPECT_EQ(document->root().find("c")->text(), "123456789012345678901234567890");
  EXPECT_EQ(document->root().find("d")->text(), "-0");
  EXPECT_EQ(rewritten(std::string(400, '9')), std::string(400, '9'));
}

TEST(JsonParse, UnescapesTexts) {
  const auto document = parse(R"(["\"\\\/\b\f\n\r\t","\u00e9\ud83d\ude00","a\u0000b",""])");
  ASSERT_TRUE(document);
  const auto items = document->root().items();
  EXPECT_EQ(items[0].text(), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(items[1].text(), "é😀");
  EXPECT_EQ(items[2].text(), "a\0b"s);
  EXPECT_EQ(items[3].text(), "");
}

TEST(JsonParse, ValuesOutliveTheInput) {
  auto text = std::make_unique<std::string>(R"({"key":"value","number":17})");
  const auto document = parse(*text);
  text->assign(text->size(), 'x');
  text.reset();
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root().find("key")->text(), "value");
  EXPECT_EQ(document->root().find("number")->text(), "17");
}

TEST(JsonParse, ValuesOutliveTheNextParse) {
  const auto first = parse(R"({"key":"first"})");
  const auto second = parse(R"({"key":"other"})");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->root().find("key")->text(), "first");
}

TEST(JsonParse, FindsMembersOfObjectsOnly) {
  const auto document = parse(R"({"a":{"b":1},"list":[{"a":2}]})");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root().find("b"), nullptr);
  EXPECT_EQ(document->root().find("a")->find("b")->text(), "1");
  EXPECT_EQ(document->root().find("list")->find("a"), nullptr);
}

TEST(JsonParse, WhatIsNoJsonIsRefused) {
  for (const char* text : {"",
                           " ",
                           "\n",
                           "{",
                           "}",
                           "[",
                           "]",
                           "[1",
                           "{\"a\"",
                           "{\"a\":",
                           "{\"a\":1",
                           "[1,]",
                           "[,1]",
                           "[,]",
                           "{,}",
                           "{\"a\":1,}",
                           "{\"a\" 1}",
                           "{\"a\":}",
                           "{a:1}",
                           "{'a':1}",
                           "{1:2}",
                           "[1 2]",
                           "[\"a\" \"b\"]",
                           "tru",
                           "truex",
                           "nul",
                           "nullx",
                           "false0",
                           "[tru]",
                           "[nullx]",
                           "[falsee]",
                           "NaN",
                           "[NaN]",
                           "[Infinity]",
                           "[-Infinity]",
                           "[undefined]",
                           "\"",
                           "\"a",
                           "\"\\\"",
                           "[\"\\x\"]",
                           "[\"\\u12\"]",
                           "[\"\\u12g4\"]",
                           "[//c\n1]",
                           "[/*c*/1]",
                           "[1]]",
                           "{}}",
                           "[1}",
                           "{\"a\":1]"}) {
    const auto result = parse(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, Errc::malformed_json);
  }
}

TEST(JsonParse, NothingFollowsTheValue) {
  for (const char* text :
       {"{} x", "[] []", "{}{}", "1 2", "1,2", "1],[2", "null,", "true]", "\"a\" \"b\"", "{},"}) {
    EXPECT_FALSE(accepted(text)) << text;
  }
  EXPECT_FALSE(accepted("{}\0"s));
  EXPECT_FALSE(accepted("false\0"s));
  EXPECT_TRUE(accepted("{} \r\n\t"));
}

TEST(JsonParse, NumbersFollowTheGrammar) {
  for (const char* number : {"0", "-0", "10", "1.0", "1e3", "1E+3", "1.5e-7", "-1.25"}) {
    EXPECT_TRUE(accepted("[" + std::string(number) + "]")) << number;
    EXPECT_TRUE(accepted(number)) << number;
  }
  for (const char* number : {"01", "-01", "00", "+1", "-", "--1", "1.", ".5", "-.5", "1e", "1e+", "1.e3",
                             "0x10", "1_000", "1,0", "1a", "- 1", "1 .5", "१"}) {
    EXPECT_FALSE(accepted("{\"n\":" + std::string(number) + "}")) << number;
    EXPECT_FALSE(accepted(number)) << number;
  }
}

TEST(JsonParse, TextsAreUtf8WithoutRawControlCharacters) {
  EXPECT_TRUE(accepted("[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"]"));
  for (const char* bytes : {"\xff", "\x80", "\xc0\x80", "\xc3", "\xe2\x82", "\xed\xa0\x80",
                            "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80"}) {
    EXPECT_FALSE(accepted("[\"" + std::string(bytes) + "\"]"));
    EXPECT_FALSE(accepted("{\"" + std::string(bytes) + "\":1}"));
  }
  for (char c = 0; c < 0x20; ++c) EXPECT_FALSE(accepted("[\"a" + std::string(1, c) + "b\"]")) << int{c};
  EXPECT_FALSE(accepted(R"(["\ud800"])"));
  EXPECT_FALSE(accepted(R"(["\udc00"])"));
  EXPECT_FALSE(accepted(R"(["\ud800\u0041"])"));
  EXPECT_FALSE(accepted("\xef\xbb\xbf{}")) << "no byte order mark";
}

TEST(JsonParse, MemberNamesMustDiffer) {
  EXPECT_FALSE(accepted(R"({"amount":1,"amount":2})"));
  EXPECT_FALSE(accepted(R"({"a":1,"b":2,"\u0061":3})"));
  EXPECT_FALSE(accepted(R"([{"x":{"":1,"":1}}])"));
  EXPECT_TRUE(accepted(R"({"a":1,"A":2,"":3})"));
}

TEST(JsonParse, DepthIsLimited) {
  EXPECT_TRUE(accepted(nested(limits::json_depth_max)));
  EXPECT_FALSE(accepted(nested(limits::json_depth_max + 1)));
  EXPECT_FALSE(accepted(nested(100'000)));
  EXPECT_FALSE(accepted(std::string(100'000, '[')));
  std::string objects;
  for (std::size_t i = 0; i <= limits::json_depth_max; ++i) objects += "{\"a\":";
  EXPECT_FALSE(accepted(objects + "1" + std::string(limits::json_depth_max + 1, '}')));
}

TEST(JsonParse, ValuesAreLimitedWhereTheCallerSaysSo) {
  const std::string four = R"([0,{"a":[]}])";
  EXPECT_TRUE(parse(four, 4));
  const auto refused = parse(four, 3);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::malformed_json);
  EXPECT_EQ(refused.error().detail, "too many values");
}

TEST(JsonParse, EveryCutOfADocumentIsRefused) {
  const std::string text = R"({"a":[1,{"b":"\u00e9"},-2.5e3,true,null],"c":""})";
  ASSERT_TRUE(accepted(text));
  for (std::size_t length = 0; length < text.size(); ++length)
    EXPECT_FALSE(accepted(text.substr(0, length))) << length;
}

}  // namespace
}  // namespace perkline::json
