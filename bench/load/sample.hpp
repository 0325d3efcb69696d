#pragma once

#include <cstdint>
#include <vector>

#include "bench/load/basket.hpp"

namespace perkline::bench {

struct SampleOptions {
  std::uint64_t seed = 1;
  std::size_t baskets = 1000;
  std::size_t stores = 2;
  std::size_t customers = 600;  ///< CUST-00001 … of the sandbox.
};

/// Made-up receipts of a small chain of grocers: one range of goods with few fast sellers and a long tail,
/// regulars who come often and others who come once, small baskets more often than large ones. The same
/// options give the same receipts. Transaction ids begin with `prefix`, stores are named `store-1` ….
std::vector<Basket> sample_baskets(const SampleOptions& options, const std::string& prefix);

}  // namespace perkline::bench
