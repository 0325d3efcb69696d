#include "hub/notifications/words.hpp"

#include <algorithm>
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
      .subject = std::string(kind.title),
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
  return {.title = shown(parsed_->title.render(data), title_bytes_max, Lines::one),
          .body = shown(parsed_->body.render(data), body_bytes_max, Lines::many),
          .subject = shown(parsed_->subject.render(data), title_bytes_max, Lines::one),
          .mail_body = shown(parsed_->mail_body.render(data), body_bytes_max, Lines::many)};
}

}  // namespace perkline::hub::notifications
