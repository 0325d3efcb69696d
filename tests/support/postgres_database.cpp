#include "tests/support/postgres_database.hpp"

#include <array>
#include <cstdlib>
#include <fstream>

#include "bench/fleet/postgres_server.hpp"
#include "hub/db/postgres_wire.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/random.hpp"

namespace perkline::test {
namespace {

constexpr std::string_view any_database = "postgres";

struct Cluster {
  std::string url;      ///< Of its own database.
  bool shared = false;  ///< The fixture's, which has a database to copy.
};
const Cluster& cluster() {
  static const Cluster found = [] {
    std::ifstream file(PERKLINE_TEST_POSTGRES_FILE);
    std::string shared;
    if (std::getline(file, shared) && hub::db::PostgresWire::connect({.url = shared}))
      return Cluster{.url = shared, .shared = true};
    static auto server = bench::PostgresServer::start({.fsync = false});
    if (!server) std::fputs((server.error().detail + '\n').c_str(), stderr);
    PERKLINE_ASSERT(server.has_value());
    return Cluster{.url = server->url(std::string(any_database))};
  }();
  return found;
}

void run_on_cluster(const std::string& sql) {
  const auto wire = hub::db::PostgresWire::connect({.url = cluster().url});
  PERKLINE_ASSERT(wire.has_value());
  const std::array steps{hub::db::WireStep{.text = sql}};
  const auto done = (*wire)->exchange(steps, std::chrono::steady_clock::now() + std::chrono::minutes(1));
  PERKLINE_ASSERT(done && !hub::db::has_failed(done->front().get()));
}

std::string fresh_name() {
  SystemRng rng;
  std::array<std::uint8_t, 8> bytes{};
  rng.fill(bytes);
  return "t_" + to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

bool on_postgres() {
  const char* engine = std::getenv("PERKLINE_TEST_DATABASE");
  return engine != nullptr && std::string_view(engine) == "postgresql";
}

PostgresDatabase::PostgresDatabase(Schema schema)
    : name_(fresh_name()), url_(cluster().url.substr(0, cluster().url.size() - any_database.size()) + name_) {
  if (schema == Schema::copied && cluster().shared)
    run_on_cluster("CREATE DATABASE " + name_ + " TEMPLATE " + migrated_database);
}

PostgresDatabase::~PostgresDatabase() {
  run_on_cluster("DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
}

}  // namespace perkline::test
