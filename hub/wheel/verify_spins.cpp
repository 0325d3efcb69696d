#include "hub/wheel/verify_spins.hpp"

#include "hub/db/mismatches.hpp"

namespace perkline::hub::wheel {
namespace {

constexpr db::Rule rules[] = {
    {"SELECT s.id FROM spin s"
     " LEFT JOIN transfer t ON t.state = 'posted' AND t.external_id = 'spin:' || s.id"
     " LEFT JOIN account a ON a.id = t.debit_account WHERE COALESCE(t.amount, 0) <> s.cost"
     " OR (t.seq IS NOT NULL AND (s.user_id IS NULL OR a.owner_id <> s.user_id)) ORDER BY s.id LIMIT 100",
     "spin ", " has cost other points, or somebody else, than were booked"},
    {"SELECT s.id FROM spin s"
     " LEFT JOIN transfer t ON t.state = 'posted' AND t.external_id = 'prize:' || s.id"
     " LEFT JOIN account a ON a.id = t.credit_account"
     " WHERE COALESCE(t.amount, 0) <> CASE WHEN s.user_id IS NULL OR s.lapsed = 1 THEN 0 ELSE s.points END"
     " OR (t.seq IS NOT NULL AND a.owner_id <> s.user_id) ORDER BY s.id LIMIT 100",
     "spin ", " has given other points, or to somebody else, than were booked"},
    {"SELECT t.external_id FROM transfer t LEFT JOIN spin s ON s.id = CASE WHEN t.code = 'spin'"
     " THEN SUBSTR(t.external_id, 6) ELSE SUBSTR(t.external_id, 7) END"
     " WHERE t.code IN ('spin', 'prize') AND s.id IS NULL ORDER BY t.external_id LIMIT 100",
     "transfer ", " is for no spin"},
    {"SELECT p.id FROM prize p LEFT JOIN (SELECT prize_id, COUNT(*) AS units FROM spin WHERE took_unit = 1"
     " GROUP BY prize_id) s ON s.prize_id = p.id WHERE p.awarded <> p.awarded_apart + p.carried_over"
     " + COALESCE(s.units, 0)"
     " ORDER BY p.id LIMIT 100",
     "prize ", ": other units are awarded than its spins have taken"},
    {"SELECT s.id FROM spin s LEFT JOIN prize p ON p.id = s.prize_id WHERE p.id IS NULL ORDER BY s.id LIMIT "
     "100",
     "spin ", " has won a prize that there is not"},
    {"SELECT s.id FROM spin s JOIN prize_lease l ON l.id = s.lease_id WHERE l.store_id <> s.store_id"
     " OR l.prize_id <> s.prize_id OR s.ordinal < 1 OR s.ordinal > l.units"
     " ORDER BY s.id LIMIT 100",
     "spin ", " has a unit that its lease has not"},
    {"SELECT m.winner || ' ' || m.prize_id FROM prize_one_time m JOIN spin s ON s.id = m.spin_id"
     " WHERE s.prize_id <> m.prize_id ORDER BY m.winner, m.prize_id LIMIT 100",
     "one-time prize of ", " is marked as won by a spin that won another"},
    {"SELECT s.id FROM spin s LEFT JOIN wheel_seed w ON w.id = s.seed_id AND w.store_id ="
     " COALESCE(s.store_id, '') LEFT JOIN wheel_secret k ON k.seed_id = w.id"
     " LEFT JOIN wheel_table t ON t.id = s.table_id WHERE COALESCE(w.seed, k.seed) IS NULL OR t.id IS NULL"
     " OR REPLACE(t.content, s.prize_id || ' ', '') = t.content ORDER BY s.id LIMIT 100",
     "spin ", " cannot be proven: its seed, its table or its prize in that is not there"},
};

}  // namespace

Result<std::vector<std::string>> verify_spins(db::Transaction& transaction) {
  return db::find_mismatches(transaction, rules);
}

}  // namespace perkline::hub::wheel
