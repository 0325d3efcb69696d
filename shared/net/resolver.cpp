#include "shared/net/resolver.hpp"

#include <optional>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace perkline::net {

namespace asio = boost::asio;
using asio::ip::tcp;

struct Resolver::Lookup {
  bool over = false;
  Endpoints found;
  std::vector<std::weak_ptr<asio::steady_timer>> waiting;
};

Resolver::Resolver(asio::io_context& io, std::string host, std::uint16_t port)
    : io_(io), host_(std::move(host)), port_(port), resolver_(io) {}

void Resolver::start() {
  lookup_ = std::make_shared<Lookup>();
  resolver_.async_resolve(
      host_, std::to_string(port_), tcp::resolver::numeric_service,
      [lookup = lookup_](boost::system::error_code, const tcp::resolver::results_type& results) {
        lookup->over = true;
        for (const auto& result : results) lookup->found.push_back(result.endpoint());
        for (const auto& waiting : lookup->waiting) {
          if (const auto timer = waiting.lock()) timer->cancel();
        }
      });
}

Task<Result<Resolver::Endpoints>> Resolver::resolve(MonoTime deadline) {
  boost::system::error_code error;
  if (const auto address = asio::ip::make_address(host_, error); !error) {
    co_return Endpoints{tcp::endpoint(address, port_)};
  }
  if (!lookup_ || lookup_->over) start();
  const auto lookup = lookup_;
  const auto timer = std::make_shared<asio::steady_timer>(io_, deadline);
  lookup->waiting.push_back(timer);
  co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, error));
  if (!lookup->over) co_return fail(error ? Errc::cancelled : Errc::timed_out, "looking up " + host_);
  if (lookup->found.empty()) co_return fail(Errc::connection_failed, "no such host: " + host_);
  co_return lookup->found;
}

}  // namespace perkline::net
