#include "shared/net/http.hpp"

#include <algorithm>
#include <iterator>

#include "shared/json/writer.hpp"
#include "shared/net/ascii.hpp"
#include "shared/ops/trace.hpp"

namespace perkline::net {
namespace {

/// Of a till's request: room made at once.
constexpr std::size_t fields_usual = 6;

/// `VALIDATION_FAILED` as people write it.
std::string title_of(std::string_view code) {
  constexpr std::string_view acronym = "PDI_";
  std::string title(code);
  const std::size_t kept = title.starts_with(acronym) ? acronym.size() : 1;
  std::ranges::replace(title, '_', ' ');
  std::transform(title.begin() + static_cast<std::ptrdiff_t>(kept), title.end(),
                 title.begin() + static_cast<std::ptrdiff_t>(kept), lower);
  return title;
}

/// Names the kind of problem (RFC 9457 §3.1.1): `urn:perkline:problem:validation-failed`. Nothing is found
/// there.
std::string type_of(std::string_view code) {
  std::string type = "urn:perkline:problem:";
  std::ranges::transform(code, std::back_inserter(type), [](char c) { return c == '_' ? '-' : lower(c); });
  return type;
}

/// Codes of Errc's second block have no wire code of their own: what they say is for our logs only.
bool is_internal(Errc code) {
  return wire_code(code) == wire_code(Errc::internal);
}

/// Whether the same request may well be answered a little later: its answer then names a time, its own or the
/// shortest.
bool passes_by_itself(Errc code) {
  if (code == Errc::session_busy || code == Errc::request_in_progress) return true;
  const int status = http_status(code);
  return status == 429 || status == 503 || status == 507;
}

std::string detail_of(const Error& error, const std::string& title) {
  if (is_internal(error.code)) return "The request could not be completed.";
  if (error.code == Errc::method_not_allowed && !error.detail.empty()) return "Allowed here: " + error.detail;
  return error.detail.empty() ? title : error.detail;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char letter = lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

}  // namespace

std::string_view name_of(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
    case Method::other:
      return "OTHER";
  }
  return "OTHER";
}

void Headers::add(std::string name, std::string value) {
  if (fields_.empty()) fields_.reserve(fields_usual);
  fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string name, std::string value) {
  std::erase_if(fields_, [&](const auto& field) { return equal_ignoring_case(field.first, name); });
  add(std::move(name), std::move(value));
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (equal_ignoring_case(field, name)) return value;
  }
  return std::nullopt;
}

std::optional<std::string> Request::query_value(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view key = pair.substr(0, equals);
    if (key != name && percent_decode(key) != name) continue;
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    return percent_decode(value).value_or(std::string(value));
  }
  return std::nullopt;
}

Response json_response(int status, std::string body) {
  return {.status = status, .body = std::move(body)};
}

Response problem_response(const Error& error, std::string_view traceparent) {
  const std::string_view code = wire_code(error.code);
  const int status = http_status(error.code);
  const std::string title = title_of(code);

  json::Writer body;
  body.begin_object();
  body.field("type", type_of(code)).field("title", title).field("status", status);
  body.field("detail", detail_of(error, title)).field("code", code);
  body.field("traceId", ops::trace_id_of(traceparent));
  if (error.code == Errc::validation_failed) {
    body.key("errors").begin_array();
    for (const auto& fault : error.faults) {
      body.begin_object().field("field", fault.field).field("message", fault.message).end_object();
    }
    body.end_array();
  }
  if (error.provider) {
    body.key("pdi").begin_object();
    body.field("code", error.provider->code).field("message", error.provider->message).end_object();
  }
  body.end_object();

  Response response{.status = status, .content_type = "application/problem+json", .body = body.take()};
  if (error.retry_after || passes_by_itself(error.code)) {
    const auto whole =
        std::max(std::chrono::ceil<seconds>(error.retry_after.value_or(Millis{0})), seconds{1});
    response.headers.add("Retry-After", std::to_string(whole.count()));
  }
  if (error.quota) {
    response.headers.add("RateLimit-Limit", std::to_string(error.quota->limit));
    response.headers.add("RateLimit-Remaining", std::to_string(error.quota->remaining));
    response.headers.add("RateLimit-Reset",
                         std::to_string(std::chrono::ceil<seconds>(error.quota->reset).count()));
  }
  if (error.code == Errc::method_not_allowed) response.headers.add("Allow", error.detail);
  if (status == 401) response.headers.add("WWW-Authenticate", "Bearer");
  return response;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    // RFC 3986 §2.3, the unreserved characters.
    if (is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace perkline::net
