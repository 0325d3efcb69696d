#include "shared/net/trusted_proxies.hpp"

#include <gtest/gtest.h>

namespace perkline::net {
namespace {

std::string client(const std::vector<std::string>& trusted, const std::string& peer,
                   const std::vector<std::string>& forwarded) {
  Headers headers;
  for (const std::string& field : forwarded) headers.add("X-Forwarded-For", field);
  return TrustedProxies::parse(trusted).value().client_of(peer, headers);
}

TEST(TrustedProxies, WithoutAnyTheFieldMeansNothing) {
  EXPECT_EQ(client({}, "10.0.0.1", {"203.0.113.7"}), "10.0.0.1");
  EXPECT_EQ(client({"10.0.0.0/8"}, "192.0.2.1", {"203.0.113.7"}), "192.0.2.1") << "anybody can send it";
  EXPECT_EQ(client({"10.0.0.0/8"}, "", {"203.0.113.7"}), "") << "a Unix socket has no address";
}

TEST(TrustedProxies, TheRightmostAddressThatIsNotTrustedIsTheClients) {
  EXPECT_EQ(client({"10.0.0.1"}, "10.0.0.1", {"203.0.113.7"}), "203.0.113.7");
  // What stands further left the client may have made up.
  EXPECT_EQ(client({"10.0.0.1"}, "10.0.0.1", {"1.1.1.1, 203.0.113.7"}), "203.0.113.7");
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {"1.1.1.1,203.0.113.7 , 10.2.3.4"}), "203.0.113.7");
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {"1.1.1.1", "203.0.113.7", "10.2.3.4"}), "203.0.113.7")
      << "several fields are one list";
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {"10.9.9.9, 10.2.3.4"}), "10.9.9.9")
      << "trusted all the way: the first";
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {}), "10.0.0.1");
}

TEST(TrustedProxies, WhatIsNoAddressEndsWhatIsVouchedFor) {
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {"203.0.113.7, unknown"}), "10.0.0.1");
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {"203.0.113.7, <script>, 10.0.0.2"}), "10.0.0.2");
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {""}), "10.0.0.1");
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {"203.0.113.7,"}), "10.0.0.1");
}

TEST(TrustedProxies, KnowsBothFamiliesBlocksAndPorts) {
  EXPECT_EQ(client({"fd00::/8"}, "fd12::1", {"2001:db8::7"}), "2001:db8::7");
  EXPECT_EQ(client({"fd00::/8"}, "fe80::1", {"2001:db8::7"}), "fe80::1");
  EXPECT_EQ(client({"10.0.0.0/8"}, "::ffff:10.0.0.1", {"203.0.113.7"}), "203.0.113.7");
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {"203.0.113.7:4711"}), "203.0.113.7");
  EXPECT_EQ(client({"10.0.0.0/8"}, "10.0.0.1", {"[2001:db8::7]:4711"}), "2001:db8::7");
  EXPECT_EQ(client({"192.168.16.0/20"}, "192.168.31.255", {"203.0.113.7"}), "203.0.113.7");
  EXPECT_EQ(client({"192.168.16.0/20"}, "192.168.32.0", {"203.0.113.7"}), "192.168.32.0");
  EXPECT_EQ(client({"0.0.0.0/0"}, "192.0.2.1", {"203.0.113.7"}), "203.0.113.7");
  EXPECT_EQ(client({"0.0.0.0/0"}, "2001:db8::1", {"203.0.113.7"}), "2001:db8::1") << "IPv4 alone";
}

TEST(TrustedProxies, RefusesWhatIsNoNetwork) {
  for (const char* wrong : {"", "proxy", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "::/129", "10.0.0/8"}) {
    EXPECT_FALSE(TrustedProxies::parse({wrong})) << wrong;
  }
}

}  // namespace
}  // namespace perkline::net
