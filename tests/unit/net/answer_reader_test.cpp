#include "shared/net/answer_reader.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "shared/core/limits.hpp"

namespace perkline::net {
namespace {

constexpr std::size_t cap = 1000;

/// Feeds `bytes` in pieces of up to `step`, stopping at the first fault.
Result<void> feed(AnswerReader& reader, std::string_view bytes, std::size_t step) {
  while (!bytes.empty() && !reader.done()) {
    const auto room = reader.room();
    const std::size_t piece = std::min({step, room.size(), bytes.size()});
    bytes.copy(room.data(), piece);
    bytes.remove_prefix(piece);
    if (auto took = reader.took(piece); !took) return took;
  }
  return {};
}

std::string body_of(std::string_view bytes, std::size_t step, bool head_only = false) {
  AnswerReader reader(head_only, cap);
  if (auto fed = feed(reader, bytes, step); !fed) return std::string(name_of(fed.error().code));
  if (!reader.done()) return "more";
  return std::to_string(reader.take().status);
}

TEST(AnswerReader, ReadsAnySplitting) {
  constexpr std::string_view bytes =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: "
      "t\r\n\r\n";
  for (const std::size_t step : {1uz, 2uz, 3uz, 7uz, 64uz, 1000uz}) {
    AnswerReader reader(false, cap);
    ASSERT_TRUE(feed(reader, bytes, step)) << step;
    ASSERT_TRUE(reader.done()) << step;
    EXPECT_TRUE(reader.reusable()) << step;
    const HttpAnswer answer = reader.take();
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(answer.body, "abcde");
    EXPECT_FALSE(answer.headers.find("Link"));
  }
}

TEST(AnswerReader, KnowsWhichAnswersHaveNoBody) {
  EXPECT_EQ(body_of("HTTP/1.1 204 No Content\r\n\r\n", 100), "204");
  EXPECT_EQ(body_of("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 100), "304");
  EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 100, true), "200");
  EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 100), "more");
}

TEST(AnswerReader, EndWithoutLengthEndsTheBody) {
  AnswerReader reader(false, cap);
  ASSERT_TRUE(feed(reader, "HTTP/1.1 200 OK\r\n\r\nsome", 3));
  EXPECT_FALSE(reader.done());
  ASSERT_TRUE(reader.ended());
  EXPECT_TRUE(reader.done());
  EXPECT_FALSE(reader.reusable());
  EXPECT_EQ(reader.take().body, "some");
}

TEST(AnswerReader, MemoryIsBoundedWhateverThePeerSends) {
  const std::string flood(1 * limits::mib, 'x');
  std::string many_fields = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 5000; ++i) many_fields += "A: b\r\n";
  std::string long_fields = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 100; ++i) long_fields += "A: " + std::string(1000, 'b') + "\r\n";
  std::string trailers = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  for (int i = 0; i < 100; ++i) trailers += "A: " + std::string(1000, 'b') + "\r\n";
  std::string interim;
  for (int i = 0; i < 100; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const auto& bytes : {"HTTP/1.1 200 " + flood, "HTTP/1.1 200 OK\r\nA: " + flood, many_fields,
                            long_fields, chunked + "1;" + flood, chunked + "0;" + flood, trailers, interim}) {
    for (const std::size_t step : {100uz, 5000uz, 100'000uz}) {
      EXPECT_EQ(body_of(bytes, step), "malformed_answer") << bytes.substr(0, 60) << " in steps of " << step;
    }
  }
}

}  // namespace
}  // namespace perkline::net
