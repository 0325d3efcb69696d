#include "shared/config/document.hpp"

#include <algorithm>
#include <exception>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace perkline::config {
namespace {

std::string line_of(const YAML::Mark& mark) {
  return "line " + std::to_string(mark.line + 1);
}

/// Ends the reading: what follows could not be placed.
struct KeyIsNoText {
  YAML::Mark mark;
};

/// Builds our nodes from the parser's events. yaml-cpp's own nodes would let a doubled key or an alias pass
/// unseen.
class Builder final : public YAML::EventHandler {
 public:
  Builder(Node& root, std::vector<FieldFault>& faults) : root_(root), faults_(faults) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    enter(Node::Kind::nothing, mark, "", anchor);
    leave();
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    enter(Node::Kind::broken, mark, "", YAML::NullAnchor);
    faults_.push_back({path(), "must be a value, not an alias (" + line_of(mark) + ")"});
    leave();
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (awaits_key()) return take_key(value, mark);
    enter(Node::Kind::text, mark, tag, anchor).text = value;
    leave();
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    frames_.push_back({&enter(Node::Kind::list, mark, tag, anchor), false, {}});
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    frames_.push_back({&enter(Node::Kind::map, mark, tag, anchor), false, {}});
  }
  void OnMapEnd() override { close(); }

 private:
  struct KeyAt {
    std::string key;
    std::string line;
  };
  /// A list or map that is not finished. Its node stays put: the parent does not grow meanwhile.
  struct Frame {
    Node* node;
    bool has_key;  ///< A map whose last member has its key but not yet its value.
    std::vector<KeyAt> keys;
  };

  bool awaits_key() const {
    return !frames_.empty() && frames_.back().node->kind == Node::Kind::map && !frames_.back().has_key;
  }

  void take_key(const std::string& key, const YAML::Mark& mark) {
    Frame& frame = frames_.back();
    frame.node->members.push_back({key, {}});
    frame.has_key = true;
    const auto first = std::ranges::find(frame.keys, key, &KeyAt::key);
    if (first != frame.keys.end()) {
      faults_.push_back({path(), "is given twice (" + first->line + " and " + line_of(mark) + ")"});
    }
    frame.keys.push_back({key, line_of(mark)});
  }

  Node& enter(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (awaits_key()) throw KeyIsNoText{mark};
    Node& node = place();
    node.kind = kind;
    // The parser's own tags: `?` of a plain scalar, `!` of a quoted one.
    const bool tagged = !tag.empty() && tag != "?" && tag != "!";
    if (tagged || anchor != YAML::NullAnchor) {
      faults_.push_back({path(), std::string("must not carry ") + (tagged ? "a tag (" : "an anchor (") +
                                     line_of(mark) + ")"});
    }
    return node;
  }

  Node& place() {
    if (frames_.empty()) return root_;
    Node& parent = *frames_.back().node;
    return parent.kind == Node::Kind::list ? parent.items.emplace_back() : parent.members.back().value;
  }

  void leave() {
    if (!frames_.empty()) frames_.back().has_key = false;
  }

  void close() {
    frames_.pop_back();
    leave();
  }

  /// Of the value that was entered last.
  std::string path() const {
    std::string path;
    for (const Frame& frame : frames_) {
      path = frame.node->kind == Node::Kind::list ? join_path(path, frame.node->items.size() - 1)
                                                  : join_path(path, frame.node->members.back().key);
    }
    return path;
  }

  Node& root_;
  std::vector<FieldFault>& faults_;
  std::vector<Frame> frames_;
};

/// Why the text holds no document that could be read; empty: it was.
std::string build(const std::string& yaml, Node& root, std::vector<FieldFault>& faults) {
  // yaml-cpp takes a quote that is never closed for closed when the text ends with its line; a comment ends
  // it for us.
  std::istringstream text(yaml + (yaml.ends_with('\n') ? "#" : "\n#"));
  try {
    YAML::Parser parser(text);
    Builder builder(root, faults);
    if (!parser.HandleNextDocument(builder)) return "";
    Node other;
    std::vector<FieldFault> ignored;
    Builder next(other, ignored);
    return parser.HandleNextDocument(next) ? "must hold one YAML document only" : "";
  } catch (const KeyIsNoText& refused) {
    return line_of(refused.mark) + ": a key must be a plain text";
  } catch (const YAML::Exception& error) {
    return (error.mark.is_null() ? "" : line_of(error.mark) + ": ") + "is not valid YAML";
  } catch (const std::exception&) {
    return "is not valid YAML";
  }
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  const auto found = std::ranges::find(members, key, &Member::key);
  return found == members.end() ? nullptr : &found->value;
}

Node read_document(const std::string& yaml, std::vector<FieldFault>& faults) {
  Node root;
  std::string reason = build(yaml, root, faults);
  if (root.kind == Node::Kind::nothing) root.kind = Node::Kind::map;
  if (reason.empty() && root.kind != Node::Kind::map) reason = "must be a map of keys";
  if (!reason.empty()) {
    faults.push_back({"", std::move(reason)});
    root.kind = Node::Kind::broken;
  }
  return root;
}

std::string join_path(std::string_view path, std::string_view key) {
  if (path.empty()) return std::string(key);
  return std::string(path) + '.' + std::string(key);
}

std::string join_path(std::string_view path, std::size_t index) {
  return std::string(path) + '[' + std::to_string(index) + ']';
}

}  // namespace perkline::config
