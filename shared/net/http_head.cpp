#include "shared/net/http_head.hpp"

#include <algorithm>
#include <charconv>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "shared/core/limits.hpp"
#include "shared/net/ascii.hpp"

namespace perkline::net {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

std::string_view view_of(beast::string_view text) {
  return {text.data(), text.size()};
}

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::get;
    case http::verb::head:
      return Method::head;
    case http::verb::post:
      return Method::post;
    case http::verb::put:
      return Method::put;
    case http::verb::patch:
      return Method::patch;
    case http::verb::delete_:
      return Method::del;
    case http::verb::options:
      return Method::options;
    default:
      return Method::other;
  }
}

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number{};
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} ? std::optional(number) : std::nullopt;
}

/// Narrower than RFC 3986 allows a reg-name to be: no host is called otherwise.
bool is_name_char(char c) {
  return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
}

/// A line that begins with a blank continues the one before it: obs-fold, RFC 9112 §5.2.
bool has_folded_line(std::string_view raw) {
  for (auto at = raw.find('\n'); at != std::string_view::npos; at = raw.find('\n', at + 1)) {
    if (at + 1 < raw.size() && (raw[at + 1] == ' ' || raw[at + 1] == '\t')) return true;
  }
  return false;
}

/// Beast splits the head into lines and tokens; what they may say together is decided here.
class HeadReader final : public http::basic_parser<true> {
 public:
  HeadReader() {
    header_limit(static_cast<std::uint32_t>(limits::http_head_bytes_max) + 1);
    body_limit(boost::none);
  }

  Result<ParsedHead> read(std::string_view raw) {
    beast::error_code error;
    put(boost::asio::const_buffer(raw.data(), raw.size()), error);
    // Ours first: Beast gives up at its own faults, which a chunked request by itself is not.
    if (fields_ > head_fields_max) return fail(Errc::headers_too_large, "too many header fields");
    if (error || !is_header_done()) return fail(Errc::bad_request, "malformed request head");
    if (!fault_.empty()) return fail(Errc::bad_request, std::string(fault_));
    if (hosts_ > 1 || (hosts_ == 0 && http11_)) return fail(Errc::bad_request, "exactly one Host is needed");
    if (encodings_ > 0) return transfer_encoding_fault();
    parsed_.keep_alive = http11_ && keep_alive();
    return std::move(parsed_);
  }

 private:
  std::unexpected<Error> transfer_encoding_fault() const {
    if (encodings_ == 1 && chunked_ && !parsed_.content_length && http11_) {
      return fail(Errc::length_required, "chunked bodies are not accepted");
    }
    return fail(Errc::bad_request, "Transfer-Encoding is not accepted");
  }

  void note_target(std::string_view target) {
    // RFC 9112 §3.2.2: the absolute form names the host twice; what follows it is what we serve.
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (!equal_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
      target.remove_prefix(scheme.size());
      const std::size_t end = std::min(target.find_first_of("/?"), target.size());
      if (!is_host(target.substr(0, end))) fault_ = "malformed request target";
      target.remove_prefix(end);
      if (!target.starts_with('/')) parsed_.head.path = "/";
    }
    const auto is_foreign = [](char c) { return c == '#' || static_cast<unsigned char>(c) > 0x7e; };
    if (std::ranges::any_of(target, is_foreign)) fault_ = "malformed request target";
    const std::size_t end = std::min(target.find('?'), target.size());
    parsed_.head.path += target.substr(0, end);
    parsed_.head.query = target.substr(std::min(end + 1, target.size()));
    const bool asterisk = parsed_.head.path == "*" && parsed_.head.method == Method::options;
    const bool tunnel = parsed_.head.method == Method::other;
    if (!parsed_.head.path.starts_with('/') && !asterisk && !tunnel) fault_ = "malformed request target";
  }

  void note_content_length(std::string_view value) {
    const auto length = whole_number<std::uint64_t>(value);
    if (!length || parsed_.content_length) fault_ = "malformed Content-Length";
    parsed_.content_length = length;
  }

  void on_request_impl(http::verb verb, beast::string_view, beast::string_view target, int version,
                       beast::error_code&) override {
    parsed_.head.method = method_of(verb);
    http11_ = version == 11;
    note_target(view_of(target));
  }

  void on_field_impl(http::field field, beast::string_view name, beast::string_view value,
                     beast::error_code& error) override {
    if (++fields_ > head_fields_max) {
      error = http::error::header_limit;
      return;
    }
    const std::string_view text = view_of(value);
    if (field == http::field::host) {
      ++hosts_;
      if (!is_host(text)) fault_ = "malformed Host";
    } else if (field == http::field::content_length) {
      note_content_length(text);
    } else if (field == http::field::transfer_encoding) {
      ++encodings_;
      chunked_ = equal_ignoring_case(text, "chunked");
    } else if (field == http::field::expect) {
      parsed_.expects_continue = http11_ && equal_ignoring_case(text, "100-continue");
    }
    parsed_.head.headers.add(std::string(view_of(name)), std::string(text));
  }

  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
  void on_header_impl(beast::error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view, beast::error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view, beast::error_code&) override { return 0; }
  void on_finish_impl(beast::error_code&) override {}

  ParsedHead parsed_;
  std::string_view fault_;  ///< A constant of ours; empty: none.
  std::size_t fields_ = 0;
  int hosts_ = 0;
  int encodings_ = 0;
  bool chunked_ = false;
  bool http11_ = false;
};

/// `token SP target SP HTTP/1.x`, without its line's end.
bool is_request_line(std::string_view line) {
  const std::size_t method = line.find(' ');
  const std::size_t target = line.rfind(' ');
  if (method == std::string_view::npos || method == 0 || method >= target) return false;
  const std::string_view version = line.substr(target + 1);
  return version == "HTTP/1.1" || version == "HTTP/1.0";
}

}  // namespace

bool is_host(std::string_view text) {
  const bool literal = text.starts_with('[');
  const std::size_t end = literal ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == std::string_view::npos || end == 0) return false;
  const std::string_view name = literal ? text.substr(1, end - 1) : text.substr(0, end);
  const std::string_view port = text.substr(literal ? end + 1 : end);
  const bool name_ok =
      literal ? !name.empty() &&
                    std::ranges::all_of(
                        name, [](char c) { return is_alpha(c) || is_digit(c) || c == ':' || c == '.'; })
              : std::ranges::all_of(name, is_name_char);
  if (port.empty()) return name_ok;
  return name_ok && port.starts_with(':') && whole_number<std::uint16_t>(port.substr(1));
}

Result<ParsedHead> parse_request_head(std::string_view raw) {
  if (has_folded_line(raw)) return fail(Errc::bad_request, "folded header line");
  return HeadReader().read(raw);
}

bool may_become_head(std::string_view begun, std::size_t checked) {
  if (begun.empty()) return true;
  if (!is_alpha(begun.front())) return false;
  for (std::size_t i = checked; i < begun.size(); ++i) {
    const char c = begun[i];
    if (c == '\n' && (i == 0 || begun[i - 1] != '\r')) return false;
    if (c != '\n' && i > 0 && begun[i - 1] == '\r') return false;
    if (is_control(c) && c != '\r' && c != '\n' && c != '\t') return false;
  }
  const std::size_t line_end = begun.find("\r\n");
  return line_end == std::string_view::npos || line_end + 2 <= checked ||
         is_request_line(begun.substr(0, line_end));
}

}  // namespace perkline::net
