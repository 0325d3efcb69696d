#include "hub/events/offsets.hpp"

namespace perkline::hub::events {

Result<void> enroll(db::Transaction& transaction, std::string_view consumer, Beginning beginning,
                    WallTime now) {
  const std::string_view position = beginning == Beginning::at_end ? "position" : "0";
  auto made = transaction.execute("INSERT INTO event_consumer (name, position, enrolled_at) SELECT $1, " +
                                      std::string(position) +
                                      ", $2 FROM event_numbering WHERE id = 1"
                                      " ON CONFLICT (name) DO NOTHING",
                                  {std::string(consumer), now.time_since_epoch().count()});
  if (!made) return failure(made);
  return {};
}

Result<std::vector<Offset>> offsets(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT name, position FROM event_consumer ORDER BY name");
  if (!rows) return failure(rows);
  std::vector<Offset> all;
  for (const db::Row& row : *rows) all.push_back({.consumer = row.text(0), .position = row.integer(1)});
  return all;
}

Result<bool> move_offset(db::Transaction& transaction, std::string_view consumer, std::int64_t from,
                         std::int64_t to) {
  auto moved =
      transaction.execute("UPDATE event_consumer SET position = $3 WHERE name = $1 AND position = $2",
                          {std::string(consumer), from, to});
  if (!moved) return failure(moved);
  return *moved == 1;
}

}  // namespace perkline::hub::events
