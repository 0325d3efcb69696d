#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shared/json/fields.hpp"

namespace perkline::json {
namespace {

/// A reader over a document of its own, with the faults it notes.
class Body {
 public:
  explicit Body(const std::string& text) : document_(parse(text).value()), fields(document_.root(), faults) {}

  /// `field: message` of each fault, a line each.
  std::string told() const {
    std::string lines;
    for (const FieldFault& fault : faults) lines += fault.field + ": " + fault.message + '\n';
    return lines;
  }

 private:
  Document document_;

 public:
  std::vector<FieldFault> faults;
  Fields fields;
};

const Currency usd = find_currency("USD").value();

TEST(Fields, ReadEveryKindOfValue) {
  Body body(R"({"text":"x","id":"T-1","flag":true,"whole":-3,"amount":"1.50","number":1.50,"qty":0.125,
                "items":[1,2],"object":{"a":1},"unknown":[]})");
  EXPECT_EQ(body.fields.required_text("text"), "x");
  EXPECT_EQ(body.fields.required_id("id"), "T-1");
  EXPECT_TRUE(body.fields.required_bool("flag"));
  EXPECT_EQ(body.fields.required_integer("whole", -5, 5), -3);
  EXPECT_EQ(body.fields.required_amount("amount", usd).minor, 150);
  EXPECT_EQ(body.fields.required_amount("number", usd).minor, 150);
  EXPECT_EQ(body.fields.required_quantity("qty").thousandths, 125);
  EXPECT_EQ(body.fields.required_array("items", 2).size(), 2u);
  EXPECT_NE(body.fields.required_object("object"), nullptr);
  EXPECT_EQ(body.told(), "");
}

TEST(Fields, AllFaultsAreToldAtOnce) {
  Body body(R"({"text":7,"flag":"true","whole":1.0,"amount":"1.505","qty":0,"items":{},"object":[]})");
  body.fields.required_text("text");
  body.fields.required_bool("flag");
  body.fields.required_integer("whole", 0, 9);
  body.fields.required_amount("amount", usd);
  body.fields.required_quantity("qty");
  body.fields.required_array("items", 2);
  body.fields.required_object("object");
  body.fields.required_text("absent");
  EXPECT_EQ(body.told(),
            "text: must be a string\n"
            "flag: must be true or false\n"
            "whole: must be a whole number from 0 to 9\n"
            "amount: must have at most 2 decimals\n"
            "qty: must be more than 0\n"
            "items: must be an array\n"
            "object: must be an object\n"
            "absent: is required\n");
}

TEST(Fields, NullCountsAsAbsent) {
  Body body(R"({"a":null})");
  EXPECT_FALSE(body.fields.optional_text("a"));
  EXPECT_FALSE(body.fields.optional_bool("a"));
  EXPECT_FALSE(body.fields.optional_integer("a", 0, 1));
  EXPECT_FALSE(body.fields.optional_amount("a", usd));
  EXPECT_EQ(body.told(), "");
  body.fields.required_text("a");
  EXPECT_EQ(body.told(), "a: is required\n");
}

TEST(Fields, IntegersHaveNeitherFractionNorExponentAndKeepTheirRange) {
  for (const char* number : {"1.0", "1e1", "\"1\"", "99999999999999999999", "-1", "11", "true", "[]"}) {
    Body body(std::string(R"({"n":)") + number + "}");
    EXPECT_FALSE(body.fields.optional_integer("n", 0, 10)) << number;
    EXPECT_EQ(body.told(), "n: must be a whole number from 0 to 10\n") << number;
  }
  Body body(R"({"low":0,"high":10})");
  EXPECT_EQ(body.fields.required_integer("low", 0, 10), 0);
  EXPECT_EQ(body.fields.required_integer("high", 0, 10), 10);
  EXPECT_EQ(body.told(), "");
}

TEST(Fields, TextsKeepTheirLengthAndHoldNoControlCharacters) {
  Body body(R"({"empty":"","long":"12345","control":"a\u0000b","newline":"a\nb","fits":"1234"})");
  const TextRule rule{.bytes_min = 1, .bytes_max = 4};
  EXPECT_FALSE(body.fields.optional_text("empty", rule));
  EXPECT_FALSE(body.fields.optional_text("long", rule));
  EXPECT_FALSE(body.fields.optional_text("control", rule));
  EXPECT_FALSE(body.fields.optional_text("newline", rule));
  EXPECT_EQ(body.fields.optional_text("fits", rule), "1234");
  EXPECT_EQ(body.told(),
            "empty: must be 1 to 4 bytes long\n"
            "long: must be 1 to 4 bytes long\n"
            "control: must not hold control characters\n"
            "newline: must not hold control characters\n");
}

TEST(Fields, IdsArePrintableAsciiOfLimitedLength) {
  for (const std::string& id :
       {std::string("a b"), std::string("é"), std::string(limits::id_bytes_max + 1, 'x'), std::string()}) {
    Body body(R"({"id":")" + id + "\"}");
    EXPECT_EQ(body.fields.required_id("id"), "");
    EXPECT_EQ(body.faults.size(), 1u) << id;
  }
  Body body(R"({"id":")" + std::string(limits::id_bytes_max, '~') + "\"}");
  EXPECT_EQ(body.fields.required_id("id").size(), limits::id_bytes_max);
  EXPECT_EQ(body.told(), "");
}

