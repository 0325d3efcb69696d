#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace perkline::json {

/// Appends JSON to a string, in the order of the calls. Misuse (a value without a key in an object, a key
/// twice in one object, an unclosed object) asserts. `Writer w; w.begin_object(); w.field("points", 450);
/// w.end_object(); return w.take();`
class Writer {
 public:
  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_array() { return open('['); }
  Writer& end_array() { return close(']'); }
  Writer& key(std::string_view name);

  Writer& value(std::string_view text);
  Writer& value(const char* text) { return value(std::string_view(text)); }
  Writer& value(const std::string& text) { return value(std::string_view(text)); }
  Writer& value(bool flag) { return raw(flag ? "true" : "false"); }
  Writer& value(double number);  ///< Finite; as short as reads back the same.
  Writer& null() { return raw("null"); }
  template <std::integral Number>
  Writer& value(Number number) {
    return raw(std::to_string(number));
  }

  template <class T>
  Writer& field(std::string_view name, const T& content) {
    key(name);
    return value(content);
  }
  /// Takes over text that is JSON already.
  Writer& raw(std::string_view json);

  const std::string& str() const { return text_; }
  /// The finished text; the writer is empty after.
  std::string take();

 private:
  Writer& open(char bracket);
  Writer& close(char bracket);
  void separate();

  /// Where a key stands in the text, with its quotes.
  struct Key {
    std::size_t at;
    std::size_t length;
  };
  struct Open {
    char bracket;
    std::size_t keys_before;  ///< Of the objects around it.
  };
  std::string_view text_of(const Key& key) const {
    return std::string_view(text_).substr(key.at, key.length);
  }

  std::string text_;
  std::vector<Open> open_;  ///< The brackets not yet closed.
  std::vector<Key> keys_;   ///< Of the open objects, the innermost's last.
  bool first_ = true;       ///< Nothing yet inside the innermost bracket.
  bool after_key_ = false;
};

/// `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_quoted(std::string& out, std::string_view text);

}  // namespace perkline::json
