#include <gtest/gtest.h>

#include "shared/config/rules.hpp"

namespace perkline::config {
namespace {

using Rule = std::string_view (*)(std::string_view);

void expect(Rule wrong, std::initializer_list<const char*> right_ones,
            std::initializer_list<const char*> wrong_ones) {
  for (const char* text : right_ones) EXPECT_EQ(wrong(text), "") << text;
  for (const char* text : wrong_ones) EXPECT_NE(wrong(text), "") << text;
}

const std::string key(64, 'a');

TEST(ConfigRules, ListenIsHostAndPortOrAPortAlone) {
  expect(wrong_listen,
         {"127.0.0.1:7070", "0.0.0.0:1", "localhost:0", "[::1]:65535", "[::]:80", "store-1.example.com:443",
          "7070", "0"},
         {"", ":7070", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:a",
          "127.0.0.1:80 ", "::1:80", "[::1]", "[::g]:80", "[127.0.0.1]:80", "256.0.0.1:80", "1.2.3:80",
          "a b:80", "http://a:80", "-a:80", "65536", "*:80"});
  EXPECT_EQ(parse_listen("7070")->host, "127.0.0.1");
  EXPECT_EQ(parse_listen("7070")->port, 7070);
  EXPECT_EQ(parse_listen("[::1]:80")->host, "::1");
}

TEST(ConfigRules, LoopbackIsWhatOnlyThisMachineReaches) {
  for (const char* text : {"7070", "127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1"}) {
    EXPECT_TRUE(is_loopback_listen(text)) << text;
  }
  for (const char* text : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "127.example.com:1",
                           "localhost.example.com:1", "", "127.0.0.1"}) {
    EXPECT_FALSE(is_loopback_listen(text)) << text;
  }
}

TEST(ConfigRules, UrlsAreSecureUnlessOnLoopback) {
  expect(wrong_secure_url,
         {"https://pdi.example.com", "https://pdi.example.com:8443/api/v1", "https://10.0.0.1",
          "http://127.0.0.1:7443", "http://localhost", "http://[::1]:80/x"},
         {"", "pdi.example.com", "http://pdi.example.com", "http://10.0.0.1", "ftp://127.0.0.1", "https://",
          "https:///path", "https://user:pass@pdi.example.com", "https://pdi.example.com?x=1",
          "https://pdi.example.com#x", "https://a b", "https://a:0", "https://a:99999",
          "http://127.0.0.1.example.com"});
  EXPECT_EQ(wrong_web_url("http://pdi.example.com"), "");
}

TEST(ConfigRules, OriginsHaveNothingBehindTheHost) {
  expect(wrong_origin, {"https://shop.example.com", "http://localhost:5173"},
         {"", "*", "https://shop.example.com/", "https://shop.example.com/x", "shop.example.com", "null",
          "https://u@a", "https://a?b"});
}

TEST(ConfigRules, TcpEndpointsAreForZeroMq) {
  expect(wrong_tcp_endpoint, {"tcp://hub.example.com:7090", "tcp://127.0.0.1:1", "tcp://[::1]:7090"},
         {"", "hub:7090", "tcp://hub", "tcp://:7090", "tcp://*:7090", "tcp://hub:0", "udp://hub:1",
          "tcp://hub:7090/x", "ipc://x"});
  expect(wrong_tcp_listen, {"tcp://127.0.0.1:7090", "tcp://*:7090", "tcp://0.0.0.0:0", "tcp://[::]:1"},
         {"", "7090", "tcp://*", "tcp://*:", "tcp://*:x", "tcp://", "127.0.0.1:7090"});
}

TEST(ConfigRules, MailUrlsMayHoldAUser) {
  expect(wrong_mail_url, {"smtp://mail.example.com:587", "smtps://user:p%40ss@mail.example.com"},
         {"", "mail.example.com", "http://mail.example.com", "smtp://", "smtp://mail.example.com/x",
          "smtp://mail.example.com?x"});
}

TEST(ConfigRules, NetworksAreAddressesOrBlocks) {
  expect(wrong_network, {"10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "::1", "fd00::/8", "::/128"},
         {"", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "proxy.example.com",
          "10.0.0.0/8/8", "/8"});
}

TEST(ConfigRules, CurveKeysAre64HexDigits) {
  EXPECT_EQ(wrong_curve_key(key), "");
  for (const std::string& text : {std::string(), key.substr(1), key + "a", "A" + key.substr(1),
                                  "g" + key.substr(1), key.substr(1) + "\n"}) {
    EXPECT_NE(wrong_curve_key(text), "") << text;
  }
}

TEST(ConfigRules, RatesArePlainDecimals) {
  expect(wrong_rate, {"0", "1", "0.01", "0.00000001", "123456789012.12345678"},
         {"", ".", "1.", ".1", "01", "-1", "+1", "1e3", "0.000000001", "1,5", "1.2.3", "1234567890123", "NaN",
          " 1"});
}

TEST(ConfigRules, PasswordsInUrlsAreMasked) {
  EXPECT_EQ(masked_url("postgresql://perk:hunter2@db:5432/perkline"),
            "postgresql://perk:***@db:5432/perkline");
  EXPECT_EQ(masked_url("postgresql://perk:hun@ter/2?@db/perkline"), "postgresql://perk:***@db/perkline");
  EXPECT_EQ(masked_url("postgresql://db/perkline?user=perk&password=hunter2&sslmode=require"),
            "postgresql://db/perkline?user=perk&password=***&sslmode=require");
  EXPECT_EQ(masked_url("postgresql://db/p?sslpassword=a&password=b"),
            "postgresql://db/p?sslpassword=***&password=***");
  for (const char* open :
       {"sqlite:/var/lib/hub.db", "postgresql://perk@db/perkline", "postgresql://db:5432/perkline", ""}) {
    EXPECT_EQ(masked_url(open), open);
  }
}

}  // namespace
}  // namespace perkline::config
