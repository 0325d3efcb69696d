#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "edge/journal/journal.hpp"
#include "shared/ops/standing_faults.hpp"
#include "shared/sync/catalogue.hpp"

namespace perkline::edge::downlink {

/// What became of a catalogue that came down.
enum class Taken : std::uint8_t {
  applied,
  old,      ///< No newer than what is held.
  gap,      ///< It does not follow on: what is held is to be told, and brings what does.
  refused,  ///< Not signed by the hub for this store, or not what was signed.
};

/// What lies in the journal of it.
struct StoredCatalogue {
  std::optional<sync::PublicKey> key = {};       ///< The hub's.
  std::optional<sync::CatalogueHead> head = {};  ///< nullopt: there is none.
  sync::Catalogue items = {};
  bool genuine = false;  ///< The hub has signed just this for this store.
};
/// Errors: corrupt, newer_format, io_failed.
Result<StoredCatalogue> read_stored_catalogue(const journal::JournalReader& journal, const StoreId& store);

/// The hub's catalogue as this store holds it, in the journal's family `catalogue`, and the key it is signed
/// with, in `meta`. Reactor's thread; one call that suspends at a time.
class HeldCatalogue {
 public:
  /// Reads it, and holds it against its signature: a catalogue that is not what the hub signed counts as
  /// none. `journal` and `clock` must outlive it. Errors: corrupt, newer_format, io_failed.
  static Result<std::unique_ptr<HeldCatalogue>> open(journal::Journal& journal, StoreId store,
                                                     const Clock& clock);

  /// All items; of kinds that this version does not know too.
  const sync::Catalogue& items() const { return items_; }
  /// nullopt: there is none, or a whole one is wanted.
  std::optional<sync::Position> position() const;

  /// The hub's key, as told on a connection that only the hub of the configuration can have made. Another one
  /// than before: a whole catalogue, signed with it, is wanted.
  Task<void> trust(sync::PublicKey key);

  /// `hub`: the incarnation that was told last; one of another is a gap. As one batch, or not at all.
  Task<Taken> take(sync::CatalogueSnapshot snapshot, Uuid hub);
  Task<Taken> take(sync::CatalogueDelta delta, Uuid hub);

 private:
  HeldCatalogue(journal::Journal& journal, StoreId store, const Clock& clock)
      : journal_(journal), store_(std::move(store)), clock_(clock) {}
  /// In the log: the hub sends what was refused every few seconds.
  void tell_refused(std::string_view why, const sync::CatalogueHead& head);
  bool is_signed(const sync::CatalogueHead& head) const;
  Task<void> keep(sync::CatalogueHead head, sync::Catalogue items);

  journal::Journal& journal_;
  StoreId store_;
  const Clock& clock_;
  ops::StandingFaults faults_;
  std::optional<sync::PublicKey> key_;
  std::optional<sync::CatalogueHead> head_;
  sync::Catalogue items_;
  bool wants_whole_ = false;
};

}  // namespace perkline::edge::downlink
