#include "shared/net/answer_reader.hpp"

#include <algorithm>
#include <cstring>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include "shared/core/limits.hpp"
#include "shared/net/http_head.hpp"

namespace perkline::net {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr int interim_answers_max = 8;

}  // namespace

class AnswerReader::Parser final : public http::basic_parser<false> {
 public:
  Parser(bool head_only, std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {
    eager(true);
    skip(head_only);
    header_limit(static_cast<std::uint32_t>(limits::http_head_bytes_max));
    body_limit(boost::none);  // Ours is counted in on_body_impl, whatever the framing.
  }

  HttpAnswer answer;

 private:
  std::size_t append(beast::string_view body, beast::error_code& error) {
    if (body.size() > body_bytes_max_ - answer.body.size()) {
      error = http::error::body_limit;
      return 0;
    }
    answer.body.append(body.data(), body.size());
    return body.size();
  }

  void on_response_impl(int status, beast::string_view, int, beast::error_code&) override {
    answer.status = status;
  }
  void on_field_impl(http::field, beast::string_view name, beast::string_view value,
                     beast::error_code& error) override {
    // Beast counts only what it was not given before; fields that come one by one add up here, trailers too.
    field_bytes_ += name.size() + value.size();
    if (++fields_ > head_fields_max || field_bytes_ > limits::http_head_bytes_max) {
      error = http::error::header_limit;
      return;
    }
    answer.headers.add(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, beast::error_code& error) override {
    if (length && *length > body_bytes_max_) error = http::error::body_limit;
  }
  std::size_t on_body_impl(beast::string_view body, beast::error_code& error) override {
    return append(body, error);
  }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, beast::error_code& error) override {
    return append(body, error);
  }
  void on_request_impl(http::verb, beast::string_view, beast::string_view, int, beast::error_code&) override {
  }
  void on_header_impl(beast::error_code&) override {}
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
  void on_finish_impl(beast::error_code&) override {}

  std::size_t body_bytes_max_;
  std::size_t fields_ = 0;
  std::size_t field_bytes_ = 0;
};

AnswerReader::AnswerReader(bool head_only, std::size_t body_bytes_max)
    : head_only_(head_only),
      body_bytes_max_(body_bytes_max),
      parser_(std::make_unique<Parser>(head_only, body_bytes_max)),
      buffer_(2 * limits::kib) {}
AnswerReader::~AnswerReader() = default;

std::span<char> AnswerReader::room() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == buffer_.size() && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  // took() sees to it that there is always room within the head's limit.
  if (end_ == buffer_.size()) buffer_.resize(std::min(2 * buffer_.size(), limits::http_head_bytes_max));
  return std::span(buffer_).subspan(end_);
}

Result<void> AnswerReader::took(std::size_t bytes) {
  end_ += bytes;
  return parse();
}

Result<void> AnswerReader::parse() {
  while (!done_ && begin_ < end_) {
    beast::error_code error;
    begin_ += parser_->put(boost::asio::const_buffer(buffer_.data() + begin_, end_ - begin_), error);
    if (error && error != http::error::need_more)
      return fail(Errc::malformed_answer, "the answer is malformed or too long");
    if (parser_->is_done()) {
      const int status = parser_->answer.status;
      if (status >= 200 && status <= 599) {
        done_ = true;
      } else if (status >= 100 && status < 200 && status != 101 && ++interim_ <= interim_answers_max) {
        parser_ = std::make_unique<Parser>(head_only_, body_bytes_max_);
      } else {
        return fail(Errc::malformed_answer, "an answer with a status that nobody asked for");
      }
    } else if (error == http::error::need_more) {
      if (end_ - begin_ >= limits::http_head_bytes_max)
        return fail(Errc::malformed_answer, "a line is too long");
      return {};
    }
  }
  return {};
}

Result<void> AnswerReader::ended() {
  beast::error_code error = http::error::partial_message;
  if (parser_->got_some()) parser_->put_eof(error);
  if (error) return fail(Errc::connection_lost, "the connection ended before the answer");
  done_ = true;
  return {};
}

bool AnswerReader::reusable() const {
  return begin_ == end_ && parser_->keep_alive();
}
HttpAnswer AnswerReader::take() {
  return std::move(parser_->answer);
}

}  // namespace perkline::net
