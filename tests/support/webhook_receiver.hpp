#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "shared/net/http_server.hpp"
#include "tests/support/running_reactor.hpp"

namespace perkline::test {

/// Somebody's server that webhooks are sent to, and that behaves as a test says: a real one on a thread of
/// its own. It answers 204 until told otherwise. Any thread.
class WebhookReceiver {
 public:
  WebhookReceiver();
  ~WebhookReceiver();
  std::string origin() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
  std::string url() const { return origin() + "/hook?of=perkline"; }

  /// Every call from here on that answer_next() says nothing of.
  void answer(net::Response response);
  /// The next calls, one after the other.
  void answer_next(std::vector<net::Response> responses);
  /// Every answer comes so much later.
  void delay(Millis time);

  struct Received {
    std::string path;  ///< With the query.
    std::string body;
    std::string signature;
    std::string event_id;
    std::string delivery_id;
  };
  std::vector<Received> received() const;
  /// The bodies' member of that name, in the order they came.
  std::vector<std::string> members(const std::string& name) const;
  /// The most calls that were under way at a time.
  std::size_t in_flight_max() const;

 private:
  static Task<net::Response> serve(WebhookReceiver& receiver, net::Request request);

  mutable std::mutex mutex_;
  net::Response response_{.status = 204};
  std::deque<net::Response> next_;
  Millis delay_{0};
  std::vector<Received> received_;
  std::size_t in_flight_ = 0;
  std::size_t in_flight_max_ = 0;
  net::Router router_;
  RunningReactor reactor_;
  // Made and destroyed on the reactor's thread.
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace perkline::test
