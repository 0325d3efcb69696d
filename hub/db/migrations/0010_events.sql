-- Who hears of the outbox's events, and how far: places in it, consumers, what could not be taken, webhooks.
-- Times are milliseconds since 1970 in UTC.

-- The outbox again. Transactions commit in another order than they count seq up in, so events get their place from one
-- numbering step after the commit: position has no holes, and what has one is there for everybody.
CREATE TABLE event_outbox_with_position (
  seq         {{id}},
  id          TEXT NOT NULL UNIQUE,       -- UUIDv7
  type        TEXT NOT NULL,              -- SALE_FINALIZED, …
  version     BIGINT NOT NULL,            -- of the type's data, which only ever grows
  occurred_at BIGINT NOT NULL,
  traceparent TEXT NOT NULL,              -- of the call that caused it; empty: none
  data        TEXT NOT NULL,              -- JSON object
  position    BIGINT CHECK (position > 0),
  numbered_at BIGINT,
  CHECK ((position IS NULL) = (numbered_at IS NULL))
);
INSERT INTO event_outbox_with_position (id, type, version, occurred_at, traceparent, data, position, numbered_at)
  SELECT id, type, version, occurred_at, traceparent, data, ROW_NUMBER() OVER (ORDER BY id), occurred_at
  FROM event_outbox
  ORDER BY id;
DROP TABLE event_outbox;
ALTER TABLE event_outbox_with_position RENAME TO event_outbox;
CREATE UNIQUE INDEX event_outbox_by_position ON event_outbox (position);
CREATE INDEX event_outbox_unnumbered ON event_outbox (seq) WHERE position IS NULL;

-- One row: the last position given. Its lock is the numbering step's.
CREATE TABLE event_numbering (
  id       {{key}} CHECK (id = 1),
  position BIGINT NOT NULL CHECK (position >= 0)
);
INSERT INTO event_numbering (id, position) SELECT 1, COUNT(*) FROM event_outbox;

-- Moves in the transaction of what the consumer does of it: that is what makes each event's effect happen once.
CREATE TABLE event_consumer (
  name        TEXT NOT NULL PRIMARY KEY,
  position    BIGINT NOT NULL CHECK (position >= 0), -- the last event taken, or set aside
  enrolled_at BIGINT NOT NULL
);

-- Events that a consumer could not take: set aside and tried again, then a person's.
CREATE TABLE event_dead_letter (
  id          TEXT NOT NULL PRIMARY KEY,             -- event.<consumer>.<position>
  consumer    TEXT NOT NULL REFERENCES event_consumer (name),
  position    BIGINT NOT NULL,
  type        TEXT NOT NULL,                         -- the event's
  state       TEXT NOT NULL CHECK (state IN ('retrying', 'open', 'applied', 'discarded')),
  attempts    BIGINT NOT NULL CHECK (attempts > 0),
  reason      TEXT NOT NULL,                         -- of the last attempt
  retry_at    BIGINT,
  received_at BIGINT NOT NULL,                       -- when it failed first
  decided_at  BIGINT,
  UNIQUE (consumer, position),
  CHECK ((state = 'retrying') = (retry_at IS NOT NULL)),
  CHECK ((state IN ('applied', 'discarded')) = (decided_at IS NOT NULL))
);
CREATE INDEX event_dead_letter_due ON event_dead_letter (retry_at) WHERE state = 'retrying';
CREATE INDEX event_dead_letter_open ON event_dead_letter (received_at, id) WHERE state = 'open';
CREATE INDEX event_dead_letter_by_position ON event_dead_letter (position) WHERE state IN ('retrying', 'open');

CREATE TABLE webhook (
  id            TEXT NOT NULL PRIMARY KEY, -- UUIDv7
  url           TEXT NOT NULL,
  types         TEXT NOT NULL,             -- of the events it wants, a comma between two; empty: all
  description   TEXT NOT NULL,
  secret        TEXT NOT NULL,             -- the key of its signatures; empty once it is deleted
  from_position BIGINT NOT NULL,           -- events behind it are sent
  created_at    BIGINT NOT NULL,
  deleted_at    BIGINT,
  lease_owner   TEXT NOT NULL DEFAULT '',  -- the replica that sends, one at a time
  lease_until   BIGINT NOT NULL DEFAULT 0,
  CHECK (deleted_at IS NULL OR secret = '')
);

CREATE TABLE webhook_delivery (
  id              {{id}},
  webhook_id      TEXT NOT NULL REFERENCES webhook (id),
  position        BIGINT NOT NULL,         -- the event's
  event_id        TEXT NOT NULL,
  event_type      TEXT NOT NULL,
  state           TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
  attempts        BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0), -- since it was made, or last put back
  next_attempt_at BIGINT,
  last_attempt_at BIGINT,
  last_status     BIGINT,                  -- the receiver's; null: it did not answer
  last_error      TEXT,
  created_at      BIGINT NOT NULL,
  finished_at     BIGINT,
  UNIQUE (webhook_id, position),
  CHECK ((state = 'pending') = (next_attempt_at IS NOT NULL)),
  CHECK ((state = 'pending') = (finished_at IS NULL))
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, next_attempt_at) WHERE state = 'pending';
CREATE INDEX webhook_delivery_in_order ON webhook_delivery (webhook_id, position) WHERE state = 'pending';
CREATE INDEX webhook_delivery_failed ON webhook_delivery (webhook_id) WHERE state = 'failed';
CREATE INDEX webhook_delivery_by_webhook ON webhook_delivery (webhook_id, id);
CREATE INDEX webhook_delivery_by_position ON webhook_delivery (position);
CREATE INDEX webhook_delivery_by_end ON webhook_delivery (finished_at) WHERE finished_at IS NOT NULL;
