#include "hub/api/dead_letter_sources.hpp"

#include <array>

#include "hub/events/dead_letters.hpp"
#include "hub/ingest/dead_letters.hpp"
#include "hub/ingest/event_text.hpp"
#include "hub/notifications/mail_queue.hpp"
#include "shared/core/bytes.hpp"
#include "shared/json/value.hpp"

namespace perkline::hub::api {
namespace {

/// The source's own answer as everybody's.
template <class Letter, class Make>
Result<DeadLetter> made(Result<Letter> letter, Make make) {
  if (!letter) return failure(letter);
  return make(*letter);
}
template <class Letter, class Make>
Result<std::vector<DeadLetter>> made_all(Result<std::vector<Letter>> letters, Make make) {
  if (!letters) return failure(letters);
  std::vector<DeadLetter> all;
  for (const Letter& letter : *letters) all.push_back(make(letter));
  return all;
}
template <class Place>
std::optional<Place> place_of(const std::optional<DeadLetterPlace>& place) {
  if (!place) return std::nullopt;
  return Place{.received_at = place->received_at, .id = place->id};
}

// ---- Events of stores

DeadLetter of_store(const ingest::DeadLetter& letter) {
  return {.source = "store",
          .id = letter.id,
          .type = letter.type,
          .reason = letter.reason,
          .state = letter.state,
          .received_at = letter.received_at,
          .decided_at = letter.decided_at,
          .about = {{"storeId", letter.place.store.str()},
                    {"epoch", static_cast<std::int64_t>(letter.place.epoch)},
                    {"sequence", static_cast<std::int64_t>(letter.place.sequence)}}};
}

bool is_of_store(std::string_view id) {
  return id.find(':') != id.npos;
}

Result<std::vector<DeadLetter>> open_of_stores(db::Transaction& transaction,
                                               const std::optional<DeadLetterPlace>& after,
                                               std::int64_t limit) {
  return made_all(ingest::open_dead_letters(transaction, place_of<ingest::DeadLetterPlace>(after), limit),
                  of_store);
}

Result<DeadLetter> find_of_store(db::Transaction& transaction, const std::string& id) {
  auto letter = ingest::find_dead_letter(transaction, id);
  if (!letter) return failure(letter);
  DeadLetter found = of_store(*letter);
  found.event = to_hex(letter->bytes);
  for (auto& [name, value] : ingest::fields_of_event(letter->bytes)) found.decoded.emplace_back(name, value);
  return found;
}

Result<DeadLetter> retry_of_store(db::Transaction& transaction, const std::string& id,
                                  const Decision& decision, const wheel::Terms& terms) {
  return made(ingest::retry_dead_letter(transaction, id, decision.ids, decision.now, terms), of_store);
}

Result<DeadLetter> discard_of_store(db::Transaction& transaction, const std::string& id, WallTime now) {
  return made(ingest::discard_dead_letter(transaction, id, now), of_store);
}

// ---- Domain events that a consumer could not take

DeadLetter of_event(const events::DeadLetter& letter) {
  return {
      .source = "event",
      .id = letter.id,
      .type = letter.type,
      .reason = letter.reason,
      .state = letter.state,
      .received_at = letter.received_at,
      .decided_at = letter.decided_at,
      .about = {{"consumer", letter.consumer}, {"position", letter.position}, {"attempts", letter.attempts}}};
}

Result<std::vector<DeadLetter>> open_of_events(db::Transaction& transaction,
                                               const std::optional<DeadLetterPlace>& after,
                                               std::int64_t limit) {
  return made_all(events::open_dead_letters(transaction, place_of<events::DeadLetterPlace>(after), limit),
                  of_event);
}

Result<DeadLetter> find_of_event(db::Transaction& transaction, const std::string& id) {
  auto letter = events::find_dead_letter(transaction, id);
  if (!letter) return failure(letter);
  DeadLetter found = of_event(*letter);
  found.event = letter->data;
  const auto data = json::parse(letter->data);
  if (!data) return found;
  for (const json::Member& member : data->root().members())
    found.decoded.emplace_back(member.name, member.value.text());
  return found;
}

Result<DeadLetter> retry_of_event(db::Transaction& transaction, const std::string& id,
                                  const Decision& decision, const wheel::Terms&) {
  return made(events::retry_dead_letter(transaction, id, decision.now), of_event);
}

Result<DeadLetter> discard_of_event(db::Transaction& transaction, const std::string& id, WallTime now) {
  return made(events::discard_dead_letter(transaction, id, now), of_event);
}

// ---- Mails that no server would take

/// As everybody's letters say it.
std::string state_of(notifications::MailState state) {
  switch (state) {
    case notifications::MailState::waiting:
      return "retrying";
    case notifications::MailState::sent:
      return "applied";
    case notifications::MailState::dead:
      return "open";
    case notifications::MailState::discarded:
      return "discarded";
  }
  return {};
}

DeadLetter of_mail(const notifications::DeadMail& mail) {
  return {.source = "mail",
          .id = mail.id,
          .type = mail.template_name,
          .reason = mail.reason,
          .state = state_of(mail.state),
          .received_at = mail.died_at,
          .decided_at = mail.decided_at,
          .about = {{"userId", mail.user.str()}, {"attempts", mail.attempts}}};
}

Result<std::vector<DeadLetter>> open_of_mails(db::Transaction& transaction,
                                              const std::optional<DeadLetterPlace>& after,
                                              std::int64_t limit) {
  std::optional<notifications::DeadMailPlace> place;
  if (after) place = notifications::DeadMailPlace{.died_at = after->received_at, .id = after->id};
  return made_all(notifications::dead_mails(transaction, place, limit), of_mail);
}

Result<DeadLetter> find_of_mail(db::Transaction& transaction, const std::string& id) {
  return made(notifications::find_dead_mail(transaction, id), of_mail);
}

Result<DeadLetter> retry_of_mail(db::Transaction& transaction, const std::string& id,
                                 const Decision& decision, const wheel::Terms&) {
  return made(notifications::retry_dead_mail(transaction, id, decision.now), of_mail);
}

Result<DeadLetter> discard_of_mail(db::Transaction& transaction, const std::string& id, WallTime now) {
  return made(notifications::discard_dead_mail(transaction, id, now), of_mail);
}

constexpr std::array sources{
    DeadLetterSource{.name = "store",
                     .owns = &is_of_store,
                     .open = &open_of_stores,
                     .find = &find_of_store,
                     .retry = &retry_of_store,
                     .discard = &discard_of_store},
    DeadLetterSource{.name = "event",
                     .owns = &events::is_dead_letter_id,
                     .open = &open_of_events,
                     .find = &find_of_event,
                     .retry = &retry_of_event,
                     .discard = &discard_of_event},
    DeadLetterSource{.name = "mail",
                     .owns = &notifications::is_dead_mail_id,
                     .open = &open_of_mails,
                     .find = &find_of_mail,
                     .retry = &retry_of_mail,
                     .discard = &discard_of_mail},
};

}  // namespace

std::span<const DeadLetterSource> dead_letter_sources() {
  return sources;
}

}  // namespace perkline::hub::api
