#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/measure/http_load.hpp"

namespace perkline::bench {

/// A till a connection: identify, calculateRewards, finalize, sale after sale, each of a member of the
/// sandbox's and under a transactionId of its own.
class TillScript final : public HttpScript {
 public:
  struct Options {
    std::string key = {};  ///< Sent as bearer; empty: none is.
    std::string run = {};  ///< Begins every transactionId: another for every script of a store.
    int finalized = 200;   ///< What finalize is answered: 202 while PDI is away.
    /// Whether identify has to tell that PDI is not there (`"mode":"standin"`); nullopt: a ceiling knows
    /// none.
    std::optional<bool> standin = {};
    std::size_t lanes = 1;
  };
  explicit TillScript(Options options);

  std::vector<std::string> kinds() const override { return {"identify", "calculateRewards", "finalize"}; }
  std::size_t next(std::size_t lane, std::string& request) override;
  bool answered(std::size_t lane, int status, std::string_view body) override;

 private:
  struct Lane {
    std::size_t step = 0;
    std::string transaction;
    std::string session;
  };
  std::string body_of(Lane& lane);

  Options options_;
  std::vector<Lane> lanes_;
  std::uint64_t begun_ = 0;
};

}  // namespace perkline::bench
