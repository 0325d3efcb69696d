#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "bench/fleet/web.hpp"
#include "tests/integration/paths.hpp"
#include "tests/support/answer_schemas.hpp"

/// Holds every answer of both daemons' APIs that a test of this suite gets through bench::call against the
/// document that promises it.
namespace perkline::test {
namespace {

AnswerSchemas schemas_of(const std::string& daemon) {
  std::ifstream file(source_dir() + '/' + daemon + "/api/openapi.yaml");
  std::stringstream text;
  text << file.rdbuf();
  return AnswerSchemas(text.str());
}

class DocumentedAnswers final : public ::testing::Environment {
 public:
  void SetUp() override {
    bench::watch_answers([this](const bench::WebCall& call, const bench::WebAnswer& answer) {
      // What else answers here, sandbox and ops ports, has no document.
      if (call.path.starts_with("/v1/")) return look(edge_, call, answer);
      if (call.path.starts_with("/api/") || call.path.starts_with("/api-docs")) look(hub_, call, answer);
    });
  }
  void TearDown() override { bench::watch_answers({}); }

 private:
  static void look(const AnswerSchemas& schemas, const bench::WebCall& call, const bench::WebAnswer& answer) {
    const auto type = answer.headers.find("content-type");
    EXPECT_EQ(schemas.faults({.method = call.method,
                              .path = call.path,
                              .status = answer.status,
                              .content_type = type == answer.headers.end() ? "" : type->second,
                              .body = answer.body}),
              std::vector<std::string>{})
        << answer.body;
  }

  const AnswerSchemas edge_ = schemas_of("edge");
  const AnswerSchemas hub_ = schemas_of("hub");
};

[[maybe_unused]] const auto* const registered = ::testing::AddGlobalTestEnvironment(new DocumentedAnswers);

}  // namespace
}  // namespace perkline::test
