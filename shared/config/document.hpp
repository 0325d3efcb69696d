#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shared/core/error.hpp"

namespace perkline::config {

struct Member;

/// One node of a YAML document, all scalars as their text: what kind of value a text stands for is the
/// schema's matter.
struct Node {
  enum class Kind : unsigned char {
    nothing,  ///< `key:`, `~` or `null`
    text,
    list,
    map,
    broken,  ///< A fault was noted for it already.
  };
  Kind kind = Kind::nothing;
  std::string text;
  std::vector<Node> items;
  std::vector<Member> members;

  /// The first member of that name; nullptr if there is none.
  const Node* find(std::string_view key) const;
};

struct Member {
  std::string key;
  Node value;
};

/// Reads one YAML document that holds a map (an empty file is an empty one). Faults: doubled keys, aliases,
/// anchors and tags, each under its full key; more than one document, no map, bad syntax (naming the line),
/// each under the empty key, and then the node is broken.
Node read_document(const std::string& yaml, std::vector<FieldFault>& faults);

/// `api` and `listen` make `api.listen`.
std::string join_path(std::string_view path, std::string_view key);
/// `hub.endpoint` and 1 make `hub.endpoint[1]`.
std::string join_path(std::string_view path, std::size_t index);

}  // namespace perkline::config
