#include "hub/api/docs_page.hpp"

#include <regex>
#include <set>

#include <gtest/gtest.h>

#include "tests/unit/hub/served_hub.hpp"

namespace perkline::test {
namespace {

/// What the page names, as its tags do.
std::set<std::string> addresses_in(const std::string& html) {
  static const std::regex address(R"x((?:src|href)="([^"]*)")x");
  std::set<std::string> found;
  for (std::sregex_iterator it(html.begin(), html.end(), address), end; it != end; ++it)
    found.insert((*it)[1]);
  return found;
}

/// Whatever this build had at hand: the page whole, or the reason why it is not there.
TEST(DocsPage, IsServedWholeOrSaysWhyItIsNotThere) {
  const ServedHub hub;
  const RawAnswer page = hub.get("/api-docs");
  const auto built = hub::api::docs_page();
  if (built.files.empty()) {
    EXPECT_EQ(page.status, 404);
    EXPECT_TRUE(page.body.contains(std::string(built.absent_because))) << page.body;
    EXPECT_FALSE(built.absent_because.empty());
    return;
  }
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.field("Content-Type"), "text/html; charset=utf-8");
  const auto addresses = addresses_in(page.body);
  EXPECT_GE(addresses.size(), 4u);
  for (const std::string& address : addresses) {
    EXPECT_FALSE(address.contains(':') || address.starts_with('/'))
        << "relative, and on this hub: " << address;
    const RawAnswer file = hub.get("/" + address);
    EXPECT_EQ(file.status, 200) << address;
    EXPECT_GT(file.body.size(), 100u) << address;
  }
  EXPECT_TRUE(addresses.contains("api/v1/openapi.json"));
  EXPECT_TRUE(hub.get("/api-docs/start.js").body.contains(R"(url: "api/v1/openapi.json")"));
  EXPECT_TRUE(hub.get("/api-docs/swagger-ui-bundle.js").body.contains("SwaggerUIBundle"));
  EXPECT_EQ(hub.get("/api-docs/package.json").status, 404);
}

TEST(DocsPage, MayLoadAndCallNothingButItsHub) {
  const hub::api::DocsPage page{
      .files = {{"index.html", "text/html", "<p>"}, {"a.js", "text/javascript", "1"}}, .absent_because = ""};
  net::Router router;
  hub::api::add_docs_routes(router, page);
  RunningReactor reactor;
  for (const char* path : {"/api-docs", "/api-docs/a.js"}) {
    auto match = router.match(net::Method::get, path);
    ASSERT_TRUE(match);
    net::Request request;
    request.path_values = match->path_values;
    const auto answer = reactor.await(match->route->handler(request));
    ASSERT_EQ(answer.status, 200);
    EXPECT_FALSE(answer.content().empty());
    EXPECT_EQ(answer.body, "") << "a copy that each slow reader would hold";
    const std::string policy(answer.headers.find("Content-Security-Policy").value_or(""));
    EXPECT_TRUE(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';")) << policy;
    EXPECT_TRUE(policy.contains("connect-src 'self'") && policy.contains("frame-ancestors 'none'")) << policy;
    for (const char* loose : {"unsafe", "http", "*"}) EXPECT_FALSE(policy.contains(loose)) << policy;
  }
}

TEST(DocsPage, ThatIsAbsentSaysSo) {
  net::Router router;
  hub::api::add_docs_routes(router, {.files = {}, .absent_because = "npm was not found"});
  RunningReactor reactor;
  const auto match = router.match(net::Method::get, "/api-docs");
  ASSERT_TRUE(match);
  const auto answer = reactor.await(match->route->handler(net::Request{}));
  EXPECT_EQ(answer.status, 404);
  EXPECT_TRUE(answer.body.contains("npm was not found")) << answer.body;
  EXPECT_TRUE(answer.body.contains("/api/v1/openapi.json"));
}

}  // namespace
}  // namespace perkline::test
