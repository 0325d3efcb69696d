#include "hub/ingest/verify_sales.hpp"

#include "hub/db/mismatches.hpp"

namespace perkline::hub::ingest {
namespace {

constexpr db::Rule rules[] = {
    {"SELECT s.session_id FROM sale s LEFT JOIN transfer t ON t.state = 'posted' AND t.external_id ="
     " CASE WHEN s.settled_at IS NULL THEN 'sale:' ELSE 'settle:' END || s.session_id"
     " WHERE s.state = 'finalized' AND COALESCE(t.amount, 0) <> s.earned ORDER BY s.session_id LIMIT 100",
     "sale ", " has earned other points than were booked"},
    {"SELECT s.session_id FROM sale s LEFT JOIN transfer t ON t.state = 'posted' AND t.external_id ="
     " CASE WHEN s.settled_at IS NULL THEN 'redeem:' ELSE 'settle-redeem:' END || s.session_id"
     " WHERE s.state = 'finalized' AND COALESCE(t.amount, 0) <> s.redeemed ORDER BY s.session_id LIMIT 100",
     "sale ", " has redeemed other points than were booked"},
    {"SELECT s.session_id FROM sale s"
     " LEFT JOIN transfer e ON e.state = 'pending' AND e.external_id = 'pending:' || s.session_id"
     " LEFT JOIN transfer r ON r.state = 'pending' AND r.external_id = 'pending-redeem:' || s.session_id"
     " WHERE COALESCE(e.amount, 0) <> CASE WHEN s.state = 'pending' THEN s.earned ELSE 0 END"
     " OR COALESCE(r.amount, 0) <> CASE WHEN s.state = 'pending' THEN s.redeemed ELSE 0 END"
     " ORDER BY s.session_id LIMIT 100",
     "sale ", " is not pending as the ledger has it"},
    {"SELECT s.session_id FROM sale s"
     " LEFT JOIN transfer t ON t.state = 'posted' AND t.external_id = 'standin-loss:' || s.session_id"
     " WHERE COALESCE(t.amount, 0) <> CASE WHEN s.state = 'rejected' THEN s.redeemed ELSE 0 END"
     " ORDER BY s.session_id LIMIT 100",
     "sale ", " is not the loss that was booked"},
    {"SELECT t.external_id FROM transfer t LEFT JOIN sale s ON s.state = 'finalized' AND s.session_id ="
     " CASE WHEN t.external_id LIKE 'sale:%' THEN SUBSTR(t.external_id, 6)"
     " WHEN t.external_id LIKE 'settle:%' THEN SUBSTR(t.external_id, 8)"
     " WHEN t.external_id LIKE 'redeem:%' THEN SUBSTR(t.external_id, 8)"
     " ELSE SUBSTR(t.external_id, 15) END"
     " WHERE t.code IN ('sale.earned', 'sale.redeemed') AND s.session_id IS NULL"
     " ORDER BY t.external_id LIMIT 100",
     "transfer ", " is for no sale that is booked"},
    {"SELECT s.session_id FROM sale s LEFT JOIN (SELECT session_id, SUM(amount) AS amount,"
     " SUM(clawed_back) AS clawed_back, SUM(restored) AS restored FROM sale_return WHERE state = 'booked'"
     " GROUP BY session_id) b ON b.session_id = s.session_id WHERE s.state = 'finalized'"
     " AND (COALESCE(b.amount, 0) <> s.returned OR COALESCE(b.clawed_back, 0) <> s.clawed_back"
     " OR COALESCE(b.restored, 0) <> s.restored) ORDER BY s.session_id LIMIT 100",
     "sale ", " has had other returns than are written down"},
    {"SELECT r.id FROM sale_return r"
     " LEFT JOIN transfer c ON c.state = 'posted' AND c.external_id = 'return:' || r.id"
     " LEFT JOIN transfer g ON g.state = 'posted' AND g.external_id = 'return-restored:' || r.id"
     " WHERE COALESCE(c.amount, 0) <> COALESCE(r.clawed_back, 0)"
     " OR COALESCE(g.amount, 0) <> COALESCE(r.restored, 0) ORDER BY r.id LIMIT 100",
     "return ", " comes to other points than were booked"},
    {"SELECT m.customer_id FROM member m LEFT JOIN (SELECT customer_id, SUM(clawed_back - restored) AS owed"
     " FROM sale GROUP BY customer_id) s ON s.customer_id = m.customer_id"
     " WHERE COALESCE(s.owed, 0) <> m.owed ORDER BY m.customer_id LIMIT 100",
     "member ", " owes other points than its returns come to"},
    {"SELECT s.session_id FROM sale s"
     " LEFT JOIN transfer t ON t.state = 'posted' AND t.external_id = 'sale-points:' || s.session_id"
     " LEFT JOIN account a ON a.id = t.credit_account WHERE (s.points_user IS NULL AND t.seq IS NOT NULL)"
     " OR (s.points_user IS NOT NULL AND (t.seq IS NULL OR t.amount > s.points_due"
     " OR a.owner_id <> s.points_user)) ORDER BY s.session_id LIMIT 100",
     "sale ", " has given the programme's points to somebody else than is written down"},
};

}  // namespace

Result<std::vector<std::string>> verify_sales(db::Transaction& transaction) {
  return db::find_mismatches(transaction, rules);
}

}  // namespace perkline::hub::ingest
