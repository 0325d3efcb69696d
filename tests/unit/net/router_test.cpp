#include "shared/net/router.hpp"

#include <gtest/gtest.h>

namespace perkline::net {
namespace {

Task<Response> nothing(Request) {
  co_return Response{};
}

Router router_of(std::initializer_list<std::pair<Method, const char*>> routes) {
  Router router;
  for (const auto& [method, pattern] : routes) {
    router.add({.method = method, .pattern = pattern, .access = "anyone", .handler = nothing});
  }
  return router;
}

std::string pattern_of(const Result<Router::Match>& match) {
  return match ? match->route->pattern : std::string(name_of(match.error().code));
}

TEST(Router, PathIsMatchedWhole) {
  const Router router = router_of({{Method::get, "/v1/prizes"}});
  EXPECT_EQ(pattern_of(router.match(Method::get, "/v1/prizes")), "/v1/prizes");
  for (const char* path :
       {"/v1/prizes/", "/v1", "/v1/prizes/x", "/v1//prizes", "v1/prizes", "", "*", "/V1/prizes"}) {
    EXPECT_EQ(pattern_of(router.match(Method::get, path)), "not_found") << path;
  }
}

TEST(Router, VariableStandsForOneDecodedSegment) {
  const Router router = router_of({{Method::post, "/wallet/holds/{id}/capture"}});
  const auto match = router.match(Method::post, "/wallet/holds/a%20b%2Fc/capture");
  ASSERT_TRUE(match);
  EXPECT_EQ(match->path_values, std::vector<std::string>{"a b/c"});
  EXPECT_FALSE(router.match(Method::post, "/wallet/holds//capture"));
  EXPECT_FALSE(router.match(Method::post, "/wallet/holds/a/b/capture"));
}

TEST(Router, EncodedLettersMeanTheSamePath) {
  const Router router = router_of({{Method::get, "/v1/prizes"}});
  EXPECT_TRUE(router.match(Method::get, "/v1/%70rizes"));
}

TEST(Router, EncodedSlashDoesNotSeparate) {
  const Router router = router_of({{Method::get, "/v1/prizes"}});
  EXPECT_EQ(pattern_of(router.match(Method::get, "/v1%2Fprizes")), "not_found");
}

TEST(Router, BrokenEscapeIsNotFound) {
  const Router router = router_of({{Method::get, "/stores/{id}"}});
  for (const char* path : {"/stores/%", "/stores/%4", "/stores/%zz", "/stores/a%2"}) {
    EXPECT_EQ(pattern_of(router.match(Method::get, path)), "not_found") << path;
  }
}

TEST(Router, SpelledOutSegmentGoesBeforeVariable) {
  const Router router = router_of({{Method::get, "/users/{id}"},
                                   {Method::get, "/users/me"},
                                   {Method::del, "/users/{id}"},
                                   {Method::get, "/"}});
  EXPECT_EQ(pattern_of(router.match(Method::get, "/users/me")), "/users/me");
  EXPECT_EQ(pattern_of(router.match(Method::get, "/users/7")), "/users/{id}");
  EXPECT_EQ(pattern_of(router.match(Method::del, "/users/me")), "/users/{id}");
  EXPECT_EQ(pattern_of(router.match(Method::get, "/")), "/");
}

TEST(Router, WrongMethodNamesTheAllowedOnes) {
  const Router router =
      router_of({{Method::post, "/auth/me"}, {Method::get, "/auth/me"}, {Method::del, "/auth/{x}"}});
  for (const Method method : {Method::put, Method::options, Method::other}) {
    const auto match = router.match(method, "/auth/me");
    ASSERT_FALSE(match);
    EXPECT_EQ(match.error().code, Errc::method_not_allowed);
    EXPECT_EQ(match.error().detail, "GET, HEAD, POST, DELETE");
  }
  EXPECT_EQ(router.match(Method::other, "/auth").error().code, Errc::not_found);
}

TEST(Router, HeadGoesToItsOwnRouteOrToGets) {
  const Router router =
      router_of({{Method::get, "/a"}, {Method::head, "/b"}, {Method::get, "/b"}, {Method::post, "/c"}});
  EXPECT_EQ(router.match(Method::head, "/a")->route->method, Method::get);
  EXPECT_EQ(router.match(Method::head, "/b")->route->method, Method::head);
  EXPECT_EQ(router.match(Method::head, "/c").error().code, Errc::method_not_allowed);
}

TEST(RouterDeathTest, SameRouteTwiceIsABug) {
  Router router = router_of({{Method::get, "/a"}});
  EXPECT_DEATH(router.add({.method = Method::get, .pattern = "/a", .access = "anyone", .handler = nothing}),
               "routes");
}

}  // namespace
}  // namespace perkline::net
