#include "hub/notifications/notice.hpp"

#include <algorithm>
#include <array>

#include "shared/json/value.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::notifications {
namespace {

using Shape = json::Value::Kind;

void write(json::Writer& out, const json::Value& value) {
  switch (value.kind()) {
    case Shape::null:
      out.null();
      return;
    case Shape::boolean:
      out.value(value.boolean());
      return;
    case Shape::number:
      out.raw(value.text());
      return;
    case Shape::string:
      out.value(value.text());
      return;
    case Shape::array:
      out.begin_array();
      for (const json::Value& item : value.items()) write(out, item);
      out.end_array();
      return;
    case Shape::object:
      out.begin_object();
      for (const json::Member& member : value.members()) {
        out.key(member.name);
        write(out, member.value);
      }
      out.end_object();
      return;
  }
}

/// `21 November 2026`
std::string day_in_words(std::chrono::sys_days day) {
  static constexpr std::array months{"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
  const std::chrono::year_month_day date(day);
  return std::to_string(static_cast<unsigned>(date.day())) + ' ' +
         months.at(static_cast<unsigned>(date.month()) - 1) + ' ' +
         std::to_string(static_cast<int>(date.year()));
}

/// The names under which events tell a time, or a day.
bool names_a_day(std::string_view name) {
  return name.ends_with("At") || name.ends_with("Date");
}

/// As people read it, the day by UTC; what is neither a time nor a day stays as it is.
std::string day_text(std::string text) {
  if (const auto time = parse_time(text)) return day_in_words(utc_day(*time));
  if (const auto day = parse_day(text)) return day_in_words(*day);
  return text;
}

/// Empty for what has no text, and for 0: false as a section.
std::string text_of(const json::Value& value) {
  if (value.is(Shape::number) && value.text() == "0") return "";
  if (value.is(Shape::string) || value.is(Shape::number)) return std::string(value.text());
  return value.is(Shape::boolean) && value.boolean() ? "true" : "";
}

/// Of what moved money, as whom it concerns reads it; empty: it says nothing that they would know by.
std::string_view reason_in_words(std::string_view event_type, std::string_view reason) {
  const bool in = event_type == "WALLET_CREDITED";
  if (reason == "transfer") return in ? "sent by another member" : "sent to another member";
  if (reason == "payment") return in ? "another member's payment" : "your payment to another member";
  if (reason == "promotion") return "a promotion that you claimed";
  if (reason == "top_up") return "your top-up";
  if (reason == "credit" || reason == "debit") return "booked by our staff";
  if (reason == "capture") return "what was set aside for it was taken";
  return {};
}

/// What templates cannot make of the event's data themselves.
void add_words(Notice& notice, std::string_view event_type) {
  if (const auto points = notice.facts.find("points"); points != notice.facts.end()) {
    const std::string& count = points->second;
    notice.facts.emplace("pointsInWords", count.empty() ? "" : count + (count == "1" ? " point" : " points"));
  }
  if (const auto reason = notice.facts.find("reason"); reason != notice.facts.end())
    notice.facts.emplace("reasonInWords", reason_in_words(event_type, reason->second));
}

}  // namespace

Result<std::optional<Notice>> notice_of(const events::DomainEvent& event) {
  const Kind* kind = kind_of_event(event.type);
  if (kind == nullptr) return std::nullopt;
  const auto wrong = [&](const char* what) {
    return fail(Errc::validation_failed, "event " + event.id.str() + ": " + what);
  };
  const auto document = json::parse(event.data);
  if (!document || !document->root().is(Shape::object)) return wrong("its data is no JSON object");
  const json::Value* user = document->root().find("userId");
  if (user == nullptr || user->is(Shape::null)) return std::nullopt;
  if (!user->is(Shape::string)) return wrong("its userId is no text");
  Notice notice{.kind = kind,
                .event = event.id.str(),
                .user = UserId(std::string(user->text())),
                .occurred_at = event.occurred_at};
  for (const json::Member& member : document->root().members()) {
    json::Writer out;
    write(out, member.value);
    notice.data.emplace_back(member.name, out.take());
    if (std::ranges::find(kind->names, member.name) != kind->names.end())
      notice.facts.emplace(
          member.name, names_a_day(member.name) ? day_text(text_of(member.value)) : text_of(member.value));
  }
  add_words(notice, event.type);
  return notice;
}

std::string content_of(const Notice& notice, const Words& words) {
  json::Writer out;
  out.begin_object().field("title", words.title).field("body", words.body);
  for (const auto& [name, value] : notice.data) {
    if (name != "title" && name != "body") out.key(name).raw(value);
    // Whoever shows a promotion has its id under the name that promotions have it.
    if (name == "promotionId") out.key("id").raw(value);
  }
  return out.end_object().take();
}

}  // namespace perkline::hub::notifications
