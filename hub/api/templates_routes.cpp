#include "hub/api/templates_routes.hpp"

#include <optional>
#include <set>
#include <string>

#include "hub/api/add_route.hpp"
#include "hub/notifications/template_store.hpp"
#include "shared/json/fields.hpp"

namespace perkline::hub::api {
namespace {

using notifications::Template;
using notifications::Words;

constexpr std::string_view path = "/api/v1/notifications/templates/{name}";

net::Response shown(const Template& found) {
  json::Writer out;
  notifications::write_template(out, found);
  return net::json_response(200, out.take());
}

/// Any text, for the template's own rules to judge; nullopt: it is at fault for what it is.
std::optional<std::string> text_in(json::Fields fields, const json::Value& object, const char* name) {
  const json::Value* text = object.find(name);
  if (text != nullptr && text->is(json::Value::Kind::string)) return std::string(text->text());
  fields.fault(name,
               text == nullptr || text->is(json::Value::Kind::null) ? "is required" : "must be a string");
  return std::nullopt;
}

/// `{inApp: {title, body}, email: {subject, body}}`, or `{builtIn: true}`: nullopt.
std::optional<Words> read_words(json::Fields& fields, const json::Value& root,
                                const notifications::Kind& kind) {
  if (fields.optional_bool("builtIn").value_or(false)) {
    for (const char* other : {"inApp", "email"}) {
      if (root.find(other) != nullptr) fields.fault(other, "must be absent when builtIn is true");
    }
    return std::nullopt;
  }
  Words words;
  std::set<std::string> told;
  const auto read = [&](const json::Value* part, const std::string& path, const char* name,
                        std::string& text) {
    auto given = part == nullptr ? std::nullopt : text_in(fields.nested(*part, path), *part, name);
    if (!given) told.insert(path + '.' + name);
    text = std::move(given).value_or("");
  };
  const json::Value* in_app = fields.required_object("inApp");
  read(in_app, "inApp", "title", words.title);
  read(in_app, "inApp", "body", words.body);
  const json::Value* email = fields.required_object("email");
  read(email, "email", "subject", words.subject);
  read(email, "email", "body", words.mail_body);
  // What is missing is no template either; once is enough.
  for (FieldFault& fault : notifications::faults_of(kind, words)) {
    if (!told.contains(fault.field)) fields.fault(fault.field, std::move(fault.message));
  }
  return words;
}

Task<net::Response> show(db::Database& database, net::Request request) {
  const auto found = co_await db::read_for<Template>(
      database, [name = request.path_values.at(0)](db::Transaction& transaction) {
        return notifications::find_template(transaction, name);
      });
  if (!found) co_return net::problem_response(found.error(), request.traceparent);
  co_return shown(*found);
}

Task<net::Response> put(db::Database& database, net::Request request, notifications::TemplateChange change) {
  const std::string name = request.path_values.at(0);
  const notifications::Kind* kind = notifications::kind_named(name);
  if (kind == nullptr) {
    co_return net::problem_response({.code = Errc::not_found, .detail = "no such template"},
                                    request.traceparent);
  }
  const auto words = json::read_body(request.body, [kind](json::Fields& fields, const json::Value& root) {
    return read_words(fields, root, *kind);
  });
  if (!words) co_return net::problem_response(words.error(), request.traceparent);
  const auto stored = co_await db::write_for<Template>(database, [&](db::Transaction& transaction) {
    return notifications::put_template(transaction, name, *words, change);
  });
  if (!stored) co_return net::problem_response(stored.error(), request.traceparent);
  co_return shown(*stored);
}

}  // namespace

void add_templates_routes(net::Router& router, db::Database& database, const Clock& clock, UuidMaker& ids) {
  add_route(router, net::Method::get, path,
            [&database](net::Request request) { return show(database, std::move(request)); });
  add_route(router, net::Method::put, path, [&database, &clock, &ids](net::Request request) {
    notifications::TemplateChange change{
        .actor = "user:" + request.principal.id, .audit = ids.next(), .at = clock.wall_now()};
    return put(database, std::move(request), std::move(change));
  });
}

}  // namespace perkline::hub::api
