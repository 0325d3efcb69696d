-- What happened in the hub, for whoever has to hear of it: notifications, webhooks, other modules. Written in the
-- transaction of what it tells of. Times are milliseconds since 1970 in UTC.

CREATE TABLE event_outbox (
  id          TEXT NOT NULL PRIMARY KEY,  -- UUIDv7
  type        TEXT NOT NULL,              -- SALE_FINALIZED, …
  version     BIGINT NOT NULL,            -- of the type's data, which only ever grows
  occurred_at BIGINT NOT NULL,
  traceparent TEXT NOT NULL,              -- of the call that caused it; empty: none
  data        TEXT NOT NULL               -- JSON object
);
