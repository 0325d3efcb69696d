#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hub/notifications/kinds.hpp"
#include "shared/core/result.hpp"

/// Texts and how they are made out of what happened. Pure.
namespace perkline::hub::notifications {

/// One kind's four texts: before rendering Mustache templates, after it what a member reads. All plain text:
/// what shows it as HTML escapes it.
struct Words {
  std::string title;
  std::string body;
  std::string subject;    ///< Of a mail, as is the next.
  std::string mail_body;  ///< Lines end with `\n`.
  bool operator==(const Words&) const = default;
};

inline constexpr std::size_t title_template_bytes_max = 256;  ///< A mail's subject likewise.
inline constexpr std::size_t body_template_bytes_max = 4096;
/// Rendered; longer ones are cut.
inline constexpr std::size_t title_bytes_max = 512;
inline constexpr std::size_t body_bytes_max = 16'384;

/// The words that a kind has where staff gave it no others.
Words built_in_words(const Kind& kind);

/// What is wrong with them as templates of that kind, all of it: a name that the kind's event does not have,
/// sections that do not end, too long, a control character. `title` and the others are named as `paths` says.
struct WordPaths {
  std::string title = "inApp.title";
  std::string body = "inApp.body";
  std::string subject = "email.subject";
  std::string mail_body = "email.body";
};
std::vector<FieldFault> faults_of(const Kind& kind, const Words& words, const WordPaths& paths = {});

/// What templates take in: texts by name. An empty text is false as a section, and a number that is 0 is
/// empty.
using Facts = std::map<std::string, std::string, std::less<>>;

/// The name as mails may say it: letters of any script, blanks, - ' ’ and dots without a letter behind them,
/// at most 40 characters; else empty. Whoever registers somebody else's address chooses the name, and is not
/// to have the chain's server send what they want to be read.
std::string_view name_in_mail(std::string_view name);

/// Templates that were found right, parsed once for many members. One thread.
class WordForm {
 public:
  /// Asserts that they have no faults.
  explicit WordForm(const Words& templates);
  WordForm(WordForm&&) noexcept;
  WordForm& operator=(WordForm&&) noexcept;
  ~WordForm();
  /// Titles and subjects come out as one line, whatever the facts hold.
  Words render(const Facts& facts) const;

 private:
  struct Parsed;
  std::unique_ptr<Parsed> parsed_;
};

}  // namespace perkline::hub::notifications
