#include "shared/ops/trace.hpp"

#include <gtest/gtest.h>

namespace perkline::ops {
namespace {

const std::string parent =
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";  // the specification's example

/// Zeros at first: what ids must not be.
class LateRng final : public Rng {
 public:
  std::uint64_t next() override { return ++calls_ > 4 ? 0x0102030405060708 : 0; }

 private:
  int calls_ = 0;
};

TEST(Traceparent, IsRecognisedByTheSpecification) {
  EXPECT_TRUE(is_traceparent(parent));
  EXPECT_TRUE(is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"));
  for (const char* text : {"", "00", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
                           "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
                           "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7\r\n1"}) {
    EXPECT_FALSE(is_traceparent(text)) << text;
  }
}

TEST(Traceparent, NewOnesAreValidSampledAndDiffer) {
  SeededRng rng(1);
  const std::string first = new_traceparent(rng);
  const std::string second = new_traceparent(rng);
  EXPECT_TRUE(is_traceparent(first)) << first;
  EXPECT_TRUE(first.ends_with("-01"));
  EXPECT_NE(trace_id_of(first), trace_id_of(second));
  EXPECT_NE(span_id_of(first), span_id_of(second));
}

TEST(Traceparent, ChildKeepsTheTraceAndItsSamplingAndHasASpanOfItsOwn) {
  SeededRng rng(1);
  const std::string child = child_traceparent(parent, rng);
  EXPECT_TRUE(is_traceparent(child)) << child;
  EXPECT_EQ(trace_id_of(child), trace_id_of(parent));
  EXPECT_NE(span_id_of(child), span_id_of(parent));
  EXPECT_TRUE(child.ends_with("-01"));
  const std::string ids = parent.substr(0, parent.size() - 2);
  EXPECT_TRUE(child_traceparent(ids + "00", rng).ends_with("-00"));
  EXPECT_TRUE(child_traceparent(ids + "fe", rng).ends_with("-00")) << "unknown flags are not handed on";
  EXPECT_TRUE(child_traceparent(ids + "ff", rng).ends_with("-01"));
}

TEST(Traceparent, AnInvalidParentStartsANewTrace) {
  SeededRng rng(1);
  for (const char* text : {"", "garbage", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"}) {
    const std::string made = child_traceparent(text, rng);
    EXPECT_TRUE(is_traceparent(made)) << made;
  }
}

TEST(Traceparent, IdsAreNeverAllZero) {
  LateRng rng;
  EXPECT_EQ(new_traceparent(rng), "00-08070605040302010807060504030201-0807060504030201-01");
}

TEST(Traceparent, IdsOfAnInvalidOneAreEmpty) {
  EXPECT_EQ(trace_id_of(parent), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(span_id_of(parent), "00f067aa0ba902b7");
  EXPECT_EQ(trace_id_of("00-x"), "");
  EXPECT_EQ(span_id_of(""), "");
}

}  // namespace
}  // namespace perkline::ops
