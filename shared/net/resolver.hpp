#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "shared/core/clock.hpp"
#include "shared/core/result.hpp"
#include "shared/net/task.hpp"

namespace perkline::net {

/// Addresses of one host. Asio looks names up one after another on a thread of its own and cannot interrupt
/// one that hangs; so all who wait at a time share one look-up, and leave it behind at their deadline. One
/// thread.
class Resolver {
 public:
  using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

  Resolver(boost::asio::io_context& io, std::string host, std::uint16_t port);
  /// Never empty. Errors: connection_failed, timed_out, cancelled.
  Task<Result<Endpoints>> resolve(MonoTime deadline);

 private:
  struct Lookup;
  void start();

  boost::asio::io_context& io_;
  std::string host_;
  std::uint16_t port_;
  boost::asio::ip::tcp::resolver resolver_;
  std::shared_ptr<Lookup> lookup_;  ///< The one under way.
};

}  // namespace perkline::net
