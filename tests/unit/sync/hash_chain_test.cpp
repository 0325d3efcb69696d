#include "shared/sync/hash_chain.hpp"

#include <gtest/gtest.h>

namespace perkline::sync {
namespace {

// The expected values were worked out with another implementation of SHA-256.
TEST(HashChain, StartsWithTheNamedBytes) {
  EXPECT_EQ(to_hex(chain_start(StoreId("store-1"), 1)),
            "be17dcf8bcb70498b2c641381687d01af9b1f6e97bac0711f3e86b469270adc4");
}

TEST(HashChain, GoesOnOverLengthAndBytes) {
  const Digest start = chain_start(StoreId("store-1"), 1);
  EXPECT_EQ(to_hex(chain_next(start, "first")),
            "365f696529d5f7ab3612d9454ece4d00b742c4ee3bfe512ddeb72e08cc342da4");
}

TEST(HashChain, DiffersByStoreAndEpoch) {
  EXPECT_NE(chain_start(StoreId("store-1"), 1), chain_start(StoreId("store-2"), 1));
  EXPECT_NE(chain_start(StoreId("store-1"), 1), chain_start(StoreId("store-1"), 2));
}

TEST(HashChain, TellsWhereOneEventEndsAndTheNextBegins) {
  const Digest start = chain_start(StoreId("store-1"), 1);
  EXPECT_NE(chain_next(chain_next(start, "ab"), "c"), chain_next(chain_next(start, "a"), "bc"));
}

}  // namespace
}  // namespace perkline::sync
