#include "tests/support/answer_schemas.hpp"

#include <gtest/gtest.h>

namespace perkline::test {
namespace {

constexpr const char* document = R"(
paths:
  /things/{id}:
    get:
      responses:
        '200': { content: { application/json: { schema: { $ref: '#/components/schemas/Thing' } } } }
        default: { $ref: '#/components/responses/Problem' }
    delete:
      responses:
        '204': { description: Gone. }
        default: { $ref: '#/components/responses/Problem' }
  /things/mine:
    get:
      responses:
        '200': { content: { text/csv: { schema: { type: string } } } }
        default: { $ref: '#/components/responses/Problem' }
components:
  responses:
    Problem: { content: { application/problem+json: { schema: { type: object, required: [code] } } } }
  schemas:
    Thing:
      type: object
      required: [id, count]
      properties:
        id: { type: string, format: uuid }
        count: { type: integer, minimum: 0, maximum: 9 }
        name: { type: [string, 'null'], minLength: 1, maxLength: 3 }
        state: { enum: [on, off] }
        kind: { const: k }
        code: { type: string, pattern: '^[A-Z]+$' }
        at: { type: string, format: date-time }
        tags: { type: array, items: { type: string }, minItems: 1 }
        by: { type: object, additionalProperties: { type: integer } }
        either: { oneOf: [ { type: string }, { type: integer } ] }
        odd: { uniqueItems: true }
)";

std::vector<std::string> faults(const std::string& members) {
  return AnswerSchemas(document).faults(
      {.method = "GET",
       .path = "/things/1?x=y",
       .status = 200,
       .content_type = "application/json; charset=utf-8",
       .body = R"({"id":"0190163d-8694-739b-aea5-966c26f8ad91","count":1)" + members + "}"});
}

TEST(AnswerSchemas, TakeWhatTheDocumentSays) {
  for (const char* right :
       {"", R"(,"name":null)", R"(,"name":"äöü")", R"(,"state":"off","kind":"k")", R"(,"code":"AB")",
        R"(,"at":"2026-03-01T00:00:00.123Z")", R"(,"tags":["a"],"by":{"a":1,"b":2})", R"(,"either":1)"}) {
    EXPECT_EQ(faults(right), std::vector<std::string>{}) << right;
  }
}

TEST(AnswerSchemas, NameEachThingThatTheDocumentDoesNotSay) {
  for (const char* wrong :
       {R"(,"name":"four")", R"(,"name":"")", R"(,"name":1)", R"(,"state":"maybe")", R"(,"kind":"q")",
        R"(,"code":"ab")", R"(,"at":"yesterday")", R"(,"tags":[])", R"(,"tags":[1])", R"(,"by":{"a":"1"})",
        R"(,"either":null)", R"(,"unnamed":1)", R"(,"odd":[])"}) {
    EXPECT_EQ(faults(wrong).size(), 1u) << wrong;
  }
  EXPECT_EQ(faults(R"(,"name":1,"kind":"q","unnamed":1)").size(), 3u);
}

TEST(AnswerSchemas, HoldStatusTypeAndBodyAgainstTheOperation) {
  const AnswerSchemas schemas(document);
  const auto faults_of = [&](const std::string& method, const std::string& path, int status,
                             const std::string& type, const std::string& body) {
    return schemas
        .faults({.method = method, .path = path, .status = status, .content_type = type, .body = body})
        .size();
  };
  const std::string problem = "application/problem+json";
  EXPECT_EQ(faults_of("GET", "/things/1", 404, problem, R"({"code":"X","more":1})"), 0u);
  EXPECT_EQ(faults_of("GET", "/things/1", 404, problem, "{}"), 1u);
  EXPECT_EQ(faults_of("GET", "/things/1", 404, "text/html", "<p>"), 1u);
  EXPECT_EQ(faults_of("GET", "/things/1", 404, problem, "{"), 1u);
  EXPECT_EQ(faults_of("GET", "/things/1", 201, "application/json", "{}"), 2u);
  EXPECT_EQ(faults_of("GET", "/things/1", 200, "application/json", R"({"id":1,"count":10})"), 2u);
  EXPECT_EQ(faults_of("GET", "/things/mine", 200, "text/csv", "a,b"), 0u) << "spelled out goes first";
  EXPECT_EQ(faults_of("DELETE", "/things/1", 204, "", ""), 0u);
  EXPECT_EQ(faults_of("DELETE", "/things/1", 204, "text/plain", "gone"), 1u);
  EXPECT_EQ(faults_of("GET", "/nowhere", 404, problem, R"({"code":"X"})"), 0u);
  EXPECT_EQ(faults_of("PUT", "/things/1", 405, problem, R"({"code":"X"})"), 0u);
  EXPECT_EQ(faults_of("GET", "/nowhere", 200, problem, R"({"code":"X"})"), 1u);
}

}  // namespace
}  // namespace perkline::test
