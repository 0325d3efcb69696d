#include <sys/resource.h>

#include <gtest/gtest.h>

#include "shared/net/http_server.hpp"
#include "shared/ops/trace.hpp"
#include "tests/contract/pdi/sandboxed.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/raw_http.hpp"

namespace perkline::test {
namespace {

using pdi::Outcome;

class PdiConnections : public Sandboxed {};

TEST_F(PdiConnections, CertificateOfAnotherNameIsRefused) {
  SandboxHost impostor(reactor, sandbox_config("pdi.example"), certificates.ca_file());
  auto options = client_options();
  options.url = impostor.origin();
  connect(std::move(options));
  const auto reply = identify();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().outcome, Outcome::unavailable);
  EXPECT_FALSE(reply.error().may_have_been_sent);
  EXPECT_EQ(sandbox->arrived("token"), 1) << "the token came, and stayed here";
}

TEST_F(PdiConnections, CertificateOfAnotherAuthorityIsRefused) {
  TestCertificates strangers;
  auto options = client_options();
  options.ca_file = strangers.ca_file();
  connect(std::move(options));
  const auto reply = identify();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().outcome, Outcome::no_token);
  EXPECT_EQ(sandbox->arrived("token"), 0);
}

TEST_F(PdiConnections, NobodyListeningIsUnavailableAndNothingWasSent) {
  auto options = client_options();
  {
    auto config = sandbox_config();
    SandboxHost gone(reactor, std::move(config), certificates.ca_file());
    options.url = gone.origin();
  }
  connect(std::move(options));
  const auto reply = identify();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().outcome, Outcome::unavailable);
  EXPECT_FALSE(reply.error().may_have_been_sent);
}

TEST_F(PdiConnections, UnusableOptionsAreRefused) {
  for (const char* url : {"", "ftp://pdi.example", "pdi.example", "https://"}) {
    auto options = client_options();
    options.url = url;
    reactor.run([&] { EXPECT_FALSE(pdi::PdiHttp::make(*reactor, options)) << url; });
  }
  auto options = client_options();
  options.ca_file = "/nowhere.pem";
  reactor.run([&] { EXPECT_FALSE(pdi::PdiHttp::make(*reactor, options)); });
}

/// A PDI that shows what reached it.
class Mirror {
 public:
  struct Seen {
    std::string path;
    std::string authorization;
    std::string traceparent;
    std::string content_type;
    std::string body;
  };

  explicit Mirror(RunningReactor& reactor) : reactor_(reactor) {
    add("/base/token", R"({"access_token":"abc.def"})", true);
    add("/base/v2/identify",
        R"({"sessionId":"s","status":"active","customerName":"J","currentPoints":1,"tier":"Base"})");
    server_ =
        std::make_unique<net::HttpServer>(*reactor, net::HttpServerOptions{.listen = "0"}, router_,
                                          [](const net::RequestHead&, const net::Route&) { return admit(); });
    reactor_.run([this] { EXPECT_TRUE(server_->start()); });
  }
  ~Mirror() {
    reactor_.run([this] { server_.reset(); });
  }
  std::string origin() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
  std::vector<Seen> seen() {
    std::vector<Seen> copy;
    reactor_.run([&] { copy = seen_; });
    return copy;
  }

 private:
  static Task<Result<net::Principal>> admit() { co_return net::Principal{}; }
  static Task<net::Response> answer(Mirror& mirror, net::Request request, std::string body) {
    const auto field = [&](std::string_view name) {
      return std::string(request.headers.find(name).value_or(""));
    };
    mirror.seen_.push_back({.path = request.path,
                            .authorization = field("Authorization"),
                            .traceparent = field("traceparent"),
                            .content_type = field("Content-Type"),
                            .body = request.body});
    co_return net::json_response(200, std::move(body));
  }
  void add(std::string path, std::string body, bool form = false) {
    router_.add({.method = net::Method::post,
                 .pattern = std::move(path),
                 .access = "anyone",
                 .handler = [this, body = std::move(body)](
                                net::Request request) { return answer(*this, std::move(request), body); },
                 .accepts_form = form});
  }

