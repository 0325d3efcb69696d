#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shared/config/schema.hpp"
#include "shared/core/limits.hpp"
#include "tests/unit/ops/config_file.hpp"

namespace perkline::config {
namespace {

using test::told;

struct Named {
  std::vector<std::string> words;
  std::vector<std::pair<std::string, std::string>> factors{{"Gold", "0.5"}};
};

void describe(Schema& s, Named& named) {
  s.texts("words", named.words, [](std::string_view text) { return text == "no" ? "must not be no" : ""; });
  s.texts_by_name("factors", named.factors);
}

TEST(ConfigTexts, EachIsHeldAgainstItsRuleUnderItsOwnPlace) {
  Named named;
  const Describe description = [&](Schema& s) { describe(s, named); };
  EXPECT_EQ(told("words: [a, '', no, b, no]", description),
            "f: words[1]: must not be empty\n"
            "f: words[2]: must not be no\n"
            "f: words[4]: must not be no\n");
  EXPECT_EQ(told("words: no", description), "f: words: must not be no\n");
  EXPECT_EQ(told("words: yes", description), "");
  EXPECT_EQ(named.words, std::vector<std::string>{"yes"});
}

TEST(ConfigTexts, ByNameKeepTheirTextAndOrder) {
  Named named;
  const Describe description = [&](Schema& s) { describe(s, named); };
  EXPECT_EQ(told("factors: {Silver: 0.10, Base: '0', Gold Plus: 1e3}", description), "");
  EXPECT_EQ(named.factors,
            (decltype(named.factors){{"Silver", "0.10"}, {"Base", "0"}, {"Gold Plus", "1e3"}}));
  EXPECT_EQ(told("factors: {A: [1], B:, C: 2}", description),
            "f: factors.A: must be a single value\nf: factors.B: has no value\n");
  EXPECT_EQ(told("factors: [1]", description), "f: factors: must be a map from names to values\n");
  EXPECT_EQ(told("factors: {}", description), "");
  EXPECT_TRUE(named.factors.empty());
}

TEST(ConfigTexts, PrintedByNameAreReadAgain) {
  Named named{.words = {"a"}, .factors = {{"Gold: {#", "0.5"}, {"0", ""}}};
  const std::string yaml = print([&](Schema& s) { describe(s, named); });
  Named again;
  EXPECT_EQ(told(yaml, [&](Schema& s) { describe(s, again); }), "");
  EXPECT_EQ(again.factors, named.factors);
}

/// A file that names another.
struct Outer {
  std::string name;
  std::string other;
  Named inner;
};

std::string outer_faults(const std::string& yaml, Outer& outer) {
  return told(yaml, [&](Schema& s) {
    s.text("words", outer.name, {.required = true, .choices = {}});
    s.document("other", outer.other, [&](Schema& inner) { describe(inner, outer.inner); });
  });
}

TEST(ConfigDocument, IsReadAlong) {
  const test::TempDir dir;
  test::write_file(dir.file("other.yaml"), "words: [a]\nfactors: {Silver: 1}\n");
  Outer outer;
  EXPECT_EQ(outer_faults("words: n\nother: " + dir.file("other.yaml"), outer), "");
  EXPECT_EQ(outer.other, dir.file("other.yaml"));
  EXPECT_EQ(outer.inner.words, std::vector<std::string>{"a"});
}

TEST(ConfigDocument, ItsFaultsAreToldWithTheOthersUnderItsOwnName) {
  const test::TempDir dir;
  const std::string path = dir.file("other.yaml");
  test::write_file(path, "words: [no]\nfactors: {A: }\nspeed: 1\nspeed: 2\n");
  Outer outer;
  EXPECT_EQ(outer_faults("other: " + path + "\nspeed: 1\n", outer),
            "f: words: is required\n" + path + ": speed: is given twice (line 3 and line 4)\n" + path +
                ": words[0]: must not be no\n" + path + ": factors.A: has no value\n" +
                "f: speed: is no known key\n")
      << "a key of one file is no key of the other";
  test::write_file(path, "words: [");
  EXPECT_EQ(outer_faults("words: n\nother: " + path, outer), path + ": line 2: is not valid YAML\n");
}

TEST(ConfigDocument, ThatCannotBeReadIsAFaultOfTheKeyThatNamesIt) {
  const test::TempDir dir;
  Outer outer;
  EXPECT_EQ(outer_faults("words: n\nother: " + dir.file("absent"), outer),
            "f: other: names a file that does not exist\n");
  EXPECT_EQ(outer_faults("words: n\nother: " + dir.path().string(), outer),
            "f: other: names a file that cannot be read\n");
  test::write_file(dir.file("long"), std::string(limits::config_file_bytes_max + 1, '#'));
  EXPECT_EQ(outer_faults("words: n\nother: " + dir.file("long"), outer),
            "f: other: names a file that is longer than 262144 bytes\n");
  EXPECT_EQ(outer_faults("words: n\nother: ''", outer), "") << "none is named";
}

}  // namespace
}  // namespace perkline::config
