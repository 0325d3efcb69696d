-- Members' wallets, and answers to repeated calls that go by their age.
-- Times are milliseconds since 1970 in UTC.

-- Which wallets there are: one is there at registration, with nothing in it yet. What is in them the ledger says.
CREATE TABLE wallet (
  user_id    TEXT NOT NULL,
  currency   TEXT NOT NULL CHECK (LENGTH(currency) = 3),
  created_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, currency)
);

-- What people wrote to a movement. Apart from the ledger, whose rows stay when somebody's data goes.
CREATE TABLE wallet_note (
  transfer_id TEXT NOT NULL PRIMARY KEY,
  user_id     TEXT NOT NULL,               -- with whose data it goes
  note        TEXT NOT NULL
);
CREATE INDEX wallet_note_by_user ON wallet_note (user_id);

CREATE INDEX idempotency_by_age ON idempotency (created_at);
