#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shared/config/schema.hpp"
#include "shared/core/limits.hpp"
#include "tests/unit/ops/config_file.hpp"

namespace perkline::config {
namespace {

using test::told;
using test::Variable;

/// One of each kind of value.
struct Sample {
  std::string name = "default";
  std::string level = "info";
  std::string secret;
  std::string rules_file;
  std::int64_t count = 5;
  double rate = 0.5;
  bool on = true;
  std::vector<std::string> endpoints;
  struct Inner {
    std::string listen = "127.0.0.1:1";
    std::int64_t max = 10;
  } api;
  struct Step {
    std::string from = "by default";
    std::int64_t points = 7;
  };
  std::vector<Step> steps{{}, {}};
  std::vector<std::pair<std::string, std::int64_t>> tiers{{"Gold", 3}};
};

void describe(Schema& s, Sample& sample) {
  s.text("name", sample.name, {.required = true, .choices = {}});
  s.text("level", sample.level, {.required = true, .choices = {"debug", "info"}});
  s.secret("secret", sample.secret);
  s.file("rules_file", sample.rules_file);
  s.integer("count", sample.count, 0, 100);
  s.number("rate", sample.rate, 0, 1);
  s.flag("on", sample.on);
  s.texts("endpoints", sample.endpoints);
  s.section("api", [&](Schema& api) {
    api.text("listen", sample.api.listen);
    api.integer("max", sample.api.max, 1, 1'000);
    if (sample.api.listen == "everywhere") api.fault("listen", "must not be everywhere");
  });
  s.sections(
      "steps", [&] { return sample.steps.size(); }, [&](std::size_t count) { sample.steps.resize(count); },
      [&](Schema& step, std::size_t i) {
        step.text("from", sample.steps[i].from);
        step.integer("points", sample.steps[i].points, 0, 9);
      });
  s.integers_by_name("tiers", sample.tiers, 0, 1'000);
}

std::string faults(const std::string& yaml) {
  Sample sample;
  return told(yaml, [&](Schema& s) { describe(s, sample); });
}

Sample read(const std::string& yaml) {
  Sample sample;
  EXPECT_EQ(told(yaml, [&](Schema& s) { describe(s, sample); }), "");
  return sample;
}

TEST(ConfigRead, AbsentKeysKeepTheirDefaults) {
  for (const char* yaml : {"", "# nothing\n", "{}", "---\n", "api:\n", "api: {}"}) {
    const Sample sample = read(yaml);
    EXPECT_EQ(sample.name, "default");
    EXPECT_EQ(sample.count, 5);
    EXPECT_EQ(sample.api.max, 10);
    EXPECT_EQ(sample.steps.size(), 2u);
    EXPECT_EQ(sample.tiers.size(), 1u);
  }
}

TEST(ConfigRead, TakesEveryKindOfValueInBlockAndFlowStyle) {
  for (const char* yaml :
       {"name: n\nlevel: debug\ncount: 42\nrate: 0.25\non: false\nendpoints:\n  - tcp://a:1\n  - "
        "tcp://b:2\napi:\n"
        "  listen: \"[::1]:80\"\n  max: 3\nsteps:\n  - from: 100\n    points: 1\n  - {from: '200', points: "
        "2}\n  - {}\n"
        "tiers:\n  Silver: 1\n  Gold Plus: 2\n",
        R"({"name": "n", "level": "debug", "count": 42, "rate": 0.25, "on": false,
            "endpoints": ["tcp://a:1", "tcp://b:2"], "api": {"listen": "[::1]:80", "max": 3},
            "steps": [{"from": "100", "points": 1}, {"from": 200, "points": 2}, {}],
            "tiers": {"Silver": 1, "Gold Plus": 2}})"}) {
    const Sample sample = read(yaml);
    EXPECT_EQ(sample.name, "n");
    EXPECT_EQ(sample.level, "debug");
    EXPECT_EQ(sample.count, 42);
    EXPECT_EQ(sample.rate, 0.25);
    EXPECT_FALSE(sample.on);
    EXPECT_EQ(sample.endpoints, (std::vector<std::string>{"tcp://a:1", "tcp://b:2"}));
    EXPECT_EQ(sample.api.listen, "[::1]:80");
    EXPECT_EQ(sample.api.max, 3);
    ASSERT_EQ(sample.steps.size(), 3u);
    EXPECT_EQ(sample.steps[0].from, "100");
    EXPECT_EQ(sample.steps[1].points, 2);
    EXPECT_EQ(sample.steps[2].from, "by default");
    EXPECT_EQ(sample.tiers, (decltype(sample.tiers){{"Silver", 1}, {"Gold Plus", 2}}));
  }
}

TEST(ConfigRead, NumbersServeAsTextsAndTextsAsNumbers) {
  EXPECT_EQ(read("name: 7070").name, "7070");
  EXPECT_EQ(read("name: \"7070\"").name, "7070");
  EXPECT_EQ(read("name: 1.50").name, "1.50");
  EXPECT_EQ(read("name: true").name, "true");
  EXPECT_EQ(read("count: \"42\"").count, 42);
  EXPECT_FALSE(read("on: 'false'").on);
}

TEST(ConfigRead, EveryFaultIsToldWithItsFullKey) {
  EXPECT_EQ(faults("name: ''\n"
                   "level: loud\n"
                   "count: 101\n"
                   "rate: much\n"
                   "on: yes\n"
                   "endpoints: [a, '', {b: 1}]\n"
                   "api: {listen: [1], max: 0, maximum: 3}\n"
                   "steps: [{points: 10}, 5, {from: {}}]\n"
                   "tiers: {Gold: many, Silver: 1}\n"
                   "rules_file: /no/such/file\n"
                   "speed: 1\n"),
            "f: name: is required\n"
            "f: level: must be one of debug, info\n"
            "f: rules_file: names a file that does not exist\n"
            "f: count: must be a whole number from 0 to 100\n"
            "f: rate: must be a number from 0 to 1\n"
            "f: on: must be true or false\n"
            "f: endpoints[1]: must not be empty\n"
            "f: endpoints[2]: must be a single value\n"
            "f: api.listen: must be a single value\n"
            "f: api.max: must be a whole number from 1 to 1000\n"
            "f: api.maximum: is no known key\n"
            "f: steps[0].points: must be a whole number from 0 to 9\n"
            "f: steps[1]: must be a map of keys\n"
            "f: steps[2].from: must be a single value\n"
            "f: tiers.Gold: must be a whole number from 0 to 1000\n"
            "f: speed: is no known key\n");
}

TEST(ConfigRead, ValuesOfTheWrongShapeAreFaults) {
  EXPECT_EQ(faults("api: 7"), "f: api: must be a map of keys\n");
  EXPECT_EQ(faults("api: [1]"), "f: api: must be a map of keys\n");
  EXPECT_EQ(faults("steps: {from: 1}"), "f: steps: must be a list of maps\n");
  EXPECT_EQ(faults("steps:"), "f: steps: must be a list of maps\n");
  EXPECT_EQ(faults("tiers: [1]"), "f: tiers: must be a map from names to whole numbers\n");
  EXPECT_EQ(faults("endpoints: {a: 1}"), "f: endpoints: must be a single value\n");
  EXPECT_EQ(faults("name:"), "f: name: has no value\n");
  EXPECT_EQ(faults("count: ~"), "f: count: has no value\n");
  EXPECT_EQ(faults("- a\n- b"), "f: must be a map of keys\n");
  EXPECT_EQ(faults("only a text"), "f: must be a map of keys\n");
}

TEST(ConfigRead, WholeNumbersAreDecimalAndInRange) {
  for (const char* number :
       {"1.0", "1e1", "0x10", "010", "+1", "-1", "1_0", "' 1'", "99999999999999999999", "''"}) {
    EXPECT_EQ(faults("count: " + std::string(number)), "f: count: must be a whole number from 0 to 100\n")
        << number;
  }
  EXPECT_EQ(read("count: 0").count, 0);
  EXPECT_EQ(read("count: 100").count, 100);
}

TEST(ConfigRead, NumbersAreFiniteAndInRange) {
  for (const char* number : {".nan", "nan", "inf", "-0.1", "1.01", "1e400", "0x1p-1", "''", "0.5x"}) {
    EXPECT_EQ(faults("rate: " + std::string(number)), "f: rate: must be a number from 0 to 1\n") << number;
  }
  EXPECT_EQ(read("rate: 1e-3").rate, 0.001);
  EXPECT_EQ(read("rate: 1").rate, 1);
}

TEST(ConfigRead, DoubledKeysAreFaultsAtEveryDepth) {
  EXPECT_EQ(faults("count: 1\nname: n\ncount: 2\n"), "f: count: is given twice (line 1 and line 3)\n");
  EXPECT_EQ(faults("api:\n  max: 1\n  max: 2\n"), "f: api.max: is given twice (line 2 and line 3)\n");
  EXPECT_EQ(faults("steps:\n- {points: 1}\n- {points: 1, points: 2}\n"),
            "f: steps[1].points: is given twice (line 3 and line 3)\n");
  EXPECT_EQ(faults("tiers: {Gold: 1, Gold: 1}"), "f: tiers.Gold: is given twice (line 1 and line 1)\n");
  EXPECT_EQ(faults("api: {max: 1}\napi: {max: 2}\n"), "f: api: is given twice (line 1 and line 2)\n");
}

TEST(ConfigRead, AliasesAnchorsTagsAndMergeKeysAreFaults) {
  EXPECT_EQ(faults("name: &n x\nsecret: *n\n"),
            "f: name: must not carry an anchor (line 1)\n"
            "f: secret: must be a value, not an alias (line 2)\n");
  EXPECT_EQ(faults("api: &a {max: 1}\n"), "f: api: must not carry an anchor (line 1)\n");
  EXPECT_EQ(faults("count: !!int 5\n"), "f: count: must not carry a tag (line 1)\n");
  EXPECT_EQ(faults("api:\n  <<: {max: 1}\n"), "f: api.<<: is no known key\n");
}

TEST(ConfigRead, SyntaxErrorIsOneFaultThatNamesTheLine) {
  EXPECT_EQ(faults("name: n\ncount: 5\n  level: debug\nspeed: 1\n").substr(0, 7), "f: line");
  EXPECT_EQ(faults("name: n\napi: {max: 1\n"), "f: line 3: is not valid YAML\n");
  EXPECT_EQ(faults("name: \"n\n"), "f: line 2: is not valid YAML\n");
  EXPECT_EQ(faults("name: 'n"), "f: line 2: is not valid YAML\n");
  EXPECT_EQ(read("secret: |\n  two\n  lines\n").secret, "two\nlines\n");
  EXPECT_EQ(faults("? [a]\n: 1\n"), "f: line 1: a key must be a plain text\n");
  EXPECT_EQ(faults("name: a\n---\nname: b\n"), "f: must hold one YAML document only\n");
}

TEST(ConfigRead, FileAsAWholeMayBeAtFault) {
  const test::TempDir dir;
  Sample sample;
  const Describe description = [&](Schema& s) { describe(s, sample); };
  const auto line = [&](const std::string& path) {
    const auto result = read_file(path, description);
    return result ? "" : fault_lines("f", result.error());
  };
  EXPECT_EQ(line(dir.file("absent")), "f: does not exist\n");
  EXPECT_EQ(line(dir.path().string()), "f: cannot be read\n");
  test::write_file(dir.file("long"), std::string(limits::config_file_bytes_max + 1, '#'));
  EXPECT_EQ(line(dir.file("long")), "f: is longer than 262144 bytes\n");
  test::write_file(dir.file("full"), std::string(limits::config_file_bytes_max, '#'));
  EXPECT_EQ(line(dir.file("full")), "");
}

TEST(ConfigRead, EnvironmentReplacesWholeValuesOnly) {
  const Variable name("PERKLINE_TEST_NAME", "from outside");
  const Variable number("PERKLINE_TEST_COUNT", "77");
  EXPECT_EQ(read("name: ${PERKLINE_TEST_NAME}").name, "from outside");
  EXPECT_EQ(read("name: \"${PERKLINE_TEST_NAME:-default}\"").name, "from outside");
  EXPECT_EQ(read("count: ${PERKLINE_TEST_COUNT}").count, 77);
  EXPECT_EQ(read("endpoints: [\"${PERKLINE_TEST_NAME}\", b]").endpoints,
            (std::vector<std::string>{"from outside", "b"}));
  EXPECT_EQ(read("tiers: {Gold: \"${PERKLINE_TEST_COUNT}\"}").tiers[0].second, 77);
  for (const char* inside :
       {"x${PERKLINE_TEST_NAME}", "${PERKLINE_TEST_NAME}x", "${PERKLINE_TEST_NAME}${PERKLINE_TEST_NAME}",
        "$PERKLINE_TEST_NAME", "${}", "${1X}", "${A-B}", "${A B}", "${"}) {
    EXPECT_EQ(read("name: \"" + std::string(inside) + "\"").name, inside);
  }
}

TEST(ConfigRead, AnUnsetVariableGivesItsDefaultOrAFault) {
  EXPECT_EQ(read("name: ${PERKLINE_TEST_UNSET:-fallback}").name, "fallback");
  EXPECT_EQ(read("name: \"${PERKLINE_TEST_UNSET:-a:-b $c}\"").name, "a:-b $c");
  EXPECT_EQ(read("secret: ${PERKLINE_TEST_UNSET:-}").secret, "");
  EXPECT_EQ(faults("count: ${PERKLINE_TEST_UNSET}\nname: ${PERKLINE_TEST_UNSET}\n"),
            "f: name: needs the environment variable PERKLINE_TEST_UNSET, which is not set\n"
            "f: count: needs the environment variable PERKLINE_TEST_UNSET, which is not set\n");
  const Variable empty("PERKLINE_TEST_EMPTY", "");
  EXPECT_EQ(read("name: ${PERKLINE_TEST_EMPTY:-fallback}").name, "fallback");
  EXPECT_EQ(faults("name: ${PERKLINE_TEST_EMPTY}"), "f: name: is required\n");
}

TEST(ConfigRead, ValuesOfTheEnvironmentAreCheckedLikeAnyOther) {
  const Variable level("PERKLINE_TEST_LEVEL", "loud");
  const Variable lines("PERKLINE_TEST_LINES", "a\nb");
  EXPECT_EQ(faults("level: ${PERKLINE_TEST_LEVEL}\nname: ${PERKLINE_TEST_LINES}\n"),
            "f: name: must not hold control characters\nf: level: must be one of debug, info\n");
}

TEST(ConfigRead, SecretMayBeAFileThatLosesOneNewline) {
  const test::TempDir dir;
  test::write_file(dir.file("one"), "pass word\n");
  test::write_file(dir.file("two"), "pass\n\n");
  test::write_file(dir.file("dollar"), "${HOME}");
  EXPECT_EQ(read("secret: plain").secret, "plain");
  EXPECT_EQ(read("secret_file: " + dir.file("one")).secret, "pass word");
  EXPECT_EQ(read("secret_file: " + dir.file("two")).secret, "pass\n");
  EXPECT_EQ(read("secret_file: " + dir.file("dollar")).secret, "${HOME}");
  EXPECT_EQ(read("secret: plain\nsecret_file: ''").secret, "plain");
  EXPECT_EQ(read("secret: ''\nsecret_file: " + dir.file("one")).secret, "pass word");
  const Variable path("PERKLINE_TEST_PATH", dir.file("one"));
  EXPECT_EQ(read("secret_file: ${PERKLINE_TEST_PATH}").secret, "pass word");
}

TEST(ConfigRead, SecretFaultsNeverShowIt) {
  const test::TempDir dir;
  test::write_file(dir.file("one"), "from-file");
  test::write_file(dir.file("long"), std::string(65'537, 'x'));
  EXPECT_EQ(faults("secret: hunter2\nsecret_file: " + dir.file("one")),
            "f: secret: must not be given both here and as secret_file\n");
  EXPECT_EQ(faults("secret_file: /no/such/file"), "f: secret_file: names a file that does not exist\n");
  EXPECT_EQ(faults("secret_file: " + dir.path().string()),
            "f: secret_file: names a file that cannot be read\n");
  EXPECT_EQ(faults("secret_file: " + dir.file("long")),
            "f: secret_file: names a file that is longer than 65536 bytes\n");
  const auto required = [](Schema& s) {
    std::string secret;
    s.secret("secret", secret, {.required = true, .choices = {}});
  };
  EXPECT_EQ(told("", required), "f: secret: is required, here or as secret_file\n");
  EXPECT_EQ(told("secret_file: /no/such/file", required),
            "f: secret_file: names a file that does not exist\n");
}

TEST(ConfigRead, AWrongValueLeavesTheDefaultAndOneFault) {
  Sample sample;
  EXPECT_EQ(
      told("count: many\nlevel: loud\napi: {listen: [], max: x}", [&](Schema& s) { describe(s, sample); }),
      "f: level: must be one of debug, info\nf: count: must be a whole number from 0 to 100\n"
      "f: api.listen: must be a single value\nf: api.max: must be a whole number from 1 to 1000\n");
  EXPECT_EQ(sample.count, 5);
  EXPECT_EQ(sample.level, "info");
  EXPECT_EQ(sample.api.listen, "127.0.0.1:1");
  EXPECT_EQ(faults("api: {listen: everywhere}"), "f: api.listen: must not be everywhere\n");
}

TEST(ConfigRead, FaultIsOneLineWhateverTheKey) {
  EXPECT_EQ(faults("\"a\\nb\": 1"), "f: a?b: is no known key\n");
}

TEST(ConfigReadDeathTest, OneKeyDescribedTwiceIsABug) {
  EXPECT_DEATH(told("",
                    [](Schema& s) {
                      std::string value;
                      s.text("a", value);
                      s.text("a", value);
                    }),
               "assertion failed");
}

TEST(ConfigPrint, IsReadAgainToTheSameValues) {
  Sample sample;
  sample.name = "quotes \" and \\ and # and: colons, é";
  sample.rate = 1.0 / 3;
  sample.on = false;
  sample.count = 0;
  sample.endpoints = {"tcp://a:1", "- b"};
  sample.steps = {{.from = "~", .points = 1}};
  sample.tiers = {{"a: b", 1}, {"true", 2}};
  const std::string yaml = print([&](Schema& s) { describe(s, sample); });
  const Sample again = read(yaml);
  EXPECT_EQ(again.name, sample.name);
  EXPECT_EQ(again.rate, sample.rate);
  EXPECT_EQ(again.on, sample.on);
  EXPECT_EQ(again.count, sample.count);
  EXPECT_EQ(again.endpoints, sample.endpoints);
  ASSERT_EQ(again.steps.size(), 1u);
  EXPECT_EQ(again.steps[0].from, "~");
  EXPECT_EQ(again.tiers, sample.tiers);
  Sample copy = again;
  EXPECT_EQ(print([&](Schema& s) { describe(s, copy); }), yaml);
}

TEST(ConfigPrint, ListsAndMapsMayBeEmpty) {
  Sample sample;
  sample.steps.clear();
  sample.tiers.clear();
  const Sample again = read(print([&](Schema& s) { describe(s, sample); }));
  EXPECT_TRUE(again.endpoints.empty());
  EXPECT_TRUE(again.steps.empty());
  EXPECT_TRUE(again.tiers.empty());
}

TEST(ConfigPrint, HidesSecrets) {
  Sample sample;
  sample.secret = "hunter2";
  const std::string yaml = print([&](Schema& s) { describe(s, sample); });
  EXPECT_EQ(yaml.find("hunter2"), std::string::npos);
  EXPECT_NE(yaml.find("secret: \"***\""), std::string::npos);
}

}  // namespace
}  // namespace perkline::config