TEST(Fields, AnAmountIsAStringOrANumberOnly) {
  for (const char* value : {"true", "[]", "{}", "\"\"", "\"1e3\"", "1e3", "-1", "\"-1\""}) {
    Body body(std::string(R"({"amount":)") + value + "}");
    EXPECT_EQ(body.fields.required_amount("amount", usd).minor, 0);
    EXPECT_EQ(body.faults.size(), 1u) << value;
  }
}

TEST(Fields, ArraysAreLimited) {
  Body body(R"({"items":[1,2,3]})");
  EXPECT_TRUE(body.fields.required_array("items", 2).empty());
  EXPECT_EQ(body.told(), "items: must hold at most 2 items\n");
}

TEST(Fields, NestedReadersTellTheFullPath) {
  Body body(R"({"items":[{"qty":1},{"qty":"x"},7]})");
  const auto items = body.fields.required_array("items", 9);
  for (std::size_t i = 0; i < items.size(); ++i) {
    Fields item(items[i], body.faults, "items[" + std::to_string(i) + "]");
    item.required_quantity("qty");
  }
  EXPECT_EQ(body.told(),
            "items[1].qty: must be a plain decimal number\n"
            "items[2]: must be an object\n");
}

TEST(Fields, ABodyHasSoManyValuesAndNoMore) {
  const auto read = [](const std::string& body, std::size_t values_max) {
    return read_body(
        body,
        [](Fields&, const Value& root) {
          const Value* items = root.find("a");
          return items == nullptr ? std::size_t{0} : items->items().size();
        },
        values_max);
  };
  const auto body_of = [](std::size_t items) {
    std::string text = R"({"a":[0)";
    for (std::size_t i = 1; i < items; ++i) text += ",0";
    return text + "]}";
  };
  for (const std::size_t values_max : {body_values_max, limits::json_request_values_max}) {
    const std::size_t items_max = values_max - 2;  // The object and the array count too.
    EXPECT_EQ(read(body_of(items_max), values_max).value_or(0), items_max);
    const auto refused = read(body_of(items_max + 1), values_max);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::malformed_json);
  }
  EXPECT_FALSE(read_body(body_of(body_values_max), [](Fields&, const Value&) { return 0; }))
      << "what a reader that says nothing takes";
}

TEST(Fields, ABodyThatIsNoObjectIsOneFault) {
  Body body("[1]");
  body.fields.required_text("a");
  body.fields.required_integer("b", 0, 1);
  EXPECT_EQ(body.told(), ": must be an object\n");
}

TEST(Fields, TheCallersOwnFaultsJoinTheOthers) {
  Body body("{}");
  body.fields.fault("redeemPoints", "must be absent");
  const Error error = validation_error(std::move(body.faults));
  EXPECT_EQ(error.code, Errc::validation_failed);
  EXPECT_EQ(error.faults, (std::vector<FieldFault>{{"redeemPoints", "must be absent"}}));
}

}  // namespace
}  // namespace perkline::json
