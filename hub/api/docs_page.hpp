#pragma once

#include <string_view>
#include <vector>

#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// The page at /api-docs as it was built in.
struct DocsPage {
  struct File {
    std::string_view name;
    std::string_view type;
    std::string_view bytes;  ///< Must outlive the server.
  };
  std::vector<File> files;          ///< `index.html` is the page; none: there is no page.
  std::string_view absent_because;  ///< Why there is none; empty: it is there.
};
/// Made by docs/embed_docs.cmake.
DocsPage docs_page();

/// `/api-docs` and what it loads; without a page both say why.
void add_docs_routes(net::Router& router, DocsPage page);

}  // namespace perkline::hub::api
