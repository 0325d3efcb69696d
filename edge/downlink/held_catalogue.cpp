#include "edge/downlink/held_catalogue.hpp"

#include <algorithm>

#include "shared/core/bytes.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::downlink {
namespace {

using journal::Family;

constexpr std::string_view key_key = "hub_signing_key";
constexpr std::string_view head_key = "head";
constexpr char item_mark = 'i';
constexpr char format = 1;
constexpr std::size_t kind_bytes = sizeof(std::uint32_t);

template <std::size_t Size>
void append(std::string& out, const std::array<std::uint8_t, Size>& bytes) {
  out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

/// Takes as many bytes off the front.
template <std::size_t Size>
bool take_off(std::string_view& bytes, std::array<std::uint8_t, Size>& out) {
  if (bytes.size() < Size) return false;
  std::ranges::copy(bytes.substr(0, Size), out.begin());
  bytes.remove_prefix(Size);
  return true;
}

std::string encode(const sync::CatalogueHead& head) {
  std::string record(1, format);
  append(record, head.incarnation.bytes);
  append_u64(record, head.version);
  append(record, head.digest);
  append(record, head.signature);
  return record;
}

/// The record behind its format.
Result<std::string_view> without_format(std::string_view record) {
  if (record.empty() || record.front() < 1)
    return fail(Errc::corrupt, "a catalogue's record without a format");
  if (record.front() > format) return fail(Errc::newer_format, "a catalogue of a newer version");
  return record.substr(1);
}

Result<sync::CatalogueHead> decode_head(std::string_view record) {
  auto rest = without_format(record);
  if (!rest) return failure(rest);
  sync::CatalogueHead head;
  std::array<std::uint8_t, sizeof(std::uint64_t)> version{};
  if (!take_off(*rest, head.incarnation.bytes) || !take_off(*rest, version) ||
      !take_off(*rest, head.digest) || !take_off(*rest, head.signature) || !rest->empty()) {
    return fail(Errc::corrupt, "the catalogue's head does not decode");
  }
  head.version = read_u64({reinterpret_cast<const char*>(version.data()), version.size()});
  return head;
}

std::string key_of(const sync::ItemName& name) {
  std::string key(1, item_mark);
  append_u32(key, name.kind);
  return key + name.id;
}

std::optional<sync::ItemName> name_of(std::string_view key) {
  if (key.size() < 1 + kind_bytes || key.front() != item_mark) return std::nullopt;
  sync::ItemName name;
  for (std::size_t i = 1; i <= kind_bytes; ++i)
    name.kind = name.kind << 8 | static_cast<std::uint8_t>(key[i]);
  name.id = key.substr(1 + kind_bytes);
  return name;
}

sync::Catalogue all_of(std::vector<sync::CatalogueItem> items) {
  sync::Catalogue all;
  for (sync::CatalogueItem& item : items) all.emplace(std::move(item.name), std::move(*item.body));
  return all;
}

sync::Catalogue changed(sync::Catalogue items, std::vector<sync::CatalogueItem> changes) {
  for (sync::CatalogueItem& change : changes) {
    if (change.body) {
      items[std::move(change.name)] = std::move(*change.body);
    } else {
      items.erase(change.name);
    }
  }
  return items;
}

}  // namespace

Result<StoredCatalogue> read_stored_catalogue(const journal::JournalReader& journal, const StoreId& store) {
  StoredCatalogue stored;
  const auto key = journal.get(Family::meta, key_key);
  if (!key) return std::unexpected(key.error());
  if (*key) {
    auto bytes = without_format(**key);
    if (!bytes) return failure(bytes);
    if (!take_off(*bytes, stored.key.emplace()) || !bytes->empty())
      return fail(Errc::corrupt, "the hub's signing key does not decode");
  }
  const auto record = journal.get(Family::catalogue, head_key);
  if (!record) return std::unexpected(record.error());
  if (!*record) return stored;
  auto head = decode_head(**record);
  if (!head) return failure(head);
  stored.head = *head;
  auto scanned = journal.scan(Family::catalogue, std::string(1, item_mark),
                              [&stored](std::string_view at, std::string_view body) {
                                auto name = name_of(at);
                                if (name) stored.items.emplace(std::move(*name), body);
                                return name.has_value();
                              });
  if (!scanned) return failure(scanned);
  stored.genuine = stored.key && sync::is_signed(*stored.head, store, *stored.key) &&
                   sync::digest_of(stored.items) == stored.head->digest;
  return stored;
}

Result<std::unique_ptr<HeldCatalogue>> HeldCatalogue::open(journal::Journal& journal, StoreId store,
                                                           const Clock& clock) {
  auto stored = read_stored_catalogue(journal, store);
  if (!stored) return failure(stored);
  std::unique_ptr<HeldCatalogue> held(new HeldCatalogue(journal, std::move(store), clock));
  held->key_ = stored->key;
  if (!stored->head) return held;
  if (stored->genuine) {
    held->head_ = stored->head;
    held->items_ = std::move(stored->items);
    return held;
  }
  held->tell_refused("what the journal holds is not what the hub signed", *stored->head);
  held->wants_whole_ = true;
  return held;
}

void HeldCatalogue::tell_refused(std::string_view why, const sync::CatalogueHead& head) {
  if (!faults_.is_news(why, clock_.mono_now())) return;
  ops::log(ops::Level::error, "downlink", "a catalogue is refused",
           {{"reason", why}, {"version", static_cast<std::int64_t>(head.version)}});
}

bool HeldCatalogue::is_signed(const sync::CatalogueHead& head) const {
  return key_ && sync::is_signed(head, store_, *key_);
}

std::optional<sync::Position> HeldCatalogue::position() const {
  if (!head_ || wants_whole_) return std::nullopt;
  return sync::Position{.incarnation = head_->incarnation, .at = head_->version};
}

Task<void> HeldCatalogue::trust(sync::PublicKey key) {
  if (key_ == key) co_return;
  if (key_) {
    ops::log(ops::Level::warn, "downlink", "the hub signs with another key than before");
    wants_whole_ = true;
  }
  key_ = key;
  std::string record(1, format);
  append(record, key);
  journal::Batch batch;
  batch.put(Family::meta, std::string(key_key), std::move(record));
  co_await journal_.commit(std::move(batch));
}

Task<Taken> HeldCatalogue::take(sync::CatalogueSnapshot snapshot, Uuid hub) {
  if (snapshot.head.incarnation != hub) co_return Taken::gap;
  if (!is_signed(snapshot.head)) {
    tell_refused("it is not signed by the hub for this store", snapshot.head);
    co_return Taken::refused;
  }
  const bool same_hub = head_ && head_->incarnation == hub;
  const bool older = same_hub && snapshot.head.version < head_->version;
  const bool same = same_hub && snapshot.head.version == head_->version;
  if (older || (same && !wants_whole_)) co_return Taken::old;
  sync::Catalogue items = all_of(std::move(snapshot.items));
  if (sync::digest_of(items) != snapshot.head.digest) {
    tell_refused("it is not what the hub signed", snapshot.head);
    co_return Taken::refused;
  }
  co_await keep(snapshot.head, std::move(items));
  co_return Taken::applied;
}

Task<Taken> HeldCatalogue::take(sync::CatalogueDelta delta, Uuid hub) {
  if (!head_ || wants_whole_ || delta.head.incarnation != hub || head_->incarnation != hub)
    co_return Taken::gap;
  if (!is_signed(delta.head)) {
    tell_refused("it is not signed by the hub for this store", delta.head);
    co_return Taken::refused;
  }
  if (delta.head.version <= head_->version) co_return Taken::old;
  if (delta.from != head_->version) co_return Taken::gap;
  sync::Catalogue items = changed(items_, std::move(delta.items));
  if (sync::digest_of(items) != delta.head.digest) {
    // The two have come apart: only a whole one helps.
    wants_whole_ = true;
    tell_refused("with it the catalogue is not what the hub signed", delta.head);
    co_return Taken::gap;
  }
  co_await keep(delta.head, std::move(items));
  co_return Taken::applied;
}

Task<void> HeldCatalogue::keep(sync::CatalogueHead head, sync::Catalogue items) {
  journal::Batch batch;
  // From what is on the disk, which after a refusal at the start is more than what is held.
  (void)journal_.scan(Family::catalogue, std::string(1, item_mark),
                      [&](std::string_view at, std::string_view) {
                        const auto name = name_of(at);
                        if (!name || !items.contains(*name)) batch.erase(Family::catalogue, std::string(at));
                        return true;
                      });
  for (const auto& [name, body] : items) {
    const auto known = items_.find(name);
    if (wants_whole_ || known == items_.end() || known->second != body)
      batch.put(Family::catalogue, key_of(name), body);
  }
  batch.put(Family::catalogue, std::string(head_key), encode(head));
  co_await journal_.commit(std::move(batch));
  head_ = head;
  items_ = std::move(items);
  wants_whole_ = false;
  faults_.over();
}

}  // namespace perkline::edge::downlink
