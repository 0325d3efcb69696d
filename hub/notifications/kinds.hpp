#pragma once

#include <array>
#include <span>
#include <string_view>

/// What members are told of: a closed set. Pure.
namespace perkline::hub::notifications {

inline constexpr std::size_t names_max = 10;

struct Kind {
  std::string_view name;        ///< The template's.
  std::string_view event;       ///< The domain event's type.
  std::string_view type;        ///< As contract.md §6 names it to members.
  std::string_view event_type;  ///< Likewise.
  /// Of the event's data, as templates may use them; `…InWords` is made of what stands before it.
  std::array<std::string_view, names_max> names;
  std::string_view title;  ///< The built-in words, as Mustache templates.
  std::string_view body;
  std::string_view subject = {};  ///< Of a mail; empty: the title.
  bool in_masses = false;         ///< Thousands hear of it at once: their mails go beside all others.
};

/// What every template may use besides: the member's name, empty where they gave none; in mails also where it
/// does not look like one (name_in_mail).
inline constexpr std::string_view member_name = "memberName";

std::span<const Kind> kinds();
/// nullptr: nobody is told of such events.
const Kind* kind_of_event(std::string_view event_type);
/// nullptr: there is no such template.
const Kind* kind_named(std::string_view name);

/// Every type of notification, once.
inline constexpr std::array<std::string_view, 7> types{"welcome", "promotion", "prize", "payment",
                                                       "wallet",  "points",    "tier"};

}  // namespace perkline::hub::notifications
