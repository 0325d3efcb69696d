#include "hub/wheel/proof.hpp"

#include "hub/wheel/seeds.hpp"
#include "hub/wheel/spins.hpp"

namespace perkline::hub::wheel {

Result<std::optional<Proof>> find_proof(db::Transaction& transaction, const Uuid& spin) {
  auto rows = transaction.query(
      "SELECT spin.member, spin.client_seed, spin.nonce, spin.prize_id, wheel_seed.store_id, wheel_seed.day,"
      " wheel_seed.commitment, wheel_seed.seed, wheel_table.content FROM spin"
      " JOIN wheel_seed ON wheel_seed.id = spin.seed_id JOIN wheel_table ON wheel_table.id = spin.table_id"
      " WHERE spin.id = $1",
      {spin.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  const db::Row& row = rows->front();
  auto table = loyalty::read_table(row.text(8));
  if (!table) return fail(Errc::corrupt, "a prize table is none");
  Proof proof{.spin = spin.str(),
              .draw = {.member = row.text(0), .client_seed = row.text(1), .nonce = row.integer(2)},
              .store = std::nullopt,
              .day = Day{days{row.integer(5)}},
              .commitment = row.text(6),
              .seed = row.optional_text(7),
              .table = std::move(*table),
              .prize = row.text(3)};
  if (!row.text(4).empty()) proof.store = StoreId(row.text(4));
  return proof;
}

void write_proof(json::Writer& out, const Proof& proof) {
  out.begin_object().field("spinId", proof.spin).key("memberId");
  is_forgotten_member(proof.draw.member) ? out.null() : out.value(proof.draw.member);
  out.field("clientSeed", proof.draw.client_seed).field("nonce", proof.draw.nonce).key("storeId");
  proof.store ? out.value(proof.store->str()) : out.null();
  out.field("day", day_text(proof.day)).field("serverSeedHash", proof.commitment).key("serverSeed");
  proof.seed ? out.value(*proof.seed) : out.null();
  out.field("tableVersion", to_hex(loyalty::version_of(proof.table))).key("table").begin_array();
  for (const loyalty::PrizeTable::Slot& slot : proof.table.slots)
    out.begin_object().field("id", slot.prize).field("tickets", slot.tickets).end_object();
  out.end_array().field("prizeId", proof.prize).end_object();
}

}  // namespace perkline::hub::wheel
