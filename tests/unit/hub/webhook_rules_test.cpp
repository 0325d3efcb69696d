#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "hub/webhooks/deliveries.hpp"
#include "hub/webhooks/destination.hpp"
#include "hub/webhooks/sender.hpp"
#include "hub/webhooks/signature.hpp"
#include "shared/core/random.hpp"
#include "tests/support/running_reactor.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::hub::webhooks {
namespace {

TEST(WebhookPauses, GrowToAnHourAndComeToMostOfADay) {
  SeededRng rng(1);
  Millis sum{0};
  for (std::int64_t attempts = 1; attempts < delivery_attempts_max; ++attempts) {
    const Millis pause = pause_after(attempts, rng);
    EXPECT_GE(pause, seconds{4});
    EXPECT_LE(pause, minutes{72});
    sum += pause;
  }
  EXPECT_GE(pause_after(1, rng), seconds{4});
  EXPECT_LE(pause_after(1, rng), seconds{6});
  EXPECT_GT(sum, hours{18});
  EXPECT_LT(sum, hours{26});
}

TEST(WebhookDestination, IsAUrlOfHttpWithoutCredentials) {
  const auto good = parse_destination("https://example.com:8443/hooks/a?b=c");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->origin, "https://example.com:8443");
  EXPECT_EQ(good->target, "/hooks/a?b=c");
  EXPECT_EQ(parse_destination("http://127.0.0.1")->target, "/");
  EXPECT_EQ(parse_destination("http://[::1]:80?x")->target, "/?x");
  const std::map<std::string, std::string> bad{
      {"ftp://example.com/", "must begin with http:// or https://"},
      {"example.com", "must begin with http:// or https://"},
      {"HTTP://example.com", "must begin with http:// or https://"},
      {"http://", "must name a host, and a port from 1 to 65535 if any"},
      {"http://:80/", "must name a host, and a port from 1 to 65535 if any"},
      {"http://host:0/", "must name a host, and a port from 1 to 65535 if any"},
      {"http://host:70000/", "must name a host, and a port from 1 to 65535 if any"},
      {"http://user:pass@host/", "must not hold credentials"},
      {"http://host/#part", "must not have a fragment"},
      {"http://host/a b", "must be printable ASCII without spaces"},
      {"http://host/\r\nX: y", "must be printable ASCII without spaces"},
      {"http://host/\xc3\xa4", "must be printable ASCII without spaces"},
      {"http://host/" + std::string(2048, 'x'), "must be at most 2048 bytes"}};
  for (const auto& [url, why] : bad) {
    const auto parsed = parse_destination(url);
    ASSERT_FALSE(parsed) << url;
    EXPECT_EQ(parsed.error().detail, why) << url;
  }
}

TEST(WebhookConnections, AreMadeToNoLinkLocalAddress) {
  test::RunningReactor reactor;
  std::unique_ptr<net::HttpOrigin> origin;
  reactor.run([&] { origin = over_http(*reactor)("http://169.254.169.254").value(); });
  const auto outcome =
      reactor.await(origin->call({.method = net::Method::post}, reactor->clock().mono_now() + seconds{5}));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().error.code, Errc::forbidden);
  reactor.run([&] { origin.reset(); });
}

/// What README.md gives to receivers, run as it stands there.
TEST(WebhookSignature, IsCheckedByTheLinesOfPythonInTheReadme) {
  std::ifstream readme(PERKLINE_SOURCE_DIR "/hub/webhooks/README.md");
  std::stringstream text;
  text << readme.rdbuf();
  const std::string fence = "```python\n";
  const auto begin = text.str().find(fence);
  ASSERT_NE(begin, std::string::npos);
  const auto end = text.str().find("```", begin + fence.size());
  const std::string lines = text.str().substr(begin + fence.size(), end - begin - fence.size());
  const std::string body = R"({"id":"a","data":{"name":"Zo\u00e9 \"x\""}})";
  const std::string header =
      signature_of("whsec_key", std::chrono::floor<seconds>(std::chrono::system_clock::now()), body);
  const test::TempDir folder;
  std::ofstream(folder.file("body")) << body;
  std::ofstream script(folder.file("check.py"));
  script << lines << "\nimport sys\nbody = open(sys.argv[1], 'rb').read()\n";
  const auto expect = [&](const char* what, const std::string& secret, const std::string& of) {
    script << "assert " << what << " is_from_perkline('" << secret << "', '" << of << "', body)\n";
  };
  expect("", "whsec_key", header);
  expect("not", "whsec_other", header);
  expect("not", "whsec_key", signature_of("whsec_key", WallTime{hours{1}}, body));  // It is old.
  expect("not", "whsec_key", header.substr(0, header.size() - 1) + "x");
  script << "assert not is_from_perkline('whsec_key', '" << header << "', body + b' ')\n";
  script.close();
  EXPECT_EQ(std::system(("python3 " + folder.file("check.py") + " " + folder.file("body")).c_str()), 0);
}

}  // namespace
}  // namespace perkline::hub::webhooks