  RunningReactor& reactor_;
  net::Router router_;
  std::vector<Seen> seen_;
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(PdiConnections, CallsCarryPathTokenTraceAndBody) {
  Mirror mirror(reactor);
  auto options = client_options();
  options.url = mirror.origin() + "/base/v2/";
  options.token_url = mirror.origin() + "/base/token";
  connect(std::move(options));
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto reply = reactor.await(client->identify({.customer = CustomerId("CUST-1"),
                                                     .channel = ChannelId("POS-1"),
                                                     .transaction = TransactionId("TXN-1"),
                                                     .traceparent = trace},
                                                    within(seconds{10})));
  ASSERT_TRUE(reply);
  ASSERT_TRUE(identify()) << "without a trace";
  const auto seen = mirror.seen();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].path, "/base/token");
  EXPECT_TRUE(seen[0].authorization.starts_with("Basic "));
  EXPECT_EQ(seen[0].content_type, "application/x-www-form-urlencoded");
  EXPECT_EQ(seen[0].body, "grant_type=client_credentials");
  EXPECT_EQ(seen[1].path, "/base/v2/identify");
  EXPECT_EQ(seen[1].authorization, "Bearer abc.def");
  EXPECT_TRUE(ops::is_traceparent(seen[1].traceparent)) << seen[1].traceparent;
  EXPECT_EQ(ops::trace_id_of(seen[1].traceparent), ops::trace_id_of(trace));
  EXPECT_NE(ops::span_id_of(seen[1].traceparent), ops::span_id_of(trace));
  EXPECT_EQ(seen[1].content_type, "application/json");
  EXPECT_EQ(seen[1].body, R"({"customerId":"CUST-1","channelId":"POS-1","transactionId":"TXN-1"})");
  EXPECT_EQ(seen[2].traceparent, "");
  reactor.run([&] { client.reset(); });
}

class PlainSandbox : public ::testing::Test {
 protected:
  RunningReactor reactor;
  SandboxHost sandbox{reactor, {.listen = "0", .tls = {}, .members = 1, .seed = 1}, ""};
};

TEST_F(PlainSandbox, HoldsTwoThousandOpenCallsWithoutBlocking) {
  constexpr std::size_t calls = 2000;
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  if (files.rlim_max < 2 * calls + 100) GTEST_SKIP() << "too few files allowed here";

  sandbox.fault(R"({"endpoint":"token","mode":"hang"})");
  const auto port =
      static_cast<std::uint16_t>(std::stoi(sandbox.origin().substr(sandbox.origin().rfind(':') + 1)));
  const std::string call =
      "POST /oauth/token HTTP/1.1\r\nHost: sandbox\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      "Content-Length: 29\r\n\r\ngrant_type=client_credentials";
  std::vector<RawHttp> open;
  for (std::size_t i = 0; i < calls; ++i) {
    open.emplace_back(port);
    ASSERT_TRUE(open.back().send(call));
  }
  ASSERT_TRUE(eventually([&] { return sandbox.arrived("token") == std::int64_t{calls}; }));
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) sandbox.booked();
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds{2});

  sandbox.fault(R"({"endpoint":"*","mode":"ok"})");
  for (RawHttp& each : open) ASSERT_TRUE(each.is_closed());
}

TEST_F(PlainSandbox, HeldCallEndsWithItsCaller) {
  sandbox.fault(R"({"endpoint":"token","mode":"hang"})");
  const auto port =
      static_cast<std::uint16_t>(std::stoi(sandbox.origin().substr(sandbox.origin().rfind(':') + 1)));
  RawHttp caller(port);
  caller.send("POST /oauth/token HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return sandbox.arrived("token") == 1; }));
  caller.half_close();
  EXPECT_TRUE(caller.is_closed());
}

}  // namespace
}  // namespace perkline::test
