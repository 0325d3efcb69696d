#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "shared/ops/log.hpp"
#include "tests/fuzz/targets.hpp"

namespace perkline::fuzz {
namespace {

struct Named {
  std::string_view name;
  void (*run)(std::string_view input);
};
constexpr std::array targets{Named{"config_file", config_file},
                             Named{"http_head", http_head},
                             Named{"journal_record", journal_record},
                             Named{"jwt", jwt},
                             Named{"pdi_answer", pdi_answer},
                             Named{"retry_after", retry_after},
                             Named{"session_machine", session_machine},
                             Named{"sync_frame", sync_frame},
                             Named{"till_request", till_request},
                             Named{"token_answer", token_answer},
                             Named{"web_socket_request", web_socket_request}};

const std::filesystem::path corpora = PERKLINE_FUZZ_CORPORA;

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class FuzzCorpus : public testing::TestWithParam<Named> {};

/// Each input as it is, cut short and with a bit turned: what a fuzzer found stays mended, and the corpus's
/// own inputs get past the first check.
TEST_P(FuzzCorpus, NothingThatWasFoundComesBack) {
  ops::set_log_level(ops::Level::error);
  const Named& target = GetParam();
  std::size_t inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(corpora / target.name)) {
    std::string input = content_of(entry.path());
    SCOPED_TRACE(entry.path().string());
    target.run(input);
    const std::size_t step = 1 + input.size() / 32;
    for (std::size_t at = 0; at < input.size(); at += step) {
      target.run(std::string_view(input).substr(0, at));
      input[at] = static_cast<char>(input[at] ^ 0x10);
      target.run(input);
      input[at] = static_cast<char>(input[at] ^ 0x10);
    }
    ++inputs;
  }
  EXPECT_GT(inputs, 1u);
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzCorpus, testing::ValuesIn(targets),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(FuzzCorpora, BelongToATargetEach) {
  std::size_t folders = 0;
  for (const auto& entry : std::filesystem::directory_iterator(corpora)) {
    ++folders;
    const std::string name = entry.path().filename().string();
    EXPECT_TRUE(std::ranges::any_of(targets, [&name](const Named& target) { return target.name == name; }))
        << name;
  }
  EXPECT_EQ(folders, targets.size());
}

}  // namespace
}  // namespace perkline::fuzz
