-- Payments, what became of them, and the built-in test provider's own books. Times are milliseconds since 1970 in UTC;
-- amounts are minor units.

-- A payment is pending until its provider's word is known; whoever asks has it to itself until due_at.
CREATE TABLE payment (
  id          TEXT NOT NULL PRIMARY KEY,     -- UUIDv7
  reference   TEXT NOT NULL UNIQUE,          -- what the provider knows it by
  user_id     TEXT NOT NULL,                 -- who pays
  payee_id    TEXT,                          -- another member; null: money comes into one's own wallet
  amount      BIGINT NOT NULL CHECK (amount > 0),
  currency    TEXT NOT NULL CHECK (LENGTH(currency) = 3),
  status      TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'failed')),
  reason      TEXT,                          -- why it failed
  traceparent TEXT NOT NULL,                 -- of the call that began it
  created_at  BIGINT NOT NULL,
  decided_at  BIGINT,
  attempts    BIGINT NOT NULL DEFAULT 0,     -- how often the provider may have been asked
  due_at      BIGINT NOT NULL,
  CHECK ((status = 'pending') = (decided_at IS NULL)),
  CHECK ((status = 'failed') = (reason IS NOT NULL))
);
CREATE INDEX payment_by_user ON payment (user_id, id);
CREATE INDEX payment_due ON payment (due_at) WHERE status = 'pending';

-- What was decided, written with the money's movement; never changed.
CREATE TABLE billing_record (
  id          TEXT NOT NULL PRIMARY KEY,     -- UUIDv7
  payment_id  TEXT NOT NULL UNIQUE REFERENCES payment (id),
  reference   TEXT NOT NULL,
  user_id     TEXT NOT NULL,
  payee_id    TEXT,
  amount      BIGINT NOT NULL CHECK (amount > 0),
  currency    TEXT NOT NULL CHECK (LENGTH(currency) = 3),
  status      TEXT NOT NULL CHECK (status IN ('completed', 'failed')),
  reason      TEXT,
  transfer_id TEXT,                          -- the ledger's; null: nothing was booked
  created_at  BIGINT NOT NULL,
  CHECK ((status = 'completed') = (transfer_id IS NOT NULL) AND (status = 'failed') = (reason IS NOT NULL))
);
CREATE INDEX billing_record_by_user ON billing_record (user_id, id);

-- As somebody else's: the hub's other tables know nothing of it, nor it of them.
CREATE TABLE test_provider_charge (
  reference TEXT NOT NULL PRIMARY KEY,
  amount    BIGINT NOT NULL,
  currency  TEXT NOT NULL,
  outcome   TEXT NOT NULL CHECK (outcome IN ('settled', 'declined')),
  known_at  BIGINT NOT NULL                  -- before that it says pending
);
