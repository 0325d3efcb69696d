#include "tests/unit/core/include_rule.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <sstream>

namespace perkline::test {
namespace {

/// A folder and those whose files it may include, itself apart.
struct FolderRule {
  std::string_view folder;
  std::vector<std::string_view> may_use;
};

const std::array folder_rules{
    FolderRule{"shared/core/", {}},
    FolderRule{"shared/json/", {"shared/core/"}},
    FolderRule{"shared/config/", {"shared/core/", "shared/json/"}},
    FolderRule{"shared/loyalty/", {"shared/core/", "shared/json/"}},
    FolderRule{"shared/rules/", {"shared/core/", "shared/json/", "shared/config/", "shared/loyalty/"}},
    FolderRule{"shared/sync/", {"shared/core/", "shared/json/"}},
    FolderRule{"shared/ops/", {"shared/core/", "shared/json/"}},
    FolderRule{"shared/net/", {"shared/core/", "shared/json/", "shared/ops/"}},
    FolderRule{"pdi_client/", {"shared/"}},
    FolderRule{"edge/", {"shared/", "pdi_client/"}},
    FolderRule{"hub/", {"shared/"}},
};

constexpr std::array top_folders{"shared/", "pdi_client/", "edge/", "hub/", "tests/", "bench/"};

/// What no header may include, so that including ours stays cheap and binds nobody to a library.
constexpr std::array heavy_headers{"rocksdb/",    "sqlite3",         "SQLiteCpp/", "libpq",
                                   "postgresql/", "google/protobuf", "spdlog/",    "yaml-cpp/",
                                   "prometheus/", "simdjson",        "kainjow/"};

/// What only shared/net may include at all.
constexpr std::array network_headers{"boost/asio", "boost/beast", "zmq"};

constexpr std::string_view net_folder = "shared/net/";

/// The coroutine type and, in shared/net, its operators and channels name no I/O.
bool is_light_asio(std::string_view path, std::string_view header) {
  return header == "boost/asio/awaitable.hpp" ||
         (path.starts_with(net_folder) && header.starts_with("boost/asio/experimental/"));
}

struct Include {
  std::string header;
  bool quoted;
  int line;
};

std::string_view without_leading_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view{} : text.substr(first);
}

std::optional<Include> include_of(std::string_view line, int number) {
  line = without_leading_blanks(line);
  if (!line.starts_with('#')) return std::nullopt;
  line = without_leading_blanks(line.substr(1));
  if (!line.starts_with("include")) return std::nullopt;
  line = without_leading_blanks(line.substr(7));
  if (line.size() < 3 || (line.front() != '"' && line.front() != '<')) return std::nullopt;
  const bool quoted = line.front() == '"';
  line.remove_prefix(1);
  return Include{std::string(line.substr(0, line.find(quoted ? '"' : '>'))), quoted, number};
}

std::vector<Include> includes_of(const std::string& text) {
  std::vector<Include> includes;
  std::istringstream lines{text};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (auto include = include_of(line, number)) includes.push_back(std::move(*include));
  }
  return includes;
}

bool is_network(std::string_view path, std::string_view header) {
  return !is_light_asio(path, header) && std::ranges::any_of(network_headers, [&](std::string_view prefix) {
    return header.starts_with(prefix);
  });
}

/// The headers of shared/net that name a network library, themselves or through one another.
std::set<std::string> inner_headers(const std::vector<Source>& sources) {
  std::set<std::string> inner;
  for (bool grew = true; grew;) {
    grew = false;
    for (const Source& source : sources) {
      if (!source.path.starts_with(net_folder) || !source.path.ends_with(".hpp") ||
          inner.contains(source.path))
        continue;
      const bool heavy = std::ranges::any_of(includes_of(source.text), [&](const Include& include) {
        return include.quoted ? inner.contains(include.header) : is_network(source.path, include.header);
      });
      if (heavy) grew = inner.insert(source.path).second;
    }
  }
  return inner;
}

std::string_view folder_breach(std::string_view path, std::string_view header) {
  const auto rule =
      std::ranges::find_if(folder_rules, [&](const FolderRule& r) { return path.starts_with(r.folder); });
  if (rule == folder_rules.end() || header.starts_with(rule->folder)) return "";
  const bool may =
      std::ranges::any_of(rule->may_use, [&](std::string_view folder) { return header.starts_with(folder); });
  return may ? "" : "this folder may not use that one";
}

std::string_view breach_of(std::string_view path, const Include& include,
                           const std::set<std::string>& inner) {
  const auto starts_header = [&](std::string_view prefix) { return include.header.starts_with(prefix); };
  const bool is_test = path.starts_with("tests/") || path.starts_with("bench/");
  const bool in_net = path.starts_with(net_folder);
  const bool in_header = path.ends_with(".hpp");
  if (include.quoted) {
    if (std::ranges::none_of(top_folders, starts_header)) return "does not start at the repository's root";
    if (in_header && include.header.ends_with(".pb.h")) return "too heavy for a header";
    if (!is_test && !in_net && inner.contains(include.header))
      return "is shared/net's own, for it names a network library";
    return folder_breach(path, include.header);
  }
  if (is_test) return "";
  if (is_network(path, include.header)) return in_net ? "" : "belongs in shared/net alone";
  return in_header && std::ranges::any_of(heavy_headers, starts_header) ? "too heavy for a header" : "";
}

}  // namespace

std::vector<std::string> include_breaches(const std::vector<Source>& sources) {
  const std::set<std::string> inner = inner_headers(sources);
  std::vector<std::string> breaches;
  for (const Source& source : sources) {
    for (const Include& include : includes_of(source.text)) {
      const std::string_view why = breach_of(source.path, include, inner);
      if (why.empty()) continue;
      breaches.push_back(source.path + ':' + std::to_string(include.line) + ": " + include.header + ": " +
                         std::string(why));
    }
  }
  return breaches;
}

}  // namespace perkline::test
