#include "bench/fleet/web.hpp"

#include <algorithm>
#include <charconv>

#include <httplib.h>

namespace perkline::bench {
namespace {

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::string shown(const json::Value& value) {
  switch (value.kind()) {
    case json::Value::Kind::null:
      return "null";
    case json::Value::Kind::boolean:
      return value.boolean() ? "true" : "false";
    case json::Value::Kind::number:
    case json::Value::Kind::string:
      return std::string(value.text());
    case json::Value::Kind::array:
      return std::to_string(value.items().size());
    case json::Value::Kind::object:
      return std::to_string(value.members().size());
  }
  return {};
}

const json::Value* item_at(const json::Value& array, std::string_view number) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
  return error == std::errc{} && index < array.items().size() ? &array.items()[index] : nullptr;
}

std::function<void(const WebCall&, const WebAnswer&)>& watcher() {
  static std::function<void(const WebCall&, const WebAnswer&)> look;
  return look;
}

}  // namespace

void watch_answers(std::function<void(const WebCall&, const WebAnswer&)> look) {
  watcher() = std::move(look);
}

json::Document WebAnswer::json() const {
  auto document = json::parse(body);
  return document ? std::move(*document) : json::Document();
}

std::optional<WebAnswer> call(const WebCall& call) {
  httplib::Client client(call.origin);
  client.set_connection_timeout(std::chrono::seconds(2));
  client.set_read_timeout(std::chrono::seconds(30));
  if (!call.ca_file.empty()) client.set_ca_cert_path(call.ca_file);
  if (!call.bearer.empty()) client.set_bearer_token_auth(call.bearer);
  const httplib::Headers headers(call.headers.begin(), call.headers.end());
  const auto send = [&] {
    if (call.method == "POST") return client.Post(call.path, headers, call.body, "application/json");
    if (call.method == "PUT") return client.Put(call.path, headers, call.body, "application/json");
    if (call.method == "PATCH") return client.Patch(call.path, headers, call.body, "application/json");
    if (call.method == "DELETE") return client.Delete(call.path, headers);
    return client.Get(call.path, headers);
  };
  auto result = send();
  if (!result) return std::nullopt;
  WebAnswer answer{result->status, std::move(result->body), {}};
  for (const auto& [name, value] : result->headers) answer.headers.emplace(lower(name), value);
  if (watcher()) watcher()(call, answer);
  return answer;
}

std::int64_t integer_at(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  std::int64_t number = 0;
  if (value != nullptr && value->is(json::Value::Kind::number)) {
    std::from_chars(value->text().data(), value->text().data() + value->text().size(), number);
  }
  return number;
}

std::string text_at(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value != nullptr && value->is(json::Value::Kind::string) ? std::string(value->text())
                                                                  : std::string();
}

std::optional<std::string> shown_at(const json::Value& root, std::string_view path) {
  const json::Value* value = &root;
  while (value != nullptr && !path.empty()) {
    const std::string_view step = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), step.size() + 1));
    value = value->is(json::Value::Kind::array) ? item_at(*value, step) : value->find(step);
  }
  return value == nullptr ? std::nullopt : std::optional(shown(*value));
}

}  // namespace perkline::bench
