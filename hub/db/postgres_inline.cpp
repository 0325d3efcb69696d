#include "hub/db/postgres_inline.hpp"

#include "hub/db/postgres_runner.hpp"
#include "hub/db/postgres_url.hpp"

namespace perkline::hub::db {
namespace {

using Access = PostgresConnection::Access;

constexpr std::chrono::seconds retry_for{30};

PostgresTarget target_of(const std::string& url, PostgresInline::IfMissing if_missing,
                         const std::string& database) {
  return {.url = url,
          .database = database,
          .statement_timeout = std::chrono::milliseconds{0},
          .create_if_missing = if_missing == PostgresInline::IfMissing::make};
}

}  // namespace

class PostgresInline::Impl {
 public:
  explicit Impl(const PostgresTarget& target)
      : writer_(target, Access::write, gate_), reader_(target, Access::read, gate_) {}

  Result<void> connect() { return reader_.connect(); }
  Result<void> write(const Work& work) { return writer_.run(work, give_up()); }
  Result<void> read(const Work& work) {
    auto done = reader_.run(work, give_up());
    reader_.settle();
    return done;
  }

 private:
  static PostgresRunner::Deadline give_up() { return std::chrono::steady_clock::now() + retry_for; }

  PostgresGate gate_;
  PostgresRunner writer_;
  PostgresRunner reader_;
};

PostgresInline::PostgresInline(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PostgresInline::~PostgresInline() = default;

Result<std::unique_ptr<PostgresInline>> PostgresInline::open(const std::string& url, IfMissing if_missing,
                                                             const std::string& database) {
  if (auto named = postgres_database(url); !named) return failure(named);
  auto impl = std::make_unique<Impl>(target_of(url, if_missing, database));
  if (auto connected = impl->connect(); !connected) return failure(connected);
  return std::unique_ptr<PostgresInline>(new PostgresInline(std::move(impl)));
}

Result<void> PostgresInline::write_now(const Work& work) {
  return impl_->write(work);
}

Result<void> PostgresInline::read_now(const Work& work) {
  return impl_->read(work);
}

}  // namespace perkline::hub::db
