#include "hub/api/overview.hpp"

#include <algorithm>

namespace perkline::hub::api {
namespace {

constexpr seconds wait_max{10};

struct Counted {
  std::vector<stores::Turnover> stores;
  Millis took{0};
};

/// The time that counting takes, without that of waiting for a connection.
Result<Counted> count(db::Transaction& transaction) {
  const auto began = std::chrono::steady_clock::now();
  auto stores = stores::turnover(transaction);
  if (!stores) return failure(stores);
  return Counted{.stores = std::move(*stores),
                 .took = std::chrono::ceil<Millis>(std::chrono::steady_clock::now() - began)};
}

}  // namespace

Task<Result<std::shared_ptr<const Overview::Figures>>> Overview::figures() {
  const auto turn = co_await counting_.acquire({}, clock_.mono_now() + wait_max);
  if (!turn) {
    co_return fail(Error{.code = Errc::overloaded,
                         .detail = "the figures are being counted",
                         .retry_after = Millis(wait_max)});
  }
  if (last_ && clock_.mono_now() < last_until_) co_return last_;
  const WallTime as_of = clock_.wall_now();
  auto counted = co_await db::read_for<Counted>(database_, &count);
  if (!counted) co_return failure(counted);
  auto fresh = std::make_shared<const Figures>(Figures{.as_of = as_of, .stores = std::move(counted->stores)});
  if (counted->took < options_.long_from) {
    last_.reset();
  } else {
    last_ = fresh;
    last_until_ = clock_.mono_now() + std::min(options_.shared_max, options_.shared_for * counted->took);
  }
  co_return fresh;
}

}  // namespace perkline::hub::api
