#pragma once

#include <memory>
#include <string>
#include <vector>

#include "shared/net/http_server.hpp"
#include "tests/support/raw_http.hpp"
#include "tests/support/running_reactor.hpp"

namespace perkline::test {

/// A real server with routes that show what reached them:
///   POST /echo    the body again        GET /things/{id}   the id and the query's `q`
///   POST /form    accepts forms too     GET /throws        throws
///   GET /wait     answers on release()  GET /big           big_bytes of text
///   GET /injects  a header of the query's `v`
///   GET /secret   401 without `Authorization`, 403 unless it is `admin`
///   POST /secret  likewise         GET /peer          the caller's address
///   GET /socket   a WebSocket: `?say=n` texts, then it stays open; `?flood` says big ones for ever
///   GET /reset, GET /drip  the sandbox's deliveries
class Serving {
 public:
  static constexpr std::size_t big_bytes = 16 * limits::mib;  ///< More than both sockets' buffers take.

  static constexpr std::size_t flood_bytes = 64 * limits::kib;

  explicit Serving(net::HttpServerOptions options = {.listen = "0"});
  ~Serving();

  std::uint16_t port() const { return server_->port(); }
  RawHttp connect() const { return RawHttp(port()); }
  /// Sends `bytes` on a connection of its own and reads one answer.
  std::optional<RawAnswer> ask(std::string_view bytes) const;
  void release();
  Result<void> started() const { return started_; }
  net::HttpServer& server() { return *server_; }
  RunningReactor& reactor() { return reactor_; }

  struct Seen {
    std::string route;
    int status;
  };
  /// What the server's observer was told, in order.
  std::vector<Seen> seen();
  /// Handlers that are waiting in GET /wait.
  int waiting();

 private:
  struct Gate;
  net::Router router_;
  std::vector<Seen> seen_;
  std::unique_ptr<Gate> gate_;
  RunningReactor reactor_;
  std::unique_ptr<net::HttpServer> server_;
  Result<void> started_;
};

/// A request with the usual head.
std::string request(std::string_view method, std::string_view target, std::string_view more_fields = "",
                    std::string_view body = "");
/// A POST of JSON with its Content-Length.
std::string post(std::string_view target, std::string_view body, std::string_view more_fields = "");

}  // namespace perkline::test
