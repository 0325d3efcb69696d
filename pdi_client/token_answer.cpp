#include "pdi_client/token_answer.hpp"

#include <algorithm>
#include <charconv>

#include "pdi_client/base64.hpp"
#include "shared/json/value.hpp"
#include "shared/net/http.hpp"

namespace perkline::pdi {
namespace {

constexpr std::size_t token_bytes_max = 8192;

std::optional<std::int64_t> whole_number(const json::Value* value) {
  if (value == nullptr || !value->is(json::Value::Kind::number)) return std::nullopt;
  std::int64_t number = 0;
  const std::string_view text = value->text();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::string> text_of(const json::Value* value) {
  if (value == nullptr || !value->is(json::Value::Kind::string)) return std::nullopt;
  return std::string(value->text());
}

bool is_bearer(std::string type) {
  std::ranges::transform(type, type.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return type == "bearer";
}

}  // namespace

std::optional<TokenGrant> read_token_grant(std::string_view body) {
  const auto document = json::parse(body);
  if (!document) return std::nullopt;
  const json::Value& root = document->root();
  auto token = text_of(root.find("access_token"));
  if (!token || token->empty() || token->size() > token_bytes_max) return std::nullopt;
  if (!std::ranges::all_of(*token, [](char c) { return c > ' ' && c <= '~'; })) return std::nullopt;
  // Some endpoints leave the type out; one that names another is not for us.
  if (const json::Value* type = root.find("token_type"); type != nullptr) {
    if (!is_bearer(text_of(type).value_or(""))) return std::nullopt;
  }
  return TokenGrant{.access_token = std::move(*token), .expires_in = whole_number(root.find("expires_in"))};
}

bool is_invalid_client(std::string_view body) {
  const auto document = json::parse(body);
  return document && text_of(document->root().find("error")) == "invalid_client";
}

std::string basic_authorization(std::string_view client_id, std::string_view client_secret) {
  // Percent-encoding is a form encoding that never uses its `+`.
  return "Basic " + base64_encode(net::percent_encode(client_id) + ':' + net::percent_encode(client_secret));
}

}  // namespace perkline::pdi
