#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/measure/load.hpp"
#include "shared/core/ids.hpp"

namespace perkline::bench {

/// A store that is not there, with a key that a hub lets in.
struct SimulatedStore {
  StoreId id;
  std::string secret_key;  ///< 64 lower-case hex digits.
};

/// Stores that stream made-up sales to one hub as edges do: a connection with CURVE each, Hello, then
/// encoded, chained, compressed batches. A lane's operation is the batch of whichever store's turn it is,
/// until the hub acknowledges it; a unit is a sale. What the hub has lost is sent again, and has
/// failed.
class StoreLoad final : public Load {
 public:
  struct Options {
    std::string endpoint;  ///< The hub's, `tcp://…`.
    std::string hub_public_key;
    std::uint64_t cards;  ///< That the chain's sales are of.
    std::size_t batch;    ///< Sales.
    std::size_t lanes;    ///< Batches on their way in all.
    std::size_t window;   ///< Of one store's.
  };
  /// Returns when the hub has welcomed all. Errors: validation_failed (a key), io_failed (it does not).
  static Result<std::unique_ptr<StoreLoad>> connect(const Options& options,
                                                    const std::vector<SimulatedStore>& stores);
  ~StoreLoad() override;

  /// Sales that the hub has acknowledged.
  std::uint64_t acknowledged() const;

  std::size_t lanes() const override;
  std::vector<std::string> kinds() const override { return {"batch"}; }
  std::string complaint() const override { return "a batch that the hub had lost was sent again"; }
  Result<void> begin(std::size_t lane) override;
  Result<void> poll(std::chrono::nanoseconds patience, std::vector<Ended>& ended) override;

 private:
  struct State;
  explicit StoreLoad(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace perkline::bench
