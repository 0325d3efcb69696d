#include "hub/notifications/words.hpp"

#include <algorithm>
#include <array>
#include <kainjow/mustache.hpp>

#include "shared/core/assert.hpp"
#include "shared/core/utf8.hpp"

namespace perkline::hub::notifications {
namespace {

namespace mustache = kainjow::mustache;

enum class Lines : unsigned char { one, many };

bool is_control(char c) {
  return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

std::string wrong_name(const Kind& kind, std::string_view name) {
  if (name == member_name) return "";
  if (!name.empty() && std::ranges::find(kind.names, name) != kind.names.end()) return "";
  std::string known(member_name);
  for (const std::string_view each : kind.names) {
    if (!each.empty()) known.append(", ").append(each);
  }
  return "names something else than " + known;
}

/// What is wrong with a tag between its two braces.
std::string wrong_tag(const Kind& kind, std::string_view tag) {
  constexpr std::string_view marks = "#^/&";
  if (tag.starts_with('!')) return "";
  if (tag.starts_with('=')) return "must not change the delimiters";
  if (tag.starts_with('>')) return "must not take in other templates";
  if (!tag.empty() && marks.find(tag.front()) != std::string_view::npos) tag.remove_prefix(1);
  return wrong_name(kind, trimmed(tag));
}

/// The library takes a name it does not know for nothing: so every tag is looked at here.
std::string wrong_tags(const Kind& kind, std::string_view text) {
  for (std::size_t open = text.find("{{"); open != std::string_view::npos; open = text.find("{{")) {
    text.remove_prefix(open + 2);
    const bool triple = text.starts_with('{');
    if (triple) text.remove_prefix(1);
    const std::size_t close = text.find(triple ? "}}}" : "}}");
    if (close == std::string_view::npos) break;  // The library's to tell.
    const std::string_view tag = trimmed(text.substr(0, close));
    if (auto wrong = triple ? wrong_name(kind, tag) : wrong_tag(kind, tag); !wrong.empty()) return wrong;
    text.remove_prefix(close + (triple ? 3 : 2));
  }
  return "";
}

std::string wrong_template(const Kind& kind, const std::string& text, std::size_t bytes_max, Lines lines) {
  if (trimmed(text).empty()) return "must not be empty";
  if (text.size() > bytes_max) return "must be at most " + std::to_string(bytes_max) + " bytes long";
  const bool controls = std::ranges::any_of(
      text, [lines](char c) { return is_control(c) && !(c == '\n' && lines == Lines::many); });
  if (controls && lines == Lines::one) return "must be one line without control characters";
  if (controls) return "must not hold control characters other than line feeds";
  if (auto wrong = wrong_tags(kind, text); !wrong.empty()) return wrong;
  if (!mustache::mustache(text).is_valid())
    return "is no Mustache template: a tag or a section does not end, or ends and never began";
  return "";
}

/// Without what could end a line or a header where it must not, and not longer than `bytes_max`.
std::string shown(std::string_view rendered, std::size_t bytes_max, Lines lines) {
  std::string text;
  while (!rendered.empty()) {
    const std::size_t length = utf8_length(rendered);
    std::string_view character = rendered.substr(0, length);
    rendered.remove_prefix(std::max<std::size_t>(length, 1));
    if (length == 0) character = "\xef\xbf\xbd";
    const bool keeps_line_feed = lines == Lines::many && character == "\n";
    if (character.size() == 1 && is_control(character[0]) && !keeps_line_feed) character = " ";
    if (text.size() + character.size() > bytes_max) break;
    text += character;
  }
  if (lines == Lines::one) text = trimmed(text);
  return text;
}

/// Of a sequence that utf8_length() has found right.
char32_t code_point(std::string_view sequence) {
  constexpr char32_t tail_bits = 0x3f;
  const auto first = static_cast<unsigned char>(sequence.front());
  if (sequence.size() == 1) return first;
  char32_t point = first & (0x7fU >> sequence.size());
  for (const char c : sequence.substr(1)) point = (point << 6U) | (static_cast<unsigned char>(c) & tail_bits);
  return point;
}

/// Letters and what stands on them, by the blocks of scripts that names are written in: no digits, no signs,
/// and none of the forms that only look like others.
bool is_letter(char32_t c) {
  constexpr std::array<std::pair<char32_t, char32_t>, 10> blocks{
      {{U'A', U'Z'},
       {U'a', U'z'},
       {0xc0, 0x24f},       // Latin
       {0x300, 0x36f},      // accents
       {0x370, 0x5ff},      // Greek to Hebrew
       {0x620, 0x65f},      // Arabic
       {0x900, 0x1fff},     // India to Greek once more
       {0x3041, 0x30ff},    // Japanese
       {0x3400, 0x9fff},    // Chinese
       {0xac00, 0xd7a3}}};  // Korean
  return std::ranges::any_of(blocks,
                             [c](const auto& block) { return block.first <= c && c <= block.second; });
}

mustache::mustache parsed(const std::string& text) {
  mustache::mustache form(text);
  PERKLINE_ASSERT(form.is_valid());
  form.set_custom_escape([](const std::string& value) { return value; });
  return form;
}

}  // namespace

Words built_in_words(const Kind& kind) {
  return {
      .title = std::string(kind.title),
      .body = std::string(kind.body),
      .subject = std::string(kind.subject.empty() ? kind.title : kind.subject),
      .mail_body = "Hello{{#memberName}} {{memberName}}{{/memberName}},\n\n" + std::string(kind.body) + "\n"};
}

std::vector<FieldFault> faults_of(const Kind& kind, const Words& words, const WordPaths& paths) {
  std::vector<FieldFault> faults;
  const auto check = [&](const std::string& path, const std::string& text, std::size_t max, Lines lines) {
    if (auto wrong = wrong_template(kind, text, max, lines); !wrong.empty())
      faults.push_back({path, std::move(wrong)});
  };
  check(paths.title, words.title, title_template_bytes_max, Lines::one);
  check(paths.body, words.body, body_template_bytes_max, Lines::many);
  check(paths.subject, words.subject, title_template_bytes_max, Lines::one);
  check(paths.mail_body, words.mail_body, body_template_bytes_max, Lines::many);
  return faults;
}

std::string_view name_in_mail(std::string_view name) {
  constexpr std::size_t characters_max = 40;
  bool behind_dot = false;
  std::size_t characters = 0;
  for (std::string_view rest = name; !rest.empty();) {
    const std::size_t length = utf8_length(rest);
    if (length == 0 || ++characters > characters_max) return {};
    const char32_t character = code_point(rest.substr(0, length));
    rest.remove_prefix(length);
    const bool letter = is_letter(character);
    const bool mark = character == U' ' || character == U'-' || character == U'\'' || character == U'’' ||
                      character == U'.';
    if ((!letter && !mark) || (letter && behind_dot)) return {};
    behind_dot = character == U'.';
  }
  return name;
}

struct WordForm::Parsed {
  mustache::mustache title;
  mustache::mustache body;
  mustache::mustache subject;
  mustache::mustache mail_body;
};

WordForm::WordForm(const Words& templates)
    : parsed_(std::make_unique<Parsed>(Parsed{parsed(templates.title), parsed(templates.body),
                                              parsed(templates.subject), parsed(templates.mail_body)})) {}
WordForm::WordForm(WordForm&&) noexcept = default;
WordForm& WordForm::operator=(WordForm&&) noexcept = default;
WordForm::~WordForm() = default;

Words WordForm::render(const Facts& facts) const {
  mustache::data data;
  for (const auto& [name, text] : facts) {
    if (text.empty()) {
      data.set(name, false);
    } else {
      data.set(name, text);
    }
  }
  Words words{.title = shown(parsed_->title.render(data), title_bytes_max, Lines::one),
              .body = shown(parsed_->body.render(data), body_bytes_max, Lines::many),
              .subject = {},
              .mail_body = {}};
  const auto name = facts.find(member_name);
  if (name != facts.end() && name_in_mail(name->second).empty()) data.set(std::string(member_name), false);
  words.subject = shown(parsed_->subject.render(data), title_bytes_max, Lines::one);
  words.mail_body = shown(parsed_->mail_body.render(data), body_bytes_max, Lines::many);
  return words;
}

}  // namespace perkline::hub::notifications
