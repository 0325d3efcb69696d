#pragma once

#include <span>
#include <string_view>
#include <vector>

#include <boost/beast/http/basic_parser.hpp>

#include "shared/core/result.hpp"
#include "shared/net/http_client.hpp"

namespace perkline::net {

/// Reads one answer out of bytes as they come, interim (1xx) answers skipped. Holds no more than the limits
/// let it.
class AnswerReader {
 public:
  /// `head_only`: the request was HEAD.
  AnswerReader(bool head_only, std::size_t body_bytes_max);
  ~AnswerReader();

  /// Where to put the next bytes; then tell how many came. Errors of took(): malformed_answer.
  std::span<char> room();
  Result<void> took(std::size_t bytes);
  /// The peer has ended. Errors: connection_lost, when the answer was not complete.
  Result<void> ended();

  bool done() const { return done_; }
  /// Once done: whether another request may follow on the connection.
  bool reusable() const;
  HttpAnswer take();

 private:
  class Parser;
  Result<void> parse();

  bool head_only_;
  std::size_t body_bytes_max_;
  std::unique_ptr<Parser> parser_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  int interim_ = 0;
  bool done_ = false;
};

}  // namespace perkline::net
