#include "edge/verify.hpp"

#include <algorithm>

#include "edge/downlink/held_catalogue.hpp"
#include "edge/journal/epoch_bases.hpp"
#include "edge/journal/lease_holder.hpp"
#include "edge/journal/restored.hpp"
#include "edge/programme/claim_store.hpp"
#include "edge/programme/wheel_book.hpp"
#include "edge/session/session_record.hpp"
#include "edge/standin/members.hpp"
#include "shared/core/bytes.hpp"
#include "shared/json/writer.hpp"
#include "shared/sync/event.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::edge {
namespace {

using journal::Family;
using session::Kept;
using session::Session;
using session::Status;

constexpr std::size_t faults_told_max = 1000;
constexpr std::size_t time_bytes = 8;

bool is_text(std::string_view key) {
  return std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; });
}

class Verifier {
 public:
  Verifier(const journal::JournalReader& journal, const StoreId& store,
           const std::optional<journal::HighWater>& mark)
      : journal_(journal), store_(store), mark_(mark) {}

  Verification run() {
    check_meta();
    each(Family::sessions, [this](auto key, auto value) { check_session_record(key, value); });
    each(Family::archive, [this](auto key, auto value) { check_archived(key, value); });
    each(Family::by_transaction, [this](auto key, auto value) { check_name(key, value); });
    each(Family::due, [this](auto key, auto) { check_due(key); });
    each(Family::expiry, [this](auto key, auto) { check_expiry(key); });
    each(Family::dead_letters, [this](auto key, auto) { check_review(key); });
    each(Family::members, [this](auto key, auto value) { check_member(key, value); });
    check_outbox();
    each(Family::prizes_leased, [this](auto key, auto value) { check_programme(key, value); });
    each(Family::catalogue, [](auto, auto) {});
    check_catalogue();
    return std::move(found_);
  }

 private:
  using View = std::string_view;

  void fault(Family family, View key, std::string what) {
    ++found_.fault_count;
    if (found_.faults.size() == faults_told_max) return;
    found_.faults.push_back({.family = std::string(name_of(family)),
                             .key = is_text(key) ? std::string(key) : to_hex(key),
                             .what = std::move(what)});
  }

  /// Counts each record, and hands it on.
  template <class Check>
  void each(Family family, Check check) {
    std::uint64_t& count = found_.records[std::string(name_of(family))];
    const auto scanned = journal_.scan(family, "", [&](View key, View value) {
      ++count;
      check(key, value);
      return true;
    });
    if (!scanned) fault(family, "", "cannot be read: " + scanned.error().detail);
  }

  /// nullopt: there is none, or it cannot be read, which is a fault of its own.
  std::optional<std::string> get(Family family, View key) {
    auto value = journal_.get(family, key);
    if (value) return std::move(*value);
    fault(family, key, "cannot be read: " + value.error().detail);
    return std::nullopt;
  }

  /// A session wherever it lies; nullopt: there is none that decodes.
  std::optional<Session> find(const std::string& id) {
    if (const auto record = get(Family::sessions, id)) {
      auto session = session::decode(*record);
      return session ? std::optional(std::move(*session)) : std::nullopt;
    }
    const auto record = get(Family::archive, id);
    if (!record) return std::nullopt;
    auto kept = session::decode_archived(*record);
    return kept ? std::optional(std::move(kept->session)) : std::nullopt;
  }

  // ---- meta

  void check_meta() {
    each(Family::meta, [this](View key, View value) {
      const bool number = key == "epoch" || key == "acked" || key == "staged";
      if (number && value.size() != sizeof(std::uint64_t)) fault(Family::meta, key, "is no number");
      const bool of_restore = key == journal::restored_key || key == journal::last_restore_key;
      const bool undecodable = (of_restore && !journal::decode_restored(value)) ||
                               (key == journal::lease_holder_key && !journal::decode_lease_holder(value));
      if (undecodable) fault(Family::meta, key, "does not decode");
    });
  }

  std::uint64_t number_in_meta(View key, std::uint64_t missing) {
    const auto value = get(Family::meta, key);
    return value && value->size() == sizeof(std::uint64_t) ? read_u64(*value) : missing;
  }

  // ---- sessions

  void expect_name(Family family, View key, const TransactionId& transaction, View id) {
    const auto named = get(Family::by_transaction, transaction.str());
    if (!named) return fault(family, key, "its transaction " + transaction.str() + " has no name");
    if (*named != id) fault(family, key, "its transaction " + transaction.str() + " is " + *named + "'s");
  }

