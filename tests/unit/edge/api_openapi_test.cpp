#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "edge/api/programme_routes.hpp"
#include "edge/api/routes.hpp"
#include "edge/programme/programme.hpp"
#include "edge/session/answers.hpp"
#include "shared/json/value.hpp"
#include "shared/ops/health.hpp"
#include "tests/support/openapi_check.hpp"
#include "tests/support/sim_store.hpp"

namespace perkline::edge::api {
namespace {

std::string document() {
  std::ifstream file(PERKLINE_EDGE_OPENAPI);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The `required: [a, b]` or list of names of a schema of ours, by its text.
std::set<std::string> required_of(const std::string& yaml, const std::string& schema) {
  const std::size_t begin = yaml.find("\n    " + schema + ":\n");
  EXPECT_NE(begin, std::string::npos) << schema;
  std::size_t at = yaml.find("required:", begin);
  const std::size_t properties = yaml.find("      properties:", begin);
  EXPECT_LT(at, properties);
  std::set<std::string> names;
  std::string name;
  for (at += 9; at < properties; ++at) {
    if (std::isalpha(static_cast<unsigned char>(yaml[at])) != 0) {
      name += yaml[at];
    } else if (!name.empty()) {
      names.insert(std::exchange(name, ""));
    }
  }
  return names;
}

std::set<std::string> members_of(const std::string& body) {
  std::set<std::string> names;
  auto parsed = json::parse(body);
  EXPECT_TRUE(parsed) << body;
  if (parsed) {
    for (const json::Member& member : parsed->root().members()) names.emplace(member.name);
  }
  return names;
}

TEST(EdgeOpenapi, SaysWhatTheRoutesAre) {
  session::Outside outside;
  session::Life life(outside);
  ops::Health health(life.world->clock());
  net::Router router;
  add_routes(router, life.flows, health, session::usd());
  programme::Programme programme({.ports = life.ports,
                                  .flows = life.flows,
                                  .writer = life.writer,
                                  .journal = life.journal,
                                  .outbox = *life.outbox,
                                  .store = StoreId("store-1")});
  add_programme_routes(router, programme.spins(), programme.claims());
  EXPECT_EQ(test::openapi_differences(document(), router), std::vector<std::string>{});
}

TEST(EdgeOpenapi, TheAnswersHaveTheMembersItNames) {
  const std::string yaml = document();
  session::Outside outside;
  session::Life life(outside);
  session::Till till;
  const auto identified = life.run(life.flows.identify(till.identify_request()));
  ASSERT_TRUE(identified);
  EXPECT_EQ(members_of(identified->body), required_of(yaml, "Identified"));
  till.session = session::session_id_in(identified->body);
  EXPECT_EQ(members_of(life.calculate(till)->body), required_of(yaml, "Rewards"));
  EXPECT_EQ(members_of(session::pending_answer([&] {
                         session::Session session = life.stored(till.session);
                         session.status = session::Status::queued;
                         session.sale = till.finalize_request().sale;
                         return session;
                       }())
                           .body),
            required_of(yaml, "Pending"));
  EXPECT_EQ(members_of(life.finalize(till)->body), required_of(yaml, "Finalized"));
  EXPECT_EQ(members_of(life.run(life.flows.status(till.session))->body), required_of(yaml, "Session"));
}

}  // namespace
}  // namespace perkline::edge::api
