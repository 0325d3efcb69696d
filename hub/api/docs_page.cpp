#include "hub/api/docs_page.hpp"

#include <algorithm>
#include <memory>

#include "hub/api/add_route.hpp"

namespace perkline::hub::api {
namespace {

/// The style sheet holds its icons itself (`data:`); nothing comes from or goes to anywhere else.
constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

Task<net::Response> show(std::shared_ptr<const DocsPage> page, std::string name, net::Request request) {
  if (page->files.empty()) {
    co_return net::problem_response(
        {.code = Errc::not_found,
         .detail = "this hub was built without its API page (" + std::string(page->absent_because) +
                   "); the document is at /api/v1/openapi.json"},
        request.traceparent);
  }
  const auto file = std::ranges::find(page->files, std::string_view(name), &DocsPage::File::name);
  if (file == page->files.end()) {
    co_return net::problem_response({.code = Errc::not_found, .detail = "no such file"}, request.traceparent);
  }
  net::Response response{
      .status = 200,
      .content_type = std::string(file->type) + (file->type.starts_with("text/") ? "; charset=utf-8" : ""),
      .body = {},
      .lasting_body = file->bytes,
      .headers = {}};
  response.headers.add("Content-Security-Policy", std::string(policy));
  // Another version's files have the same names.
  response.headers.add("Cache-Control", "no-cache");
  co_return response;
}

}  // namespace

void add_docs_routes(net::Router& router, DocsPage page) {
  const auto shared = std::make_shared<const DocsPage>(std::move(page));
  add_route(router, net::Method::get, "/api-docs",
            [shared](net::Request request) { return show(shared, "index.html", std::move(request)); });
  add_route(router, net::Method::get, "/api-docs/{file}", [shared](net::Request request) {
    std::string name = request.path_values.at(0);
    return show(shared, std::move(name), std::move(request));
  });
}

}  // namespace perkline::hub::api