  void expect_place(Family family, WallTime time, const SessionId& id, View what) {
    std::string key;
    append_u64(key, static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.time_since_epoch().count())));
    if (!get(family, key + id.str())) fault(Family::sessions, id.str(), std::string(what));
  }

  void check_session_record(View key, View value) {
    if (is_return_id(key)) return check_foreign(key, value);
    const auto session = session::decode(value);
    if (!session) return fault(Family::sessions, key, session.error().detail);
    if (get(Family::archive, key)) fault(Family::sessions, key, "lies in the archive too");
    check_session(Family::sessions, key, *session);
  }

  void check_archived(View key, View value) {
    const auto kept = session::decode_archived(value);
    if (!kept) return fault(Family::archive, key, kept.error().detail);
    check_session(Family::archive, key, kept->session);
  }

  void check_session(Family family, View key, const Session& session) {
    if (session.id.str() != key) fault(family, key, "is the record of " + session.id.str());
    if (session.store != store_) fault(family, key, "is of store " + session.store.str());
    expect_name(family, key, session.transaction, key);
    for (const session::Return& goods : session.returns) expect_name(family, key, goods.transaction, key);
    if (awaits_pdi(session) != session.next_attempt_at.has_value())
      fault(family, key,
            std::string("is ") + std::string(name_of(session.status)) +
                (session.next_attempt_at ? " and waits for PDI" : " and does not wait for PDI"));
    if (session.next_attempt_at)
      expect_place(Family::due, *session.next_attempt_at, session.id,
                   "waits for PDI and has no place in due");
    if (session.status == Status::review && !get(Family::dead_letters, key))
      fault(family, key, "is in review and not among the dead letters");
  }

  void check_foreign(View key, View value) {
    const auto foreign = session::decode_foreign_return(value);
    if (!foreign) return fault(Family::sessions, key, foreign.error().detail);
    if (foreign->goods.id.str() != key)
      fault(Family::sessions, key, "is the record of " + foreign->goods.id.str());
    expect_name(Family::sessions, key, foreign->goods.transaction, key);
  }

  // ---- what points at sessions

  void check_name(View key, View value) {
    const std::string id(value);
    if (is_return_id(value)) {
      const auto record = get(Family::sessions, id);
      const auto foreign = record ? session::decode_foreign_return(*record) : fail(Errc::corrupt);
      if (!foreign || foreign->goods.transaction.str() != key)
        fault(Family::by_transaction, key, "names return " + id + ", which is not its");
      return;
    }
    if (session::is_claim_record_id(id)) {
      const auto claim = programme::find_claim(journal_, id);
      if (!claim || claim->transaction.str() != key)
        fault(Family::by_transaction, key, "names claim " + id + ", which is not its");
      return;
    }
    const auto session = find(id);
    if (!session) return fault(Family::by_transaction, key, "names session " + id + ", which is not there");
    const bool of_return = std::ranges::any_of(
        session->returns, [&](const session::Return& goods) { return goods.transaction.str() == key; });
    if (session->transaction.str() != key && !of_return)
      fault(Family::by_transaction, key, "names session " + id + ", which is another transaction's");
  }

  /// The session whose place in time `key` is, and the time; nullopt, with a fault: there is none.
  std::optional<std::pair<Session, WallTime>> at_place(Family family, View key) {
    if (key.size() <= time_bytes) {
      fault(family, key, "is no place in time");
      return std::nullopt;
    }
    auto session = find(std::string(key.substr(time_bytes)));
    if (!session) {
      fault(family, key,
            "is the place of session " + std::string(key.substr(time_bytes)) + ", which is not there");
      return std::nullopt;
    }
    return std::pair(std::move(*session), WallTime(Millis(static_cast<std::int64_t>(read_u64(key)))));
  }

  void check_due(View key) {
    const auto place = at_place(Family::due, key);
    if (place && place->first.next_attempt_at != place->second)
      fault(Family::due, key, "session " + place->first.id.str() + " does not wait for PDI there");
  }

  void check_expiry(View key) {
    const auto place = at_place(Family::expiry, key);
    if (place && (!may_expire(place->first) || place->first.expires_at != place->second))
      fault(Family::expiry, key, "session " + place->first.id.str() + " does not lapse there");
  }

  void check_review(View key) {
    const auto session = find(std::string(key));
    if (!session) return fault(Family::dead_letters, key, "session is not there");
    if (session->status != Status::review)
      fault(Family::dead_letters, key, "session is " + std::string(name_of(session->status)));
  }

  void check_member(View key, View value) {
    if (key.size() != sizeof(Digest)) return;
    if (const auto member = standin::decode_member(value); !member)
      fault(Family::members, key, member.error().detail);
  }

  void check_programme(View key, View value) {
    const auto checked = programme::is_claim_key(key) ? programme::check_claim_record(journal_, key, value)
                                                      : programme::check_wheel_record(key, value);
    if (!checked) fault(Family::prizes_leased, key, checked.error().detail);
  }

  void check_catalogue() {
    const auto stored = downlink::read_stored_catalogue(journal_, store_);
    if (!stored) return fault(Family::catalogue, "", stored.error().detail);
    if (stored->head && !stored->genuine) fault(Family::catalogue, "", "is not what the hub signed");
  }

  // ---- the outbox

  struct Link {
    std::uint64_t position = 0;
    Digest hash{};
  };

  void check_outbox() {
    const auto bases = journal::read_bases(journal_, number_in_meta("epoch", 1));
    if (!bases) return fault(Family::meta, "bases", bases.error().detail);
    const std::uint64_t staged = number_in_meta("staged", 0);
    std::optional<Link> before = pruned();
    std::uint64_t last = 0;
    each(Family::outbox, [&](View key, View value) {
      Link link;
      if (key.size() != sizeof link.position || value.size() < link.hash.size())
        return fault(Family::outbox, key, "is cut short");
      link.position = read_u64(key);
      std::copy_n(value.begin(), link.hash.size(), link.hash.begin());
      if (mark_ && link.position == mark_->sequence && link.hash != mark_->hash)
        fault(Family::outbox, key, "is not the event that the high-water mark names");
      last = link.position;
      // What an adoption has left that the process's end cut short is no part of the history.
      if (staged != 0 && link.position > staged) return;
      check_event(journal::base_of(*bases, link.position), before, key, link, value.substr(link.hash.size()));
      before = link;
    });
    if (mark_ && mark_->sequence > last)
      fault(Family::outbox, "",
            "ends at " + std::to_string(last) + ", and the high-water mark is " +
                std::to_string(mark_->sequence));
    const std::uint64_t end = before ? before->position : 0;
    found_.tail = end - std::min(end, bases->back().position);
    if (number_in_meta("acked", 0) > found_.tail) fault(Family::meta, "acked", "is beyond the outbox's end");
  }

  /// The last event that was removed as acknowledged; nullopt: none was.
  std::optional<Link> pruned() {
    const auto value = get(Family::meta, journal::pruned_key);
    Link link;
    if (!value || value->size() != sizeof link.position + link.hash.size()) return std::nullopt;
    link.position = read_u64(*value);
    std::copy_n(value->begin() + sizeof link.position, link.hash.size(), link.hash.begin());
    return link;
  }

  void check_event(const journal::EpochBase& base, const std::optional<Link>& before, View key,
                   const Link& link, View event) {
    const bool first_of_epoch = link.position == base.position + 1;
    // Behind what an epoch left to the next one its own events are missing.
    if (!first_of_epoch && (!before || link.position != before->position + 1))
      return fault(Family::outbox, key,
                   before ? "follows " + std::to_string(before->position) + ": some are missing"
                          : "is the first, and some before it are missing");
    const Digest hash = first_of_epoch ? sync::chain_start(store_, base.epoch) : before->hash;
    if (sync::chain_next(hash, event) != link.hash) fault(Family::outbox, key, "does not continue the chain");
    const auto decoded = sync::decode_event(event);
    if (!decoded) return fault(Family::outbox, key, "does not decode");
    const bool its_place = decoded->store == store_ && decoded->epoch == base.epoch &&
                           decoded->sequence == link.position - base.position;
    if (!its_place) fault(Family::outbox, key, "is another place's event");
  }

  const journal::JournalReader& journal_;
  const StoreId store_;
  const std::optional<journal::HighWater> mark_;
  Verification found_;
};

}  // namespace

Verification verify(const journal::JournalReader& journal, const StoreId& store,
                    const std::optional<journal::HighWater>& mark) {
  return Verifier(journal, store, mark).run();
}

std::string render(const Verification& found) {
  json::Writer out;
  out.begin_object();
  out.field("ok", found.ok()).field("tail", found.tail);
  out.key("records").begin_object();
  for (const auto& [family, count] : found.records) out.field(family, count);
  out.end_object();
  out.field("faultCount", found.fault_count);
  out.key("faults").begin_array();
  for (const Verification::Fault& fault : found.faults) {
    out.begin_object()
        .field("family", fault.family)
        .field("key", fault.key)
        .field("fault", fault.what)
        .end_object();
  }
  out.end_array().end_object();
  return out.take();
}

}  // namespace perkline::edge
