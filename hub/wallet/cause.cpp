#include "hub/wallet/cause.hpp"

#include "hub/events/event_log.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::wallet {

Cause make_cause(UuidMaker& ids, WallTime at, std::string traceparent, std::string actor) {
  return {.id = ids.next(),
          .at = at,
          .traceparent = std::move(traceparent),
          .actor = std::move(actor),
          .audit = ids.next(),
          .opened = {ids.next(), ids.next()},
          .moved = {ids.next(), ids.next()}};
}

Result<void> tell_moved(db::Transaction& transaction, const Cause& cause, const Uuid& event,
                        const Movement& movement) {
  json::Writer data;
  data.begin_object().field("userId", movement.user.str());
  data.field("amount", format_amount(movement.amount)).field("currency", movement.amount.currency.code());
  data.field("reason", movement.code).field("transferId", movement.transfer).end_object();
  return events::append(transaction, {.id = event,
                                      .type = movement.type,
                                      .occurred_at = cause.at,
                                      .traceparent = cause.traceparent,
                                      .data = data.take()});
}

Result<void> note_in_audit(db::Transaction& transaction, const Cause& cause, std::string action,
                           const UserId& user, const Money& amount) {
  json::Writer detail;
  detail.begin_object().field("id", cause.id.str()).field("amount", format_amount(amount));
  detail.field("currency", amount.currency.code()).end_object();
  return identity::append_audit(transaction, {.id = cause.audit,
                                              .at = cause.at,
                                              .actor = cause.actor,
                                              .action = std::move(action),
                                              .subject = "user:" + user.str(),
                                              .detail = detail.take()});
}

}  // namespace perkline::hub::wallet
