#include "shared/net/web_socket.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "shared/net/cors.hpp"
#include "tests/support/web_socket_client.hpp"
#include "tests/unit/net/serving.hpp"

namespace perkline::test {
namespace {

using Opcode = WebSocketClient::Opcode;

net::HttpServerOptions with_public_url() {
  return {.listen = "0", .cors_origins = {"https://shop.example"}, .public_url = "http://hub.example:8080/x"};
}

TEST(WebSocket, OpensAndSaysWhatItIsGivenInOrder) {
  net::Headers common;
  common.add("Referrer-Policy", "no-referrer");
  Serving serving({.listen = "0", .common_headers = common});
  WebSocketClient client(serving.port(), "/socket?say=100");
  ASSERT_TRUE(client.is_open()) << client.answer().head;
  EXPECT_EQ(client.answer().field("Sec-WebSocket-Protocol"), "perkline");
  EXPECT_TRUE(client.answer().field("traceparent").has_value());
  EXPECT_EQ(client.answer().field("Server"), "perkline") << "no library, no version";
  EXPECT_EQ(client.answer().field("Referrer-Policy"), "no-referrer") << "as every answer";
  EXPECT_EQ(client.answer().field("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(client.answer().field("Cache-Control"), "no-store");
  for (int i = 1; i <= 100; ++i) EXPECT_EQ(client.next_text(), std::to_string(i));
  client.close();
  EXPECT_EQ(client.close_code(), 1000);
  EXPECT_TRUE(client.connection().is_closed());
  EXPECT_EQ(serving.seen().at(0).status, 101);
}

TEST(WebSocket, IsRefusedToWhoDoesNotAskForOneAsTheStandardSays) {
  const Serving serving;
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const std::string version = "Sec-WebSocket-Version: 13\r\n";
  const std::string upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  for (const std::string& fields :
       {std::string(), version + key, upgrade + version, upgrade + key,
        upgrade + key + "Sec-WebSocket-Version: 8\r\n", upgrade + version + "Sec-WebSocket-Key: short\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c\r\n" + version + key,
        "Upgrade: websocket\r\n" + version + key}) {
    const auto answer = serving.ask(request("GET", "/socket", fields));
    ASSERT_TRUE(answer) << fields;
    EXPECT_EQ(answer->status, 400) << fields;
    EXPECT_EQ(answer->code(), "BAD_REQUEST") << fields;
  }
  EXPECT_EQ(serving.ask(request("GET", "/socket", upgrade + version + key, "\x81\x01x"))->status, 400)
      << "frames before it is open";
  EXPECT_EQ(serving.ask(post("/socket", "{}"))->status, 405);
}

TEST(WebSocket, IsGuardedAsAnyRouteIs) {
  const Serving serving;
  EXPECT_EQ(WebSocketClient(serving.port(), "/secret-socket").answer().status, 401);
  EXPECT_EQ(WebSocketClient(serving.port(), "/secret-socket", "Authorization: jo\r\n").answer().code(),
            "FORBIDDEN");
  EXPECT_TRUE(WebSocketClient(serving.port(), "/secret-socket", "Authorization: admin\r\n").is_open());
  EXPECT_EQ(serving.ask(request("GET", "/secret-socket"))->status, 401) << "who goes before how";
}

TEST(WebSocket, OpensForOurPagesAndThoseOfTheListAlone) {
  const Serving serving(with_public_url());
  const auto status = [&](const std::string& origin) {
    return WebSocketClient(serving.port(), "/socket", "Origin: " + origin + "\r\n").answer().status;
  };
  EXPECT_EQ(status("http://hub.example:8080"), 101);
  EXPECT_EQ(status("https://shop.example"), 101);
  for (const char* foreign :
       {"http://hub.example", "https://hub.example:8080", "https://evil.example", "null",
        "http://hub.example:8080.evil.example", "https://shop.example.evil", ""}) {
    EXPECT_EQ(status(foreign), 403) << foreign;
  }
  EXPECT_TRUE(WebSocketClient(serving.port(), "/socket").is_open()) << "no page at all";
}

TEST(WebSocket, AnswersPingsAndForgetsWhatIsSaid) {
  const Serving serving;
  WebSocketClient client(serving.port(), "/socket?say=1");
  EXPECT_TRUE(client.send(Opcode::text, "hello"));
  EXPECT_TRUE(client.send(Opcode::binary, std::string(3000, 'b')));
  EXPECT_TRUE(client.send(Opcode::ping, "p"));
  EXPECT_EQ(client.next_text(), "1");
  client.close();
  EXPECT_EQ(client.close_code(), 1000);
}

TEST(WebSocket, EndsForFramesAgainstTheStandard) {
  const Serving serving;
  const auto closed_for = [&](auto send) {
    WebSocketClient client(serving.port(), "/socket");
    EXPECT_TRUE(client.is_open());
    send(client);
    return client.close_code();
  };
  EXPECT_EQ(closed_for([](WebSocketClient& c) { c.send(Opcode::text, "x", WebSocketClient::Mask::no); }),
            1002);
  EXPECT_EQ(closed_for([](WebSocketClient& c) { c.send(static_cast<Opcode>(3), "x"); }), 1002);
  EXPECT_EQ(closed_for([](WebSocketClient& c) { c.send(Opcode::ping, std::string(200, 'x')); }), 1002);
  EXPECT_EQ(closed_for([](WebSocketClient& c) { c.send(Opcode::text, "\xff\xfe"); }), 1007);
  EXPECT_EQ(closed_for([](WebSocketClient& c) { c.send(Opcode::text, std::string(5000, 'x')); }), 1009);
  EXPECT_EQ(closed_for([](WebSocketClient& c) {
              for (int i = 0; i < 500; ++i) c.send(Opcode::text, "x");
            }),
            1008);
  EXPECT_EQ(closed_for([](WebSocketClient& c) {
              for (int i = 0; i < 500; ++i) c.send(Opcode::ping, "x");
            }),
            1008);
}

TEST(WebSocket, ClosesWithAnErrorOfOursWhenItsServerThrows) {
  const Serving serving;
  EXPECT_EQ(WebSocketClient(serving.port(), "/socket?throw").close_code(), 1011);
}

TEST(WebSocket, DropsWhoDoesNotRead) {
  net::HttpServerOptions options{.listen = "0"};
  options.timeouts.web_socket_write = Millis{50};
  options.timeouts.sweep = Millis{5};
  const Serving serving(options);
  WebSocketClient slow(serving.port(), "/socket?flood");
  ASSERT_TRUE(slow.is_open());
  // Nothing is read until the server has given up: what it writes from now on finds no way.
  std::optional<std::uint16_t> code;
  while (slow.send(Opcode::pong, "")) std::this_thread::yield();
  code = slow.close_code();
  EXPECT_FALSE(code.has_value()) << "no close frame fits behind a full socket";
}

TEST(WebSocket, DropsWhoIsSilent) {
  net::HttpServerOptions options{.listen = "0"};
  options.timeouts.web_socket_idle = Millis{100};
  const Serving serving(options);
  WebSocketClient silent(serving.port(), "/socket");
  silent.ignore_pings();
  EXPECT_EQ(silent.close_code(), std::nullopt);
  EXPECT_GE(silent.pings(), 1U) << "it was asked first";
  EXPECT_TRUE(silent.connection().is_closed());
}

TEST(WebSocket, StaysOpenForWhoAnswersPings) {
  net::HttpServerOptions options{.listen = "0"};
  options.timeouts.web_socket_idle = Millis{40};
  options.timeouts.idle = Millis{40};
  options.timeouts.sweep = Millis{5};
  const Serving serving(options);
  WebSocketClient client(serving.port(), "/socket");
  EXPECT_TRUE(client.answer_pings(5)) << "many times the time that silence is allowed";
  client.close();
  EXPECT_EQ(client.close_code(), 1000);
}

TEST(WebSocket, IsToldWhenTheServerStops) {
  Serving serving;
  WebSocketClient client(serving.port(), "/socket?say=1");
  EXPECT_EQ(client.next_text(), "1");
  std::jthread stopping([&] {
    serving.reactor().await(serving.server().drain(serving.reactor()->clock().mono_now() + seconds{5}));
  });
  EXPECT_EQ(client.close_code(), 1001);
  EXPECT_TRUE(client.connection().is_closed());
}

TEST(WebSocket, CountsAsAConnection) {
  const Serving serving({.listen = "0", .connections_max = 1});
  const WebSocketClient first(serving.port(), "/socket");
  ASSERT_TRUE(first.is_open());
  const WebSocketClient second(serving.port(), "/socket");
  EXPECT_EQ(second.answer().code(), "OVERLOADED");
}

TEST(Subprotocols, AreReadFromEveryFieldThatOffersSome) {
  net::RequestHead head;
  head.headers.add("Sec-WebSocket-Protocol", "perkline,  bearer.abc ");
  head.headers.add("sec-websocket-protocol", ", other");
  EXPECT_EQ(net::offered_subprotocols(head),
            (std::vector<std::string_view>{"perkline", "bearer.abc", "other"}));
  EXPECT_TRUE(net::offered_subprotocols({}).empty());
}

}  // namespace
}  // namespace perkline::test
